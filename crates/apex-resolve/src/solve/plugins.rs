//! Plugins by number, each with its versions as the solver looks at them.

use std::{cell::RefCell, cmp::Reverse, collections::HashMap};

use apex_meta::{PluginId, PluginVersion, VersionSpecifier};
use pubgrub::VersionSet;

use super::{Preference, Release, set::Set, world::Node};

/// Plugins whose numbers follow each other.
#[derive(Default)]
pub(super) struct Plugins<'a> {
    pub(super) all: Vec<Plugin<'a>>,
    pub(super) by_id: HashMap<&'a PluginId, Node>,
    /// How many numbers were given out before.
    before: usize,
}

/// What the requests say of a plugin.
#[derive(Clone, Copy)]
pub(super) struct Requested {
    /// Its first place among them.
    pub(super) place: usize,
    /// Whether one of them names a pre-release.
    pub(super) wants_prerelease: bool,
}

/// A plugin with the releases that count.
pub(super) struct Plugin<'a> {
    pub(super) id: &'a PluginId,
    pub(super) requested: Option<Requested>,
    /// All that were given, in that order.
    given: &'a [Release],
    /// One of each version, lowest first.
    versions: Vec<Version>,
    /// Which of its versions satisfy what was asked of it already: most who depend on a plugin write the same few specifiers.
    matched: RefCell<Vec<(Wanted<'a>, Set)>>,
}

/// A specifier, and whether what satisfies it must be vouched for.
type Wanted<'a> = (Option<&'a VersionSpecifier>, bool);

/// What every dependency on a plugin asks of each of its releases.
///
/// A large world of releases fits into no cache of the processor, and these are looked at in no order; so they are small,
/// and those of a plugin lie side by side.
struct Version {
    version: PluginVersion,
    /// Its place among the releases that were given.
    index: usize,
    preference: Preference,
    is_ready: bool,
    is_vouched: bool,
}

impl<'a> Plugins<'a> {
    /// None yet; so many numbers were given out before.
    pub(super) fn after(before: usize) -> Self {
        Self { before, ..Self::default() }
    }

    pub(super) fn add(&mut self, id: &'a PluginId, given: &'a [Release], requested: Option<Requested>) {
        let (versions, matched) = (one_of_each_version(given), RefCell::default());
        self.all.push(Plugin { id, requested, given, versions, matched });
        self.by_id.insert(id, Node(u32::try_from(self.before + self.all.len()).unwrap_or(u32::MAX)));
    }
}

/// Lowest version first; of each version the first that is ready, else the first.
fn one_of_each_version(given: &[Release]) -> Vec<Version> {
    let all = given.iter().enumerate().map(|(index, release)| Version {
        version: release.version.clone(),
        index,
        preference: release.preference,
        is_ready: release.is_ready(),
        is_vouched: release.vouched(),
    });
    let mut all: Vec<_> = all.collect();
    all.sort_by(|a, b| (&a.version, !a.is_ready, a.index).cmp(&(&b.version, !b.is_ready, b.index)));
    all.dedup_by(|later, earlier| later.version == earlier.version);
    all
}

impl<'a> Plugin<'a> {
    /// So many answers are kept: to look through more of them would cost as much as to find out again.
    const MOST_MATCHED: usize = 8;

    /// The release that a version number stands for; they count from 1.
    pub(super) fn release(&self, number: u32) -> Option<&'a Release> {
        self.numbered(number).map(|(_, release)| release)
    }

    /// The same, with its place among the releases that were given.
    pub(super) fn numbered(&self, number: u32) -> Option<(usize, &'a Release)> {
        let index = self.versions.get((number as usize).checked_sub(1)?)?.index;
        Some((index, self.given.get(index)?))
    }

    /// All that count, lowest version first.
    pub(super) fn releases(&self) -> impl DoubleEndedIterator<Item = &'a Release> {
        self.versions.iter().filter_map(|version| self.given.get(version.index))
    }

    /// The numbers of its versions that may be chosen, lowest first.
    pub(super) fn choices(&self) -> impl Iterator<Item = u32> {
        self.ready().map(|(number, _)| number)
    }

    fn ready(&self) -> impl Iterator<Item = (u32, &Version)> {
        (1..).zip(&self.versions).filter(|(_, version)| version.is_ready)
    }

    /// The best of its versions in a set.
    pub(super) fn best(&self, set: &Set) -> Option<u32> {
        let wants_prerelease = self.requested.is_some_and(|requested| requested.wants_prerelease);
        let suitable = self.ready().filter(|(number, _)| set.contains(number));
        let best = suitable.min_by_key(|(number, version)| {
            let is_last_resort = version.version.is_prerelease() && !wants_prerelease;
            (version.preference, is_last_resort, Reverse(*number))
        });
        best.map(|(number, _)| number)
    }

    /// Those of its versions that satisfy a specifier and, if they must, are vouched for.
    pub(super) fn matching(&self, specifier: Option<&'a VersionSpecifier>, must_be_vouched: bool) -> Set {
        let mut known = self.matched.borrow_mut();
        let wanted = (specifier, must_be_vouched);
        if let Some((_, set)) = known.iter().find(|(known, _)| *known == wanted) {
            return set.clone();
        }
        let suitable = self.ready().filter(|(_, version)| {
            specifier.is_none_or(|specifier| specifier.matches(version.version.as_semver()))
                && (version.is_vouched || !must_be_vouched)
        });
        let set = suitable.fold(Set::empty(), |set, (number, _)| set.with(number));
        if known.len() < Self::MOST_MATCHED {
            known.push((wanted, set.clone()));
        }
        set
    }
}
