//! A look at single directories of roots, where everything else is as it was.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    ffi::OsString,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{Discovery, Last};
use crate::{
    Assess, Catalogue, Overrides,
    candidate::Find,
    directory::{Kind, Refusal},
    groups::{Judge, Key},
    listing::keep_listed,
    look::{Look, Looked},
    open_root::{OpenRoot, open_root},
    scan::{Opened, Unsettled},
};

/// By what the finds in each directory of a root are known.
pub(super) type Places = HashMap<PathBuf, BTreeSet<Key>>;

/// Where what was found stands.
pub(super) fn places<F>(finds: &[Find<F>], opened: &[Opened]) -> Places {
    let roots: HashMap<usize, &Path> = opened.iter().map(|root| (root.rank, root.path.as_path())).collect();
    let mut places = Places::new();
    for find in finds {
        let place = find.place();
        let name = roots.get(&place.rank).and_then(|root| place.directory.strip_prefix(root).ok()?.components().next());
        if let (Some(root), Some(name)) = (roots.get(&place.rank), name) {
            places.entry(root.join(name)).or_default().insert(Key::of(find));
        }
    }
    places
}

/// What a look at one directory of a root found.
struct Seen<F> {
    root: PathBuf,
    name: OsString,
    /// None if there is no such directory any more.
    looked: Option<Looked<F>>,
}

impl<F: Send + Sync> Discovery<F> {
    /// Looks at these directories; none, if only a scan can tell what follows from that.
    pub(super) fn look_at<A: Assess<Facts = F>>(
        &mut self,
        places: &BTreeSet<(PathBuf, OsString)>,
        assess: &A,
        overrides: &Overrides,
    ) -> Option<Catalogue> {
        let seen = self.see(places, assess)?;
        let last = self.last.as_mut()?;
        let is_concerned = |path: &Path| seen.iter().any(|seen| path.starts_with(seen.root.join(&seen.name)));
        let is_problematic = seen.iter().filter_map(|seen| seen.looked.as_ref()).any(|look| !look.problems.is_empty());
        if is_problematic || last.problems.iter().any(|problem| is_concerned(problem.path())) {
            return None;
        }
        let (mut was, mut finds) = (BTreeSet::new(), Vec::new());
        for Seen { root, name, looked } in seen {
            was.extend(last.places.remove(&root.join(&name)).into_iter().flatten());
            self.unsettled.retain(|place| place.root != root || place.name.as_ref() != Some(&name));
            let unit = match looked {
                Some(looked) => {
                    if !looked.finds.is_empty() {
                        last.places.insert(root.join(&name), looked.finds.iter().map(Key::of).collect());
                    }
                    finds.extend(looked.finds);
                    self.unsettled.extend(looked.look_again_at.map(|until| Unsettled {
                        root: root.clone(),
                        name: Some(name.clone()),
                        until,
                    }));
                    looked.unit
                }
                None => None,
            };
            if let Some(record) = self.records.get_mut(&root) {
                Arc::make_mut(record).put(&name, unit);
            }
        }
        let roots = places.iter().map(|(root, name)| root.join(name)).collect::<BTreeSet<_>>();
        let goes = |directory: &Path| directory.ancestors().take(2).any(|path| roots.contains(path));
        let judge = Judge { assess, overrides, linked: &self.options.linked };
        let Last { groups, problems, .. } = last;
        groups.replace(was, goes, finds, &judge);
        Some(groups.catalogue(problems.clone()))
    }

    fn see<A: Assess<Facts = F>>(&self, places: &BTreeSet<(PathBuf, OsString)>, assess: &A) -> Option<Vec<Seen<F>>> {
        let last = self.last.as_ref()?;
        let scanner = self.scanner(assess);
        let mut roots: BTreeMap<&Path, OpenRoot> = BTreeMap::new();
        for (path, _) in places {
            if !roots.contains_key(path.as_path()) {
                let root = self.open(last, path)?;
                roots.insert(path, root);
            }
        }
        let limit = self.options.limits.directories_per_plugin;
        let mut seen = Vec::new();
        for (path, name) in places {
            let root = roots.get(path.as_path())?;
            let kind = match root.directory.kind(name) {
                Ok(kind @ (Kind::Directory | Kind::Symlink)) => Some(kind),
                Ok(Kind::File | Kind::Other(_)) | Err(Refusal::Missing) => None,
                Err(_) => return None,
            };
            let look = |kind| {
                let mut looked = Look::new(root, &scanner.guard, assess, limit).look(name, kind, scanner.remembered_at);
                keep_listed(&mut looked.finds, &mut looked.problems);
                looked
            };
            seen.push(Seen { root: path.clone(), name: name.clone(), looked: kind.map(look) });
        }
        Some(seen)
    }

    /// Opens a root of the last scan again; none if anything about it is not as it was, or the roots must be seen
    /// together.
    fn open(&self, last: &Last<F>, path: &Path) -> Option<OpenRoot> {
        let opened = last.opened.iter().find(|root| root.path == path && root.is_reliable)?;
        let overlaps = |other: &Opened| {
            other.rank != opened.rank && (other.path.starts_with(path) || path.starts_with(&other.path))
        };
        let record = self.records.get(path)?;
        let is_small = record.len() < self.options.limits.directories_per_root.min(self.options.limits.finds);
        if last.opened.iter().any(overlaps) || !is_small {
            return None;
        }
        let guard = crate::exposure::Guard::new();
        let root = open_root(self.roots.get(opened.rank)?, opened.rank, &guard, &mut Default::default()).ok()?;
        (root.path == path && root.exposure.is_none()).then_some(root)
    }
}
