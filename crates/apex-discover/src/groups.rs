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
    Id(PluginId),
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

    /// Whether it is the key of an id.
    fn is_of(&self, id: Option<&PluginId>) -> bool {
        match (self, id) {
            (Self::Id(key), Some(id)) => id.eq_ignore_case(key),
            _ => false,
        }
    }

    pub(crate) fn of_id(id: &PluginId) -> Self {
        Self::Id(id.folded())
    }
}

impl<F> Groups<F> {
    /// Settles what becomes of finds, which come in the order of the roots, then of the paths.
    pub(crate) fn of<A: Assess<Facts = F>>(finds: Vec<Find<F>>, judge: &Judge<'_, A>) -> Self {
        let (mut groups, mut dependents) = (Vec::new(), Dependents::default());
        for_each_group(finds, judge.linked, |key, mut group| {
            group.settle(&key, judge);
            dependents.add(&key, &group.entries);
            groups.push((key, group));
        });
        let by_key: BTreeMap<Key, Group<F>> = groups.into_iter().collect();
        let entries = settled(entries_of(by_key.values()));
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
        let entries = settled(entries_of(required.iter().filter_map(|key| self.by_key.get(key))));
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
        catalogue(self.plugins.clone(), problems)
    }
}

/// The catalogue of finds, where nothing else is kept of them: each group gives its memory back for the next one.
pub(crate) fn catalogue_of<A: Assess>(
    finds: Vec<Find<A::Facts>>,
    problems: Vec<Problem>,
    judge: &Judge<'_, A>,
) -> Catalogue {
    let mut entries = Vec::with_capacity(finds.len());
    for_each_group(finds, judge.linked, |key, mut group| {
        group.settle(&key, judge);
        entries.append(&mut group.entries);
    });
    let entries = settled(entries);
    catalogue(Plugins::of_sorted(plugins_of(&entries).collect()), problems)
}

fn catalogue(plugins: Plugins, problems: Vec<Problem>) -> Catalogue {
    tracing::debug!(problems = problems.len(), "discovery done");
    Catalogue::new(plugins, problems)
}

/// Gives the groups of finds, which come in the order of the roots, then of the paths; those of what is linked as well.
fn for_each_group<F>(finds: Vec<Find<F>>, linked: &[Document], mut take: impl FnMut(Key, Group<F>)) {
    let (mut named, nameless): (Vec<_>, Vec<_>) = finds.into_iter().partition(|find| find.id().is_some());
    // A stable sort, so that the finds of an id keep their order.
    named.sort_by(|one, other| fold_order(one.id(), other.id()));
    let mut only_linked: BTreeSet<Key> = linked.iter().map(|document| Key::of_id(document.id())).collect();
    let mut finds = named.into_iter().chain(nameless).peekable();
    while let Some(find) = finds.next() {
        let key = Key::of(&find);
        let mut group = Group { finds: vec![find], entries: Vec::new() };
        while let Some(another) = finds.next_if(|find| key.is_of(find.id())) {
            group.finds.push(another);
        }
        only_linked.remove(&key);
        take(key, group);
    }
    only_linked.into_iter().for_each(|key| take(key, Group::empty()));
}

fn entries_of<'a, F: 'a>(groups: impl Iterator<Item = &'a Group<F>>) -> Vec<Entry> {
    groups.flat_map(|group| &group.entries).cloned().collect()
}

/// Entries in the catalogue's order, once requirements have had their say.
fn settled(mut entries: Vec<Entry>) -> Vec<Entry> {
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
        let mut entries = Vec::with_capacity(self.finds.len());
        entries.extend(judge.linked.iter().filter(|document| key.is_of(Some(document.id()))).map(Entry::linked));
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
