//! What became different between two catalogues, each change with its reason.

use std::{
    collections::{BTreeMap, HashSet},
    path::Path,
    sync::Arc,
};

use apex_meta::{Digest, PluginVersion, Reason, Status};

use crate::{
    Catalogue, Entry,
    catalogue::{Plugin, plugin_order},
    entry::Subject,
};

/// One difference between two catalogues.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Change {
    /// What kind of change it is.
    pub kind: ChangeKind,
    /// The entry as it is now; as it was, if it was removed.
    pub entry: Entry,
    /// What became of it before; none if it was added.
    pub before: Option<Status>,
    /// Why, with a stable code.
    ///
    /// `PluginAdded`, `PluginRemoved`, `VersionChanged`, `FilesChanged`, `MetadataChanged`, `SignerChanged`,
    /// `PlacementChanged`, `ActiveVersionChanged`; `NothingInTheWay` for one that became ready, else the reason of its new status.
    pub reason: Reason,
}

/// What kind of change it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ChangeKind {
    /// It was not there before.
    Added,
    /// Its files, or what follows from them, are different.
    Changed,
    /// It is not there any more.
    Removed,
    /// Something else became of it, or for another reason.
    StatusChanged,
}

impl ChangeKind {
    /// The kind as one word in snake case.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Changed => "changed",
            Self::Removed => "removed",
            Self::StatusChanged => "status_changed",
        }
    }
}

impl Catalogue {
    /// What became different since an earlier catalogue, in the order of this one, with what is gone at the end.
    ///
    /// A plugin is known by its directory. One whose files and status both changed has two changes. What both catalogues
    /// share is not looked at.
    pub fn changes_since(&self, before: &Self) -> Vec<Change> {
        let order = |one: &Plugin, other: &Plugin| match (one.first(), other.first()) {
            (Some(one), Some(other)) => plugin_order(one, other),
            (one, other) => one.is_some().cmp(&other.is_some()),
        };
        let plugins = self.plugins().differences(before.plugins(), order, Arc::ptr_eq);
        let entries =
            |plugin: Option<&'_ Plugin>| plugin.into_iter().flat_map(|plugin| plugin.iter().cloned()).collect();
        let (was, is): (Vec<Vec<Entry>>, Vec<Vec<Entry>>) =
            plugins.into_iter().map(|(was, is)| (entries(was), entries(is))).unzip();
        let (was, is) = (was.concat(), is.concat());
        // Entries that nothing touched are shared, and where everything was looked at again most are the same.
        let same: HashSet<*const ()> = was.iter().map(Entry::address).collect();
        let kept: HashSet<*const ()> = is.iter().map(Entry::address).collect();
        let mut gone: BTreeMap<Key<'_>, &Entry> =
            was.iter().filter(|entry| !kept.contains(&entry.address())).map(|entry| (key(entry), entry)).collect();
        let mut changes = Vec::new();
        for now in is.iter().filter(|entry| !same.contains(&entry.address())) {
            match gone.remove(&key(now)) {
                None => changes.push(added(now)),
                Some(before) => changes.extend(changed(before, now).into_iter().chain(status_changed(before, now))),
            }
        }
        changes.extend(gone.into_values().map(removed));
        changes
    }
}

/// By what an entry is known in both catalogues: its directory, or what is linked.
type Key<'a> = (Option<&'a Path>, Option<&'a str>, Option<&'a PluginVersion>);

fn key(entry: &Entry) -> Key<'_> {
    match entry.path() {
        Some(path) => (Some(path), None, None),
        None => (None, entry.id().map(|id| id.as_str()), entry.version()),
    }
}

fn added(now: &Entry) -> Change {
    let reason = Reason::new("PluginAdded", format!("it appeared {}", now.whereabouts()));
    Change { kind: ChangeKind::Added, entry: now.clone(), before: None, reason }
}

fn removed(before: &Entry) -> Change {
    let reason = Reason::new("PluginRemoved", format!("it is not there any more, {}", before.whereabouts()));
    Change { kind: ChangeKind::Removed, entry: before.clone(), before: Some(before.status()), reason }
}

fn changed(before: &Entry, now: &Entry) -> Option<Change> {
    let reason = difference(before, now)?;
    Some(Change { kind: ChangeKind::Changed, entry: now.clone(), before: Some(before.status()), reason })
}

fn status_changed(before: &Entry, now: &Entry) -> Option<Change> {
    let code = |entry: &Entry| entry.reason().map(|reason| reason.code.to_string());
    if before.status() == now.status() && code(before) == code(now) {
        return None;
    }
    let reason = now.reason().cloned().unwrap_or_else(|| {
        let was = before.reason().map_or_else(|| before.status().to_string(), |reason| reason.code.to_string());
        Reason::new("NothingInTheWay", format!("what kept it from running ({was}) is gone"))
    });
    Some(Change { kind: ChangeKind::StatusChanged, entry: now.clone(), before: Some(before.status()), reason })
}

fn difference(before: &Entry, now: &Entry) -> Option<Reason> {
    let shown = |version: Option<&PluginVersion>| version.map_or_else(|| "none".to_owned(), ToString::to_string);
    let name = |entry: &Entry| entry.id().map_or_else(|| "no id".to_owned(), ToString::to_string);
    if (before.id(), before.version()) != (now.id(), now.version()) {
        let (old, new) = (shown(before.version()), shown(now.version()));
        let message = format!("it was {} {old}, and is {} {new} now", name(before), name(now));
        return Some(Reason::new("VersionChanged", message));
    }
    if before.digest() != now.digest() {
        let digest = |entry: &Entry| entry.digest().map_or_else(|| "none".to_owned(), Digest::to_string);
        let message = format!("the digest of its files was {}, and is {} now", digest(before), digest(now));
        return Some(Reason::new("FilesChanged", message));
    }
    if metadata(before) != metadata(now) {
        return Some(Reason::new("MetadataChanged", "its plugin.json has another content"));
    }
    if before.signer() != now.signer() || before.is_trusted() != now.is_trusted() {
        let signer = |entry: &Entry| entry.signer().map_or_else(|| "nobody".to_owned(), str::to_owned);
        let message = format!("trust sees {} as its signer, and {} before", signer(now), signer(before));
        return Some(Reason::new("SignerChanged", message));
    }
    if before.placement() != now.placement() {
        return Some(Reason::new("PlacementChanged", "policy lets it run in another place"));
    }
    let message = match (before.is_standby(), now.is_standby()) {
        (true, false) => "it is the active version of its store now",
        (false, true) => "it is not the active version of its store any more",
        _ => return None,
    };
    Some(Reason::new("ActiveVersionChanged", message))
}

/// What tells one `plugin.json` from another.
#[derive(PartialEq)]
enum Text<'a> {
    Hash([u8; 32]),
    Faults(&'a [apex_meta::Fault]),
    Linked,
}

fn metadata(entry: &Entry) -> Text<'_> {
    match entry.subject() {
        Subject::Candidate(candidate) => Text::Hash(*candidate.metadata.hash()),
        Subject::Invalid(invalid) => Text::Faults(&invalid.faults),
        Subject::Linked(_) => Text::Linked,
    }
}
