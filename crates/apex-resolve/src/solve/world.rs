//! The world as the solver sees it: plugins and versions as numbers, each dependency as a set of versions.

use std::{
    cell::{Cell, OnceCell, RefCell},
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, HashMap},
    convert::Infallible,
    fmt,
};

use apex_meta::{PluginDependency, PluginId, PluginVersion, VersionSpecifier};
use pubgrub::{
    Dependencies, DependencyProvider, DerivationTree, PackageResolutionStatistics, PubGrubError, Ranges, resolve,
};

use super::{Release, Releases, Request};

/// A plugin, or [`ROOT`], which stands for whoever asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Node(pub(super) u32);

/// Whoever asks: a plugin with one version that depends on all that is requested.
pub(super) const ROOT: Node = Node(0);

/// The version that stands for a plugin not being there; the true ones count from 1, lowest first.
pub(super) const ABSENT: u32 = 0;

pub(super) type Set = Ranges<u32>;
pub(super) type Tree = DerivationTree<Node, Set, String>;

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.0)
    }
}

pub(super) struct World<'a> {
    pub(super) requests: &'a [Request],
    releases: &'a Releases,
    /// What somebody offers.
    offered: Plugins<'a>,
    /// What nobody offers and somebody asks for, with numbers after those; looked for when the first is met.
    missing: OnceCell<Plugins<'a>>,
    /// When each plugin was last decided, by number, which is the order of decisions in the end.
    decided: RefCell<Vec<usize>>,
    decisions: Cell<usize>,
}

/// Plugins whose numbers follow each other.
#[derive(Default)]
struct Plugins<'a> {
    all: Vec<Plugin<'a>>,
    by_id: HashMap<&'a PluginId, Node>,
    /// How many numbers were given out before.
    before: usize,
}

/// What the requests say of a plugin.
#[derive(Clone, Copy)]
struct Requested {
    /// Its first place among them.
    place: usize,
    /// Whether one of them names a pre-release.
    wants_prerelease: bool,
}

/// A plugin with the releases that count.
pub(super) struct Plugin<'a> {
    pub(super) id: &'a PluginId,
    /// All of them, lowest version first, each with its index among those of the plugin that were given.
    pub(super) releases: Vec<(usize, &'a Release)>,
    /// The versions that may be chosen, best first.
    ranked: Vec<u32>,
    /// Its place among the requests.
    requested: Option<usize>,
}

impl Plugin<'_> {
    /// The release that a version number stands for.
    pub(super) fn release(&self, version: u32) -> Option<&Release> {
        self.numbered(version).map(|(_, release)| release)
    }

    pub(super) fn numbered(&self, version: u32) -> Option<(usize, &Release)> {
        self.releases.get((version as usize).checked_sub(1)?).copied()
    }

    /// The numbers of its versions that may be chosen, lowest first.
    pub(super) fn versions(&self) -> impl Iterator<Item = u32> {
        (1..).zip(&self.releases).filter(|(_, (_, release))| release.is_ready()).map(|(number, _)| number)
    }
}

impl<'a> Plugins<'a> {
    fn add(&mut self, id: &'a PluginId, given: &'a [Release], requested: Option<Requested>) {
        let wants_prerelease = requested.is_some_and(|requested| requested.wants_prerelease);
        let releases = one_of_each_version(given);
        let mut ranked: Vec<u32> = Vec::new();
        ranked.extend((1..).zip(&releases).filter(|(_, (_, release))| release.is_ready()).map(|(number, _)| number));
        ranked.sort_by_key(|&number| {
            let (_, release) = releases[number as usize - 1];
            let is_last_resort = release.version.is_prerelease() && !wants_prerelease;
            (release.preference, is_last_resort, Reverse(number))
        });
        let requested = requested.map(|requested| requested.place);
        self.all.push(Plugin { id, releases, ranked, requested });
        self.by_id.insert(id, Node(u32::try_from(self.before + self.all.len()).unwrap_or(u32::MAX)));
    }
}

impl<'a> World<'a> {
    pub(super) fn new(releases: &'a Releases, requests: &'a [Request]) -> Self {
        let mut requested: HashMap<&PluginId, Requested> = HashMap::new();
        for (place, request) in requests.iter().enumerate() {
            let names_prerelease = request.specifier.as_ref().is_some_and(|specifier| specifier.allows_prereleases());
            let known = requested.entry(&request.plugin).or_insert(Requested { place, wants_prerelease: false });
            known.wants_prerelease |= names_prerelease;
        }
        let mut offered = Plugins::default();
        for (id, given) in releases.iter() {
            offered.add(id, given, requested.get(id).copied());
        }
        let (missing, decided, decisions) = (OnceCell::new(), RefCell::default(), Cell::default());
        Self { requests, releases, offered, missing, decided, decisions }
    }

    /// What nobody offers can still be asked for.
    ///
    /// To look for it takes a look at every dependency of every release, which most worlds need not.
    fn missing(&self) -> &Plugins<'a> {
        self.missing.get_or_init(|| {
            let mut missing = Plugins { before: self.offered.all.len(), ..Plugins::default() };
            let releases = self.releases.iter().flat_map(|(_, given)| given);
            let needed = releases.flat_map(|release| &release.dependencies).map(|dependency| &dependency.id);
            for id in needed.chain(self.requests.iter().map(|request| &request.plugin)) {
                if !self.offered.by_id.contains_key(id) && !missing.by_id.contains_key(id) {
                    // A request that nothing satisfies is refused before; so nobody asks for these but others.
                    missing.add(id, &[], None);
                }
            }
            missing
        })
    }

    pub(super) fn plugin(&self, node: Node) -> Option<&Plugin<'a>> {
        let place = (node.0 as usize).checked_sub(1)?;
        match place.checked_sub(self.offered.all.len()) {
            None => self.offered.all.get(place),
            Some(place) => self.missing.get()?.all.get(place),
        }
    }

    pub(super) fn node(&self, id: &PluginId) -> Option<Node> {
        self.offered.by_id.get(id).or_else(|| self.missing().by_id.get(id)).copied()
    }

    /// What is chosen, in the order of the decisions; or why nothing can be.
    pub(super) fn solve(&self) -> Result<Vec<(Node, u32)>, Tree> {
        let selected = match resolve(self, ROOT, 1_u32) {
            Ok(selected) => selected,
            Err(PubGrubError::NoSolution(tree)) => return Err(tree),
            Err(
                PubGrubError::ErrorRetrievingDependencies { source, .. }
                | PubGrubError::ErrorChoosingVersion { source, .. }
                | PubGrubError::ErrorInShouldCancel(source),
            ) => match source {},
        };
        let decided = self.decided.borrow();
        let mut chosen: Vec<_> =
            selected.into_iter().filter(|(node, version)| *node != ROOT && *version != ABSENT).collect();
        chosen.sort_by_key(|(node, _)| decided.get(node.0 as usize));
        Ok(chosen)
    }

    /// The versions that serve a dependency of a release.
    ///
    /// Where it is optional, the plugin's absence does as well.
    fn serving(&self, release: &Release, dependency: &PluginDependency, needed: Node) -> Set {
        let must_be_vouched = release.publisher.is_some();
        let set = self.matching(needed, dependency.version_specifier.as_ref(), must_be_vouched);
        if dependency.optional { set.union(&Ranges::singleton(ABSENT)) } else { set }
    }

    fn matching(&self, node: Node, specifier: Option<&VersionSpecifier>, must_be_vouched: bool) -> Set {
        let Some(plugin) = self.plugin(node) else { return Ranges::empty() };
        let suits = |number: &u32| {
            plugin.release(*number).is_some_and(|release| {
                specifier.is_none_or(|specifier| specifier.matches(release.version.as_semver()))
                    && (release.vouched() || !must_be_vouched)
            })
        };
        let mut set = Ranges::empty();
        let mut run: Option<(u32, u32)> = None;
        for number in plugin.versions().filter(suits) {
            run = match run {
                Some((first, last)) if last + 1 == number => Some((first, number)),
                Some((first, last)) => {
                    set = set.union(&Ranges::between(first, last + 1));
                    Some((number, number))
                }
                None => Some((number, number)),
            };
        }
        run.map_or(set.clone(), |(first, last)| set.union(&Ranges::between(first, last + 1)))
    }

    /// What somebody depends on: each plugin once, with the versions that satisfy all that is said about it.
    fn needs(&self, node: Node, version: u32) -> Result<Vec<(Node, Set)>, String> {
        let mut needs: BTreeMap<Node, Set> = BTreeMap::new();
        let mut order = Vec::new();
        let mut add = |needed: Node, set: Set| match needs.get_mut(&needed) {
            Some(before) => *before = before.intersection(&set),
            None => {
                order.push(needed);
                needs.insert(needed, set);
            }
        };
        if node == ROOT {
            for request in self.requests {
                if let Some(needed) = self.node(&request.plugin) {
                    add(needed, self.matching(needed, request.specifier.as_ref(), false));
                }
            }
        } else if let Some(release) = self.plugin(node).and_then(|plugin| plugin.release(version)) {
            for dependency in &release.dependencies {
                let Some(needed) = self.node(&dependency.id) else { continue };
                let serving = self.serving(release, dependency, needed);
                if needed != node {
                    add(needed, serving);
                } else if !serving.contains(&version) {
                    return Err("needs another version of itself".to_owned());
                }
            }
        }
        Ok(order.into_iter().filter_map(|needed| needs.remove_entry(&needed)).collect())
    }

    /// What the plugin of a version depends on, as it was written.
    pub(super) fn dependencies(&self, node: Node, version: u32) -> &[PluginDependency] {
        self.plugin(node).and_then(|plugin| plugin.release(version)).map_or(&[], |release| &release.dependencies)
    }
}

/// Lowest version first; of each version the first that is ready, else the first.
fn one_of_each_version(given: &[Release]) -> Vec<(usize, &Release)> {
    let mut all: Vec<_> = given.iter().enumerate().collect();
    all.sort_by(|(i, a), (j, b)| (&a.version, !a.is_ready(), i).cmp(&(&b.version, !b.is_ready(), j)));
    let mut seen: BTreeSet<&PluginVersion> = BTreeSet::new();
    all.retain(|(_, release)| seen.insert(&release.version));
    all
}

impl DependencyProvider for World<'_> {
    type P = Node;
    type V = u32;
    type VS = Set;
    type M = String;
    type Err = Infallible;
    /// What is required goes before what is optional, requests before dependencies.
    type Priority = (bool, Reverse<usize>);

    fn prioritize(&self, node: &Node, range: &Set, _: &PackageResolutionStatistics) -> Self::Priority {
        let requested = self.plugin(*node).and_then(|plugin| plugin.requested);
        (!range.contains(&ABSENT), Reverse(requested.unwrap_or(usize::MAX)))
    }

    fn choose_version(&self, node: &Node, range: &Set) -> Result<Option<u32>, Infallible> {
        self.decisions.set(self.decisions.get() + 1);
        let (mut decided, place) = (self.decided.borrow_mut(), node.0 as usize);
        if decided.len() <= place {
            decided.resize(place + 1, 0);
        }
        decided[place] = self.decisions.get();
        drop(decided);
        let Some(plugin) = self.plugin(*node) else { return Ok(Some(1)) };
        let best = plugin.ranked.iter().copied().find(|version| range.contains(version));
        Ok(best.or_else(|| range.contains(&ABSENT).then_some(ABSENT)))
    }

    fn get_dependencies(&self, node: &Node, version: &u32) -> Result<Dependencies<Node, Set, String>, Infallible> {
        Ok(match self.needs(*node, *version) {
            Ok(needs) => Dependencies::Available(needs.into_iter().collect()),
            Err(why) => Dependencies::Unavailable(why),
        })
    }
}
