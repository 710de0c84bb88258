//! Entries: what became of each find.

use std::{cmp::Ordering, path::Path};

use apex_meta::{Digest, Document, Fault, Manifest, Owner, Placement, PluginId, PluginVersion, Reason, Status};

use crate::{IntendedState, Root, candidate::Place};

/// What became of one find, or of one plugin that is linked into the host.
#[derive(Debug, Clone)]
pub struct Entry {
    pub(crate) place: Option<Place>,
    pub(crate) id: Option<PluginId>,
    pub(crate) version: Option<PluginVersion>,
    pub(crate) name: Option<String>,
    pub(crate) document: Option<Document>,
    pub(crate) status: Status,
    pub(crate) reason: Option<Reason>,
    pub(crate) faults: Vec<Fault>,
    pub(crate) fault_warnings: Vec<Fault>,
    pub(crate) warnings: Vec<Reason>,
    pub(crate) signer: Option<String>,
    pub(crate) trusted: bool,
    pub(crate) digest: Option<Digest>,
    pub(crate) placement: Option<Placement>,
    pub(crate) intended: Option<IntendedState>,
    pub(crate) standing: Standing,
}

/// How an entry stands towards others of the same id and version; the first one stands for them all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Standing {
    /// No other takes its place.
    Winner,
    /// Another one takes its place.
    Loser,
    /// Trust does not let it compete.
    Refused,
    /// There is no manifest to go by.
    Invalid,
}

impl Entry {
    /// The plugin's id; none if its metadata does not even tell that.
    pub fn id(&self) -> Option<&PluginId> {
        self.id.as_ref()
    }

    /// The plugin's version; none if its metadata does not even tell that.
    pub fn version(&self) -> Option<&PluginVersion> {
        self.version.as_ref()
    }

    /// The plugin's name for people, raw: it may hold anything, terminal escapes too.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// The plugin's directory, absolute; none for a plugin that is linked into the host.
    pub fn path(&self) -> Option<&Path> {
        self.place.as_ref().map(|place| place.directory.as_path())
    }

    /// The root that it was found in; none for a plugin that is linked into the host.
    pub fn root(&self) -> Option<&Root> {
        self.place.as_ref().map(|place| &*place.root)
    }

    /// Whether it was found in a developer's root.
    pub fn is_dev(&self) -> bool {
        self.root().is_some_and(Root::is_dev)
    }

    /// Whether it is linked into the host.
    pub fn is_linked(&self) -> bool {
        self.place.is_none()
    }

    /// What became of it.
    pub fn status(&self) -> Status {
        self.status
    }

    /// Why it is not ready; none exactly if it is.
    pub fn reason(&self) -> Option<&Reason> {
        self.reason.as_ref()
    }

    /// What is wrong with its `plugin.json`, in the order of the text; only for an invalid one.
    pub fn faults(&self) -> &[Fault] {
        &self.faults
    }

    /// What its author should look at in its `plugin.json`.
    pub fn fault_warnings(&self) -> &[Fault] {
        &self.fault_warnings
    }

    /// What does not keep it from running but should be known.
    pub fn warnings(&self) -> &[Reason] {
        &self.warnings
    }

    /// Who signed it, as far as trust could tell.
    pub fn signer(&self) -> Option<&str> {
        self.signer.as_deref()
    }

    /// Whether a trusted publisher signed it and its checksum holds.
    pub fn is_trusted(&self) -> bool {
        self.trusted
    }

    /// The digest of its files, if it could be taken.
    pub fn digest(&self) -> Option<&Digest> {
        self.digest.as_ref()
    }

    /// Where policy lets its code run.
    pub fn placement(&self) -> Option<Placement> {
        self.placement
    }

    /// Its manifest and the value that it was read from; none for an invalid one.
    pub fn document(&self) -> Option<&Document> {
        self.document.as_ref()
    }

    /// Its manifest; none for an invalid one.
    pub fn manifest(&self) -> Option<&Manifest> {
        self.document.as_ref().map(Document::manifest)
    }

    /// Whether it is meant to be switched on, and who says so, whatever else keeps it from running; none for an invalid
    /// one.
    pub fn intended_state(&self) -> Option<IntendedState> {
        self.intended
    }

    /// Whom an operator's decision about it is bound to.
    ///
    /// None if there is nothing to bind one to: an unsigned plugin whose digest could not be taken.
    pub fn owner(&self) -> Option<Owner> {
        match (&self.signer, self.digest) {
            _ if self.is_linked() => Some(Owner::Linked),
            (Some(publisher), _) if self.trusted => Some(Owner::Publisher(publisher.clone())),
            (_, digest) => digest.map(Owner::Digest),
        }
    }

    pub(crate) fn set(&mut self, status: Status, reason: Reason) {
        self.status = status;
        self.reason = Some(reason);
    }

    /// What decides among equals: the earlier root, then the smaller path.
    pub(crate) fn precedence(&self) -> Option<(usize, &Path)> {
        self.place.as_ref().map(|place| (place.rank, place.directory.as_path()))
    }

    /// The order of the catalogue: by id, newest version first, the one that stands for the others first.
    pub(crate) fn order(&self, other: &Self) -> Ordering {
        self.id
            .is_none()
            .cmp(&other.id.is_none())
            .then_with(|| self.id.cmp(&other.id))
            .then_with(|| other.version.cmp(&self.version))
            .then_with(|| self.standing.cmp(&other.standing))
            .then_with(|| self.precedence().cmp(&other.precedence()))
    }

    /// Where it is, as messages name it.
    pub(crate) fn whereabouts(&self) -> String {
        self.path().map_or_else(|| "linked into the host".to_owned(), |path| format!("at {}", path.display()))
    }
}
