//! All finds by id, with what became of each: trust, contests and the operator's word are settled id by id.

use std::{
    cmp::Ordering,
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use apex_meta::{Document, PluginId, Reason};

use crate::{
    Assess, Assessment, Candidate, Catalogue, Entry, Overrides, Problem,
    candidate::Find,
    catalogue::{Plugins, compared_to, plugins_of},
    contest,
    dependents::Dependents,
    requirement, work,
};

/// All finds by id, ids that are equal but for ASCII case counting as one.
#[derive(Debug)]
pub(crate) struct Groups<F> {
    by_key: BTreeMap<Key, Group<F>>,
    dependents: Dependents,
    /// What became of all of them, requirements included.
    plugins: Plugins,
}

/// What finds are together by: an id, or nothing.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Key {
    /// An id, ASCII case folded.
    Id(Box<str>),
    /// Where a find stands that does not even tell an id: the rank of its root, and its directory.
    Nameless(usize, PathBuf),
}

/// The finds of one id, and what became of them as long as nobody requires anything.
#[derive(Debug)]
struct Group<F> {
    finds: Vec<Find<F>>,
    entries: Vec<Entry>,
}

/// Who judges, and what else has a say.
pub(crate) struct Judge<'a, A: Assess> {
    pub(crate) assess: &'a A,
    pub(crate) overrides: &'a Overrides,
    pub(crate) linked: &'a [Document],
}

impl Key {
    pub(crate) fn of<F>(find: &Find<F>) -> Self {
        let nameless = || Self::Nameless(find.place().rank, find.place().directory.clone());
        find.id().map_or_else(nameless, Self::of_id)
    }

    pub(crate) fn of_id(id: &PluginId) -> Self {
        // Most ids have no capital letters.
        Self::Id(if is_folded(id.as_str()) { id.as_str().into() } else { id.case_folded().into() })
    }
}

impl<F> Groups<F> {
    /// Settles what becomes of finds, which come in the order of the roots, then of the paths.
    pub(crate) fn of<A: Assess<Facts = F>>(finds: Vec<Find<F>>, judge: &Judge<'_, A>) -> Self {
        let (mut named, nameless): (Vec<_>, Vec<_>) = finds.into_iter().partition(|find| find.id().is_some());
        // A stable sort, so that the finds of an id keep their order.
        named.sort_by(|one, other| fold_order(one.id(), other.id()));
        let mut groups: Vec<(Key, Group<F>)> = Vec::new();
        for find in named.into_iter().chain(nameless) {
            let is_same = |key: &Key| match (key, find.id()) {
                (Key::Id(id), Some(own)) => own.as_str().eq_ignore_ascii_case(id),
                _ => false,
            };
            match groups.last_mut() {
                Some((key, group)) if is_same(key) => group.finds.push(find),
                _ => groups.push((Key::of(&find), Group { finds: vec![find], entries: Vec::new() })),
            }
        }
        let mut by_key: BTreeMap<Key, Group<F>> = groups.into_iter().collect();
        for document in judge.linked {
            by_key.entry(Key::of_id(document.id())).or_insert_with(Group::empty);
        }
        let mut dependents = Dependents::default();
        for (key, group) in &mut by_key {
            group.settle(key, judge);
            dependents.add(key, &group.entries);
        }
        let entries = settled(by_key.values());
        let plugins = Plugins::of_sorted(plugins_of(&entries).collect());
        Self { by_key, dependents, plugins }
    }

    /// Puts other finds in the place of those at some places, and settles anew what that concerns.
    ///
    /// `was` tells what the finds that go are known by.
    pub(crate) fn replace<A: Assess<Facts = F>>(
        &mut self,
        was: BTreeSet<Key>,
        goes: impl Fn(&Path) -> bool,
        finds: Vec<Find<F>>,
        judge: &Judge<'_, A>,
    ) {
        for key in &was {
            if let Some(group) = self.by_key.get_mut(key) {
                group.finds.retain(|find| !goes(&find.place().directory));
            }
        }
        let mut concerned = was;
        for find in finds {
            let key = Key::of(&find);
            self.by_key.entry(key.clone()).or_insert_with(Group::empty).finds.push(find);
            concerned.insert(key);
        }
        for key in &concerned {
            self.settle(key, judge);
        }
        self.enforce_requirements(&concerned);
    }

    /// Settles one group anew, as long as nobody requires anything.
    fn settle<A: Assess<Facts = F>>(&mut self, key: &Key, judge: &Judge<'_, A>) {
        let Some(group) = self.by_key.get_mut(key) else { return };
        self.dependents.remove(key, &group.entries);
        for entry in &group.entries {
            self.plugins.remove(compared_to(entry));
        }
        let precedence = |find: &Find<F>| (find.place().rank, find.place().directory.clone());
        group.finds.sort_by_cached_key(precedence);
        group.settle(key, judge);
        self.dependents.add(key, &group.entries);
        if group.entries.is_empty() {
            self.by_key.remove(key);
        }
    }

    /// Settles what requirements make of groups that changed, and of those that depend on them.
    ///
    /// What becomes of a plugin depends on nothing but the plugins that it requires, and what these require in turn; so
    /// these are looked at together, and all others stay as they are.
    fn enforce_requirements(&mut self, changed: &BTreeSet<Key>) {
        let affected = self.dependents.closure_of(changed);
        let required = self.with_all_that_they_require(&affected);
        let entries = settled(required.iter().filter_map(|key| self.by_key.get(key)));
        for plugin in plugins_of(&entries) {
            let Some(first) = plugin.first().cloned() else { continue };
            let is_affected = match first.id() {
                Some(id) => affected.contains(&Key::of_id(id)),
                None => true,
            };
            if is_affected {
                self.plugins.put(plugin, compared_to(&first));
            }
        }
    }

    fn with_all_that_they_require(&self, keys: &BTreeSet<Key>) -> BTreeSet<Key> {
        let (mut all, mut next): (BTreeSet<Key>, Vec<Key>) = (keys.clone(), keys.iter().cloned().collect());
        while let Some(key) = next.pop() {
            let entries = self.by_key.get(&key).map_or(&[][..], |group| &group.entries);
            for requirement in entries.iter().flat_map(requirement::required) {
                let key = Key::of_id(&requirement.id);
                if all.insert(key.clone()) {
                    next.push(key);
                }
            }
        }
        all
    }

    /// The catalogue of all that.
    pub(crate) fn catalogue(&self, problems: Vec<Problem>) -> Catalogue {
        tracing::debug!(plugins = self.by_key.len(), problems = problems.len(), "discovery done");
        Catalogue::new(self.plugins.clone(), problems)
    }
}

/// The entries of some groups in the catalogue's order, once requirements have had their say.
fn settled<'a, F: 'a>(groups: impl Iterator<Item = &'a Group<F>>) -> Vec<Entry> {
    let mut entries: Vec<Entry> = groups.flat_map(|group| &group.entries).cloned().collect();
    work::done(entries.len());
    entries.sort_by(Entry::order);
    requirement::enforce(&mut entries);
    entries
}

impl<F> Group<F> {
    fn empty() -> Self {
        Self { finds: Vec::new(), entries: Vec::new() }
    }

    fn settle<A: Assess<Facts = F>>(&mut self, key: &Key, judge: &Judge<'_, A>) {
        let is_it = |document: &&Document| match key {
            Key::Id(id) => document.id().as_str().eq_ignore_ascii_case(id),
            Key::Nameless(..) => false,
        };
        let mut entries: Vec<_> = judge.linked.iter().filter(is_it).map(Entry::linked).collect();
        let candidates: Vec<_> = self.finds.iter().filter_map(candidate).collect();
        let mut assessments =
            if candidates.is_empty() { Vec::new() } else { judge.assess.judge(&candidates) }.into_iter();
        for find in &self.finds {
            entries.push(match find {
                Find::Invalid(invalid) => Entry::invalid(invalid),
                // A judge that passes over a candidate has not let it through.
                Find::Candidate(candidate, _) => {
                    let assessment = assessments.next().unwrap_or_else(|| not_assessed(candidate));
                    Entry::assessed(candidate, assessment)
                }
            });
        }
        work::done(entries.len());
        contest::settle(&mut entries);
        for entry in &mut entries {
            judge.overrides.apply(entry);
        }
        self.entries = entries;
    }
}

fn candidate<F>(find: &Find<F>) -> Option<(&Candidate, &F)> {
    match find {
        Find::Candidate(candidate, facts) => Some((candidate, facts)),
        Find::Invalid(_) => None,
    }
}

fn not_assessed(candidate: &Candidate) -> Assessment {
    Assessment::refused(Reason::new("NotAssessed", format!("{} was not assessed", candidate.id())))
}

fn fold_order(one: Option<&PluginId>, other: Option<&PluginId>) -> Ordering {
    let folded = |id: Option<&PluginId>| {
        id.map_or("", PluginId::as_str).bytes().map(|byte| byte.to_ascii_lowercase()).collect::<Vec<_>>()
    };
    let (first, second) = (one.map_or("", PluginId::as_str), other.map_or("", PluginId::as_str));
    match first.cmp(second) {
        Ordering::Equal => Ordering::Equal,
        // Most ids have no capital letters, and then their order is that of their bytes.
        order if is_folded(first) && is_folded(second) => order,
        _ => folded(one).cmp(&folded(other)),
    }
}

fn is_folded(id: &str) -> bool {
    !id.bytes().any(|byte| byte.is_ascii_uppercase())
}
