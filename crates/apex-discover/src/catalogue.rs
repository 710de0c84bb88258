//! The catalogue: every find with its outcome, by id and version.

use std::sync::Arc;

use apex_meta::{PluginId, PluginVersion, Status};

use crate::{Entry, Problem, Query};

/// Every find with its outcome, as it was at one moment.
///
/// Clones share the entries, so that a snapshot costs nothing. Entries are ordered by id, then by version, the newest
/// first; where several have the same id and version, the one that stands for them comes first. Those without an id
/// come last.
#[derive(Debug, Clone)]
pub struct Catalogue {
    contents: Arc<Contents>,
    generation: u64,
}

#[derive(Debug)]
struct Contents {
    entries: Vec<Entry>,
    problems: Vec<Problem>,
}

impl Catalogue {
    /// The catalogue before the first scan: nothing in it, generation 0.
    pub fn empty() -> Self {
        Self { contents: Arc::new(Contents { entries: Vec::new(), problems: Vec::new() }), generation: 0 }
    }

    /// The entries must be in order.
    pub(crate) fn new(entries: Vec<Entry>, problems: Vec<Problem>) -> Self {
        Self { contents: Arc::new(Contents { entries, problems }), generation: 1 }
    }

    /// Numbers this catalogue as the one that follows another.
    #[must_use]
    pub fn succeeding(mut self, previous: &Self) -> Self {
        self.generation = previous.generation + 1;
        self
    }

    /// The number of this catalogue, from 1, in the series of one host.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// Every entry, in order.
    pub fn entries(&self) -> &[Entry] {
        &self.contents.entries
    }

    /// What went wrong with roots, in their order.
    pub fn problems(&self) -> &[Problem] {
        &self.contents.problems
    }

    /// The entry that stands for an id and version.
    pub fn get(&self, id: &PluginId, version: &PluginVersion) -> Option<&Entry> {
        self.versions(id).iter().find(|entry| entry.version() == Some(version))
    }

    /// All entries of an id, newest version first: blocked, invalid and shadowed ones too.
    pub fn versions(&self, id: &PluginId) -> &[Entry] {
        versions_of(self.entries(), id)
    }

    /// The ids that there are entries of, in order.
    pub fn ids(&self) -> impl Iterator<Item = &PluginId> {
        self.entries().chunk_by(|one, other| one.id() == other.id()).filter_map(|entries| entries.first()?.id())
    }

    /// How many entries have a status.
    pub fn count(&self, status: Status) -> usize {
        self.entries().iter().filter(|entry| entry.status() == status).count()
    }

    /// The entries that a query asks for, in order.
    pub fn find(&self, query: &Query) -> Vec<&Entry> {
        query.run(self.entries())
    }
}

/// The entries of an id among entries in the catalogue's order.
pub(crate) fn versions_of<'a>(entries: &'a [Entry], id: &PluginId) -> &'a [Entry] {
    let known = entries.partition_point(|entry| entry.id().is_some());
    let start = entries[..known].partition_point(|entry| entry.id() < Some(id));
    let end = start + entries[start..known].partition_point(|entry| entry.id() == Some(id));
    &entries[start..end]
}
