//! All finds by id, with what became of each: trust, contests and the operator's word are settled id by id.

use std::{
    cmp::Ordering,
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use apex_meta::{Document, PluginId, Reason};

use crate::{
    Assess, Assessment, Candidate, Catalogue, Entry, Overrides, Problem, candidate::Find, contest, requirement,
};

/// All finds by id, ids that are equal but for ASCII case counting as one.
#[derive(Debug)]
pub(crate) struct Groups<F> {
    by_id: BTreeMap<Box<str>, Group<F>>,
    /// Finds that do not even tell an id.
    nameless: Vec<Find<F>>,
}

/// The finds of one id, and what became of them as long as nobody requires anything.
#[derive(Debug)]
struct Group<F> {
    finds: Vec<Find<F>>,
    entries: Vec<Entry>,
}

impl<F> Default for Groups<F> {
    fn default() -> Self {
        Self { by_id: BTreeMap::new(), nameless: Vec::new() }
    }
}

/// Who judges, and what else has a say.
pub(crate) struct Judge<'a, A: Assess> {
    pub(crate) assess: &'a A,
    pub(crate) overrides: &'a Overrides,
    pub(crate) linked: &'a [Document],
}

impl<F> Groups<F> {
    /// Settles what becomes of finds, which come in the order of the roots, then of the paths.
    pub(crate) fn of<A: Assess<Facts = F>>(finds: Vec<Find<F>>, judge: &Judge<'_, A>) -> Self {
        let (mut named, nameless): (Vec<_>, Vec<_>) = finds.into_iter().partition(|find| find.id().is_some());
        // A stable sort, so that the finds of an id keep their order.
        named.sort_by(|one, other| fold_order(one.id(), other.id()));
        let mut groups: Vec<(Box<str>, Group<F>)> = Vec::new();
        for find in named {
            let is_same = |id: &str| find.id().is_some_and(|own| own.as_str().eq_ignore_ascii_case(id));
            match groups.last_mut() {
                Some((id, group)) if is_same(id) => group.finds.push(find),
                _ => {
                    let id = find.id().map_or_else(String::new, PluginId::case_folded).into();
                    groups.push((id, Group { finds: vec![find], entries: Vec::new() }));
                }
            }
        }
        let mut groups = Self { by_id: groups.into_iter().collect(), nameless };
        for document in judge.linked {
            groups.by_id.entry(document.id().case_folded().into()).or_insert_with(Group::empty);
        }
        for (id, group) in &mut groups.by_id {
            group.settle(id, judge);
        }
        groups
    }

    /// Puts other finds in the place of those at some places, and settles anew what that concerns.
    ///
    /// `was` are the ids of the finds that go, `None` for those without one.
    pub(crate) fn replace<A: Assess<Facts = F>>(
        &mut self,
        was: &BTreeSet<Option<Box<str>>>,
        goes: impl Fn(&Path) -> bool,
        finds: Vec<Find<F>>,
        judge: &Judge<'_, A>,
    ) {
        let mut concerned = BTreeSet::new();
        for id in was {
            let finds = match id {
                Some(id) => self.by_id.get_mut(id).map(|group| &mut group.finds),
                None => Some(&mut self.nameless),
            };
            concerned.extend(id.clone());
            if let Some(finds) = finds {
                finds.retain(|find| !goes(&find.place().directory));
            }
        }
        for find in finds {
            let Some(id) = find.id().map(|id| Box::<str>::from(id.case_folded())) else {
                self.nameless.push(find);
                continue;
            };
            concerned.insert(id.clone());
            let group = self.by_id.entry(id).or_insert_with(Group::empty);
            group.finds.push(find);
        }
        for id in concerned {
            let Some(group) = self.by_id.get_mut(&id) else { continue };
            let precedence = |find: &Find<F>| (find.place().rank, find.place().directory.clone());
            group.finds.sort_by_cached_key(precedence);
            group.settle(&id, judge);
            if group.entries.is_empty() {
                self.by_id.remove(&id);
            }
        }
    }

    /// The catalogue of all that.
    pub(crate) fn catalogue(&self, problems: Vec<Problem>) -> Catalogue {
        let nameless = self.nameless.iter().filter_map(|find| match find {
            Find::Invalid(invalid) => Some(Entry::invalid(invalid)),
            Find::Candidate(..) => None,
        });
        let mut entries: Vec<Entry> =
            self.by_id.values().flat_map(|group| &group.entries).cloned().chain(nameless).collect();
        entries.sort_by(Entry::order);
        requirement::enforce(&mut entries);
        tracing::debug!(entries = entries.len(), problems = problems.len(), "discovery done");
        Catalogue::new(entries, problems)
    }
}

impl<F> Group<F> {
    fn empty() -> Self {
        Self { finds: Vec::new(), entries: Vec::new() }
    }

    fn settle<A: Assess<Facts = F>>(&mut self, id: &str, judge: &Judge<'_, A>) {
        let linked = judge.linked.iter().filter(|document| document.id().as_str().eq_ignore_ascii_case(id));
        let mut entries: Vec<_> = linked.map(Entry::linked).collect();
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
