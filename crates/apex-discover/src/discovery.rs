//! Discovery again and again: what was established once is asked for changes by stamps alone.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::Arc,
    time::SystemTime,
};

use crate::{
    Assess, Catalogue, Changes, Options, Overrides, Problem, Root,
    cache::Epoch,
    exposure::Guard,
    groups::{Groups, Judge, catalogue_of},
    record::Record,
    scan::{Opened, Scan, Scanner, Unsettled},
};

#[cfg(test)]
mod tests;
mod update;

use update::Places;

/// Discovers the plugins in some roots, again and again.
///
/// With a [cache](Options::cache) or [memory](Options::remember) a scan asks for the stamps of what it knows, and reads,
/// parses, validates and examines only what changed since. Its result is the same as that of a scan that knows nothing.
#[derive(Debug)]
pub struct Discovery<F> {
    roots: Vec<Root>,
    options: Options,
    records: HashMap<PathBuf, Arc<Record>>,
    /// What the last scan found, if it is remembered.
    last: Option<Last<F>>,
    unsettled: Vec<Unsettled>,
}

/// What a scan found, for the looks at parts of it that follow.
#[derive(Debug)]
struct Last<F> {
    groups: Groups<F>,
    problems: Vec<Problem>,
    opened: Vec<Opened>,
    /// The ids that were found in each directory of a root.
    places: Places,
}

impl<F: Send + Sync> Discovery<F> {
    /// Before the first scan.
    pub fn new(roots: Vec<Root>, options: Options) -> Self {
        Self { roots, options, records: HashMap::new(), last: None, unsettled: Vec::new() }
    }

    /// Goes by other roots from now on; if they differ from the ones so far, the next update is a scan.
    pub fn set_roots(&mut self, roots: Vec<Root>) {
        if self.roots != roots {
            self.roots = roots;
            self.last = None;
        }
    }

    /// Finds every plugin in the roots and says what becomes of it.
    ///
    /// Never fails as a whole: what is wrong with one plugin stands in its entry, what is wrong with a root in the
    /// catalogue's problems.
    pub fn scan<A: Assess<Facts = F>>(&mut self, assess: &A, overrides: &Overrides) -> Catalogue {
        let epoch = Epoch::of_this_process(&self.options.limits);
        let scanner = self.scanner(assess);
        let scan = scanner.scan(&self.roots, |root| self.recall(root, &epoch));
        let Scan { finds, problems, records, unsettled, opened } = scan;
        self.keep(records, &epoch);
        self.unsettled = unsettled;
        let judge = Judge { assess, overrides, linked: &self.options.linked };
        if !self.options.remember {
            self.last = None;
            return catalogue_of(finds, problems, &judge);
        }
        let places = update::places(&finds, &opened);
        let groups = Groups::of(finds, &judge);
        let catalogue = groups.catalogue(problems.clone());
        self.last = Some(Last { groups, problems, opened, places });
        catalogue
    }

    /// Finds what there is now, where only this may have changed since the last scan or update.
    ///
    /// Without [memory](Options::remember), or where it is no matter of single directories, this is a scan.
    pub fn update<A: Assess<Facts = F>>(&mut self, changes: &Changes, assess: &A, overrides: &Overrides) -> Catalogue {
        let updated = match changes {
            Changes::All => None,
            Changes::In(places) => self.look_at(places, assess, overrides),
        };
        updated.unwrap_or_else(|| self.scan(assess, overrides))
    }

    /// The places that must be looked at once more, because they changed too shortly before the last look, and whose
    /// time has come; together with others that may have changed.
    #[must_use]
    pub fn with_unsettled(&self, mut changes: Changes) -> Changes {
        let now = self.options.clock.now();
        for Unsettled { root, name, .. } in self.unsettled.iter().filter(|place| place.until < now) {
            match name {
                Some(name) => changes.add(root.clone(), name.clone()),
                None => changes = Changes::All,
            }
        }
        changes
    }

    /// When the first of those places must be looked at again.
    pub fn look_again_at(&self) -> Option<SystemTime> {
        self.unsettled.iter().map(|place| place.until).min()
    }

    fn scanner<'a, A: Assess<Facts = F>>(&'a self, assess: &'a A) -> Scanner<'a, A> {
        let remembers = self.options.remember || self.options.cache.is_some();
        let remembered_at = remembers.then(|| self.options.clock.now());
        Scanner { options: &self.options, assess, guard: Guard::new(), remembered_at }
    }

    fn recall(&self, root: &Path, epoch: &Epoch) -> Option<Arc<Record>> {
        let remembered = self.records.get(root).cloned();
        remembered.or_else(|| self.options.cache.as_ref()?.load(root, epoch).map(Arc::new))
    }

    /// Keeps what is news, in the cache and, if that is wanted, in memory.
    fn keep(&mut self, records: Vec<(Record, bool)>, epoch: &Epoch) {
        self.records.clear();
        for (record, is_news) in records {
            if let Some(cache) = self.options.cache.as_ref().filter(|_| is_news) {
                cache.store(&record, epoch);
            }
            if self.options.remember {
                self.records.insert(record.path.clone(), Arc::new(record));
            }
        }
    }
}
