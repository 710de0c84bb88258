//! Plugins that other plugins require: what is ready needs all that it requires to be ready.

use std::collections::{BTreeMap, BTreeSet};

use apex_meta::{PluginId, Reason, Status};

use crate::{Entry, catalogue::versions_of, summary::Requirement};

/// Blocks every entry whose required plugins are not there, until all that is left holds together.
///
/// Plugins that require each other are fine as long as all of them are usable. Which versions go together is for a
/// resolver to say; here, some usable version must do. The entries are in the catalogue's order.
pub(crate) fn enforce(entries: &mut [Entry]) {
    let mut dependents: BTreeMap<PluginId, BTreeSet<usize>> = BTreeMap::new();
    for (index, entry) in entries.iter().enumerate() {
        for requirement in required(entry) {
            dependents.entry(requirement.id.clone()).or_default().insert(index);
        }
    }
    let mut suspects: BTreeSet<usize> = dependents.values().flatten().copied().collect();
    // Round by round, so that the outcome and its wording do not depend on the order of entries.
    while !suspects.is_empty() {
        let fallen: Vec<_> =
            suspects.iter().filter_map(|&index| Some((index, unmet(&entries[index], entries)?))).collect();
        suspects.clear();
        for (index, reason) in fallen {
            let affected = entries[index].id().and_then(|id| dependents.get(id));
            suspects.extend(affected.into_iter().flatten());
            entries[index].set(Status::Blocked, reason);
        }
    }
}

/// What an entry requires.
pub(crate) fn required(entry: &Entry) -> &[Requirement] {
    entry.summary().map_or(&[], |summary| &summary.requires)
}

/// Why a requirement of an entry that would otherwise stand is not met, if so.
fn unmet(entry: &Entry, entries: &[Entry]) -> Option<Reason> {
    if !matches!(entry.status(), Status::Ready | Status::Disabled) {
        return None;
    }
    required(entry).iter().find_map(|requirement| missing(requirement, entries))
}

fn missing(requirement: &Requirement, entries: &[Entry]) -> Option<Reason> {
    let found = versions_of(entries, &requirement.id);
    let suits = |entry: &&Entry| {
        let version = entry.summary().map(|summary| &summary.version);
        version.is_some_and(|version| {
            requirement.versions.as_ref().is_none_or(|specifier| specifier.matches(version.as_semver()))
        })
    };
    if found.iter().filter(suits).any(|entry| entry.status() == Status::Ready) {
        return None;
    }
    let id = &requirement.id;
    let wanted = requirement.versions.as_ref().map_or_else(|| id.to_string(), |range| format!("{id} {range}"));
    let (state, hint) = match found.iter().find(suits) {
        Some(entry) if entry.status() == Status::Disabled => {
            ("which is switched off".to_owned(), format!("apex enable {id}"))
        }
        Some(entry) => {
            let code = entry.reason().map_or("", |reason| &reason.code);
            (format!("which is {} ({code})", entry.status()), format!("apex why {id}"))
        }
        None if found.is_empty() => ("which is not there".to_owned(), format!("install {wanted}")),
        None => {
            let versions: Vec<_> = found.iter().filter_map(Entry::version).map(ToString::to_string).collect();
            let versions = if versions.is_empty() { "only invalid ones".to_owned() } else { versions.join(", ") };
            (format!("but there is {versions}"), format!("install {wanted}"))
        }
    };
    Some(Reason::new("DependencyMissing", format!("requires {wanted}, {state}")).with_hint(hint))
}
