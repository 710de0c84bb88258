//! The scan: every place in every root where a plugin stands or should stand.

use std::{
    borrow::Cow,
    collections::HashSet,
    ffi::{OsStr, OsString},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::SystemTime,
};

use apex_meta::Reason;

use crate::{
    Assess, Options, Problem, Root,
    candidate::{Find, MANIFEST},
    directory::Kind,
    exposure::Guard,
    listing::keep_listed,
    look::{Look, Looked, too_many},
    open_root::{OpenRoot, open_root, root_reason},
    parallel,
    record::Record,
    stamps::SETTLED,
    unit::Unit,
};

/// What a scan found, in the order of the roots, then of the paths.
#[derive(Debug)]
pub(crate) struct Scan<F> {
    pub(crate) finds: Vec<Find<F>>,
    pub(crate) problems: Vec<Problem>,
    /// What is known from now on of each root that could be opened and relied upon.
    /// Each with whether that is news.
    pub(crate) records: Vec<(Record, bool)>,
    /// Where another look tells what may have been hidden from this one, as changes of this very moment are.
    pub(crate) unsettled: Vec<Unsettled>,
    /// The roots that could be opened.
    pub(crate) opened: Vec<Opened>,
}

/// A place that changed so shortly before the look that a change after it may not show, and when it will.
#[derive(Debug, Clone)]
pub(crate) struct Unsettled {
    pub(crate) root: PathBuf,
    /// The name in the root; none if it is the root itself.
    pub(crate) name: Option<OsString>,
    pub(crate) until: SystemTime,
}

/// A root that was opened: its place in the order of roots, its resolved path, and whether it can be relied upon.
#[derive(Debug, Clone)]
pub(crate) struct Opened {
    pub(crate) rank: usize,
    pub(crate) path: PathBuf,
    pub(crate) is_reliable: bool,
}

/// What a scan goes by.
pub(crate) struct Scanner<'a, A: Assess> {
    pub(crate) options: &'a Options,
    pub(crate) assess: &'a A,
    pub(crate) guard: Guard,
    /// The time, if what is found is to be remembered.
    pub(crate) remembered_at: Option<SystemTime>,
}

/// A subdirectory of a root, or a link in the place of one.
struct Spot<'a> {
    root: &'a OpenRoot,
    name: Cow<'a, OsStr>,
    kind: Kind,
    known: Option<&'a Unit>,
}

/// A root with what is known of it.
struct Known {
    root: OpenRoot,
    record: Option<Arc<Record>>,
}

impl<A: Assess> Scanner<'_, A> {
    /// Looks through the roots; `recall` gives what is known of one by its resolved path.
    pub(crate) fn scan(&self, roots: &[Root], recall: impl Fn(&Path) -> Option<Arc<Record>>) -> Scan<A::Facts> {
        let mut problems = Vec::new();
        let opened = self.open(roots, recall, &mut problems);
        let mut records: Vec<_> = opened.iter().map(|known| Record::empty(&known.root.path)).collect();
        let mut spots = Vec::new();
        for (known, record) in opened.iter().zip(&mut records) {
            record.stamp = self.list(known, &mut spots, &mut problems);
        }
        let looks = self.look_at(&spots);
        let overlap = overlap(&opened);
        let (mut seen, mut finds, mut unsettled) = (HashSet::new(), Vec::new(), Vec::new());
        let ranks: Vec<_> = opened.iter().map(|known| known.root.rank).collect();
        for (spot, look) in spots.iter().zip(looks) {
            problems.extend(look.problems);
            unsettled.extend(look.look_again_at.map(|until| Unsettled {
                root: spot.root.path.clone(),
                name: Some(spot.name.clone().into_owned()),
                until,
            }));
            // Where one root lies within another, both see the same directories: the earlier root has them.
            let is_new = |find: &Find<A::Facts>| !overlap || seen.insert(find.place().directory.clone());
            finds.extend(look.finds.into_iter().filter(is_new));
            if let (Some(unit), Ok(at)) = (look.unit, ranks.binary_search(&spot.root.rank)) {
                records[at].units.push(unit);
            }
        }
        keep_listed(&mut finds, &mut problems);
        self.limit(&mut finds, &mut problems);
        for (known, record) in opened.iter().zip(&records).filter(|(_, record)| record.stamp.is_none()) {
            let until = known.root.stamp.and_then(|stamp| stamp.changed_at().checked_add(SETTLED));
            let until = until.filter(|until| self.remembered_at.is_some_and(|looked_at| *until >= looked_at));
            unsettled.extend(until.map(|until| Unsettled { root: record.path.clone(), name: None, until }));
        }
        let is_reliable = |known: &Known| known.root.exposure.is_none();
        let is_news = |known: &Known, record: &Record| !known.record.as_ref().is_some_and(|old| old.is_same_as(record));
        let kept = opened.iter().zip(records).filter(|(known, _)| is_reliable(known)).map(|(known, record)| {
            let is_news = is_news(known, &record);
            (record, is_news)
        });
        let (records, opened) = (
            kept.collect(),
            opened
                .iter()
                .map(|known| Opened {
                    rank: known.root.rank,
                    path: known.root.path.clone(),
                    is_reliable: is_reliable(known),
                })
                .collect(),
        );
        Scan { finds, problems, records, unsettled, opened }
    }

    fn open(
        &self,
        roots: &[Root],
        recall: impl Fn(&Path) -> Option<Arc<Record>>,
        problems: &mut Vec<Problem>,
    ) -> Vec<Known> {
        let mut resolved: HashSet<PathBuf> = HashSet::new();
        let mut opened = Vec::new();
        for (rank, root) in roots.iter().enumerate() {
            match open_root(root, rank, &self.guard, &mut resolved) {
                Ok(root) => {
                    problems.extend(root.exposure.clone().map(|reason| Problem::new(&root.path, reason)));
                    // What others may change, or could until now, is looked at as if for the first time.
                    let may_recall = self.remembered_at.is_some() && root.exposure.is_none();
                    let record = may_recall.then(|| recall(&root.path)).flatten();
                    opened.push(Known { root, record });
                }
                Err(problem) => problems.push(problem),
            }
        }
        opened
    }

    /// The subdirectories of a root: those that are known, if no name can have come or gone since then; and the stamp
    /// that vouches for them next time.
    fn list<'k>(
        &self,
        known: &'k Known,
        spots: &mut Vec<Spot<'k>>,
        problems: &mut Vec<Problem>,
    ) -> Option<apex_files::Stamp> {
        let Known { root, record } = known;
        if root.directory.kind(OsStr::new(MANIFEST)).is_ok() {
            let message = format!("root {} is itself a plugin, not a directory of plugins", root.path.display());
            let reason = Reason::new("RootIsPlugin", message).with_hint("name its parent directory as the root");
            problems.push(Problem::new(&root.path, reason));
        }
        if let Some(record) = record
            && record.stamp.is_some()
            && record.stamp == root.stamp
        {
            spots.extend(record.units.iter().map(|unit| Spot {
                root,
                name: Cow::Borrowed(unit.name()),
                kind: unit.kind(),
                known: Some(unit),
            }));
            return root.stamp;
        }
        let limit = self.options.limits.directories_per_root;
        match root.directory.children(limit) {
            Ok(children) => {
                problems.extend(children.truncated.then(|| too_many(&root.path, limit)));
                spots.extend(children.named.into_iter().map(|(name, kind)| Spot {
                    root,
                    kind,
                    known: record.as_ref().and_then(|record| record.unit(&name)),
                    name: Cow::Owned(name),
                }));
                root.stamp.filter(|stamp| !children.truncated && self.is_settled(*stamp))
            }
            Err(refusal) => {
                problems.push(Problem::new(&root.path, root_reason(&root.path, &refusal)));
                None
            }
        }
    }

    fn is_settled(&self, stamp: apex_files::Stamp) -> bool {
        let settled = stamp.changed_at().checked_add(SETTLED);
        settled.zip(self.remembered_at).is_some_and(|(settled, looked_at)| settled < looked_at)
    }

    fn look_at(&self, spots: &[Spot<'_>]) -> Vec<Looked<A::Facts>> {
        let done = AtomicUsize::new(0);
        let restore = |stored: &[u8]| self.assess.restore_facts(stored);
        parallel::map(spots, self.options.threads, |Spot { root, name, kind, known }| {
            let finds = known.and_then(|unit| unit.finds(root, restore));
            let looked = match (finds, known) {
                (Some(finds), Some(unit)) => {
                    let unit = Some((*unit).clone());
                    Looked { finds, problems: Vec::new(), unit, look_again_at: None }
                }
                _ => {
                    let look = Look::new(root, &self.guard, self.assess, self.options.limits.directories_per_plugin);
                    look.look(name, *kind, self.remembered_at)
                }
            };
            if let Some(progress) = &self.options.progress {
                progress.tell(done.fetch_add(1, Ordering::Relaxed) + 1, spots.len());
            }
            looked
        })
    }

    fn limit(&self, finds: &mut Vec<Find<A::Facts>>, problems: &mut Vec<Problem>) {
        let limit = self.options.limits.finds;
        if finds.len() > limit {
            let place = finds[limit].place().directory.clone();
            let message = format!("{} finds, at most {limit} are kept", finds.len());
            problems.push(Problem::new(place, Reason::new("TooManyEntries", message)));
            finds.truncate(limit);
        }
    }
}

/// Whether one root lies within another.
fn overlap(opened: &[Known]) -> bool {
    let within = |one: &Known| {
        opened.iter().any(|other| one.root.rank != other.root.rank && one.root.path.starts_with(&other.root.path))
    };
    opened.iter().any(within)
}
