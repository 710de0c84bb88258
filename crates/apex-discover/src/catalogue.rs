//! The catalogue: every find with its outcome, by id and version.

use std::{
    cmp::Ordering,
    sync::{Arc, OnceLock},
};

use apex_meta::{PluginId, PluginVersion, Status};

use crate::{Entry, Problem, Query, shared_set::SharedSet};

/// Every find with its outcome, as it was at one moment.
///
/// Clones share everything, so that a snapshot costs nothing, and catalogues that follow one another share the plugins
/// that did not change in between. Entries are ordered by id, then by version, the newest first; where several have the
/// same id and version, the one that stands for them comes first. Those without an id come last.
#[derive(Debug, Clone)]
pub struct Catalogue {
    contents: Arc<Contents>,
    generation: u64,
}

#[derive(Debug)]
struct Contents {
    plugins: Plugins,
    problems: Vec<Problem>,
    /// All entries in one row, once somebody has asked for that.
    entries: OnceLock<Vec<Entry>>,
}

/// The entries of one id, in the catalogue's order; or one entry without an id. Never none.
pub(crate) type Plugin = Arc<[Entry]>;

/// All plugins, in the catalogue's order.
pub(crate) type Plugins = SharedSet<Plugin>;

impl Catalogue {
    /// The catalogue before the first scan: nothing in it, generation 0.
    pub fn empty() -> Self {
        Self { contents: Arc::new(Contents::new(Plugins::default(), Vec::new())), generation: 0 }
    }

    pub(crate) fn new(plugins: Plugins, problems: Vec<Problem>) -> Self {
        Self { contents: Arc::new(Contents::new(plugins, problems)), generation: 1 }
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
    ///
    /// Puts them into one row when it is called for the first time, which takes as long as there are entries;
    /// [`Catalogue::versions`] and [`Catalogue::get`] do without.
    pub fn entries(&self) -> &[Entry] {
        let in_a_row = || self.contents.plugins.iter().flat_map(|plugin| plugin.iter().cloned()).collect();
        self.contents.entries.get_or_init(in_a_row)
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
        let compare = |plugin: &Plugin| match id_of(plugin) {
            Some(other) => other.cmp(id),
            None => Ordering::Greater,
        };
        self.contents.plugins.get(compare).map_or(&[], |plugin| plugin)
    }

    /// The ids that there are entries of, in order.
    pub fn ids(&self) -> impl Iterator<Item = &PluginId> {
        self.contents.plugins.iter().filter_map(id_of)
    }

    /// How many entries have a status.
    pub fn count(&self, status: Status) -> usize {
        self.contents.plugins.iter().flat_map(|plugin| &**plugin).filter(|entry| entry.status() == status).count()
    }

    /// The entries that a query asks for, in order.
    pub fn find(&self, query: &Query) -> Vec<&Entry> {
        query.run(self.entries())
    }

    pub(crate) fn plugins(&self) -> &Plugins {
        &self.contents.plugins
    }
}

impl Contents {
    fn new(plugins: Plugins, problems: Vec<Problem>) -> Self {
        Self { plugins, problems, entries: OnceLock::new() }
    }
}

fn id_of(plugin: &Plugin) -> Option<&PluginId> {
    plugin.first()?.id()
}

/// Entries in the catalogue's order as plugins.
pub(crate) fn plugins_of(entries: &[Entry]) -> impl Iterator<Item = Plugin> {
    let is_one = |one: &Entry, other: &Entry| one.id().is_some() && one.id() == other.id();
    entries.chunk_by(is_one).map(Arc::from)
}

/// The order of plugins by any entry of theirs.
pub(crate) fn plugin_order(one: &Entry, other: &Entry) -> Ordering {
    match (one.id(), other.id()) {
        (Some(one), Some(other)) => one.cmp(other),
        _ => one.order(other),
    }
}

/// How a plugin compares to the one that an entry belongs to.
pub(crate) fn compared_to(entry: &Entry) -> impl Fn(&Plugin) -> Ordering {
    |plugin| plugin.first().map_or(Ordering::Less, |first| plugin_order(first, entry))
}

/// The entries of an id among entries in the catalogue's order.
pub(crate) fn versions_of<'a>(entries: &'a [Entry], id: &PluginId) -> &'a [Entry] {
    let known = entries.partition_point(|entry| entry.id().is_some());
    let start = entries[..known].partition_point(|entry| entry.id() < Some(id));
    let end = start + entries[start..known].partition_point(|entry| entry.id() == Some(id));
    &entries[start..end]
}
