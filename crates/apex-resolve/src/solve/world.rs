//! The world as the solver sees it: plugins and versions as numbers, each dependency as a set of versions.

use std::{
    cell::{Cell, OnceCell, RefCell},
    cmp::Reverse,
    collections::HashMap,
    convert::Infallible,
    fmt,
    rc::Rc,
};

use apex_meta::{PluginDependency, PluginId};
use pubgrub::{
    Dependencies, DependencyProvider, DerivationTree, PackageResolutionStatistics, PubGrubError, VersionSet, resolve,
};

use super::{
    Release, Releases, Request,
    plugins::{Plugin, Plugins, Requested},
    search::Search,
    set::Set,
};

/// A plugin, or [`ROOT`], which stands for whoever asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Node(pub(super) u32);

/// Whoever asks: a plugin with one version that depends on all that is requested.
pub(super) const ROOT: Node = Node(0);

/// The version that stands for a plugin not being there; the true ones count from 1, lowest first.
pub(super) const ABSENT: u32 = 0;

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
    /// Which plugins the version of each plugin needs that was looked at last, which in the end is the chosen one: to find
    /// a plugin by its id costs more than all else that is asked of a dependency.
    needed: RefCell<Vec<Option<Needed>>>,
    /// Where each plugin stands among what is needed, by number, for those that are.
    places: RefCell<Vec<usize>>,
}

/// The plugins of a version's dependencies, in the order in which they are written.
#[derive(Clone)]
struct Needed {
    version: u32,
    nodes: Rc<[Node]>,
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
        let count = offered.all.len() + 1;
        let (needed, places) = (RefCell::new(vec![None; count]), RefCell::new(vec![0; count]));
        Self { requests, releases, offered, missing, decided, decisions, needed, places }
    }

    /// What nobody offers can still be asked for.
    ///
    /// To look for it takes a look at every dependency of every release, which most worlds need not.
    fn missing(&self) -> &Plugins<'a> {
        self.missing.get_or_init(|| {
            let mut missing = Plugins::after(self.offered.all.len());
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

    /// How many numbers were given out, with that of [`ROOT`].
    pub(super) fn count(&self) -> usize {
        1 + self.offered.all.len() + self.missing.get().map_or(0, |missing| missing.all.len())
    }

    pub(super) fn node(&self, id: &PluginId) -> Option<Node> {
        self.offered.by_id.get(id).or_else(|| self.missing().by_id.get(id)).copied()
    }

    /// What is chosen, in the order of the decisions; or why nothing can be.
    ///
    /// PubGrub alone tells why. Where there is a solution it finds the best as well, but takes several times as long, the more
    /// plugins the more: what it decides once more after a conflict costs it as much as the first time.
    pub(super) fn solve(&self) -> Result<Vec<(Node, u32)>, Tree> {
        Search::new(self).run().map_or_else(|| self.solve_by_pubgrub(), Ok)
    }

    pub(super) fn solve_by_pubgrub(&self) -> Result<Vec<(Node, u32)>, Tree> {
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
    fn serving(&self, release: &Release, dependency: &'a PluginDependency, needed: Node) -> Set {
        let specifier = dependency.version_specifier.as_ref();
        let must_be_vouched = release.publisher.is_some();
        let set = self.plugin(needed).map_or(Set::empty(), |plugin| plugin.matching(specifier, must_be_vouched));
        if dependency.optional { set.union(&Set::singleton(ABSENT)) } else { set }
    }

    /// What somebody depends on: each plugin once, with the versions that satisfy all that is said about it.
    pub(super) fn needs(&self, node: Node, version: u32) -> Result<Vec<(Node, Set)>, String> {
        let mut needs: Vec<(Node, Set)> = Vec::new();
        let mut places = self.places.borrow_mut();
        let mut add = |needed: Node, set: Set| {
            let number = needed.0 as usize;
            if places.len() <= number {
                places.resize(number + 1, 0);
            }
            // What it says of others is left from before.
            match needs.get_mut(places[number]) {
                Some((known, before)) if *known == needed => *before = before.intersection(&set),
                _ => {
                    places[number] = needs.len();
                    needs.push((needed, set));
                }
            }
        };
        if node == ROOT {
            for request in self.requests {
                if let Some(needed) = self.node(&request.plugin)
                    && let Some(plugin) = self.plugin(needed)
                {
                    add(needed, plugin.matching(request.specifier.as_ref(), false));
                }
            }
        } else if let Some(release) = self.plugin(node).and_then(|plugin| plugin.release(version)) {
            for (dependency, &needed) in release.dependencies.iter().zip(&*self.needed_nodes(node, version)) {
                let serving = self.serving(release, dependency, needed);
                if needed != node {
                    add(needed, serving);
                } else if !serving.contains(&version) {
                    return Err("needs another version of itself".to_owned());
                }
            }
        }
        Ok(needs)
    }

    /// The plugins that a version depends on, in the order in which its dependencies were written.
    pub(super) fn needed_nodes(&self, node: Node, version: u32) -> Rc<[Node]> {
        let place = node.0 as usize;
        if let Some(Some(known)) = self.needed.borrow().get(place)
            && known.version == version
        {
            return Rc::clone(&known.nodes);
        }
        let dependencies = self.dependencies(node, version);
        // What somebody depends on has a number, whether it is there or not.
        let nodes: Rc<[Node]> =
            dependencies.iter().map(|dependency| self.node(&dependency.id).unwrap_or(ROOT)).collect();
        if let Some(known) = self.needed.borrow_mut().get_mut(place) {
            *known = Some(Needed { version, nodes: Rc::clone(&nodes) });
        }
        nodes
    }

    /// What the plugin of a version depends on, as it was written.
    pub(super) fn dependencies(&self, node: Node, version: u32) -> &[PluginDependency] {
        self.plugin(node).and_then(|plugin| plugin.release(version)).map_or(&[], |release| &release.dependencies)
    }
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
        (!range.contains(&ABSENT), Reverse(requested.map_or(usize::MAX, |requested| requested.place)))
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
        Ok(plugin.best(range).or_else(|| range.contains(&ABSENT).then_some(ABSENT)))
    }

    fn get_dependencies(&self, node: &Node, version: &u32) -> Result<Dependencies<Node, Set, String>, Infallible> {
        Ok(match self.needs(*node, *version) {
            Ok(needs) => Dependencies::Available(needs.into_iter().collect()),
            Err(why) => Dependencies::Unavailable(why),
        })
    }
}
