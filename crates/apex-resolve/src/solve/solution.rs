//! A solution, with why each version was chosen and others were not.

use std::collections::BTreeMap;

use apex_meta::{PluginDependency, PluginId, PluginVersion, VersionSpecifier};
use serde::Serialize;

use super::{
    Preference, Release,
    order::components,
    words,
    world::{Node, ROOT, World},
};

/// Versions that go together.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Solution {
    /// What was chosen, in the order in which it loads: what others depend on goes first.
    pub chosen: Vec<Chosen>,
    /// The plugins that depend on each other in a circle; they load in the order in which they stand here.
    pub cycles: Vec<Vec<PluginId>>,
    /// The optional dependencies that were left out.
    pub left_out: Vec<LeftOut>,
}

impl Solution {
    /// What was chosen of a plugin, if it is part of the solution.
    pub fn get(&self, plugin: &PluginId) -> Option<&Chosen> {
        self.chosen.iter().find(|chosen| chosen.plugin == *plugin)
    }
}

/// A version that was chosen.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Chosen {
    /// The plugin.
    pub plugin: PluginId,
    /// The version.
    pub version: PluginVersion,
    /// Which of the plugin's releases, counted from 0 in the order in which they were added.
    #[serde(skip)]
    pub index: usize,
    /// When it was decided upon, counted from 0: those before it were not to be made worse by it.
    #[serde(skip)]
    pub rank: usize,
    /// Why this version, in words.
    pub because: String,
    /// Who wants the plugin.
    pub wanted_by: Vec<Want>,
    /// The versions that would have been preferred, best first, each with why it was not chosen.
    pub passed_over: Vec<PassedOver>,
}

/// Who wants a plugin, and which versions of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Want {
    /// The plugin that depends on it; none if it was asked for.
    pub by: Option<(PluginId, PluginVersion)>,
    /// Which versions will do; any, if there is none.
    pub specifier: Option<VersionSpecifier>,
    /// Whether whoever wants it works without it.
    pub optional: bool,
}

/// A version that was not chosen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct PassedOver {
    /// The version.
    pub version: PluginVersion,
    /// Why not, in words.
    pub because: String,
}

/// An optional dependency that was left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct LeftOut {
    /// The plugin.
    pub plugin: PluginId,
    /// Who can use it.
    pub wanted_by: Vec<Want>,
    /// Why not, in words.
    pub because: String,
}

/// Turns what the solver chose, in the order of its decisions, into a solution.
pub(super) fn describe(world: &World<'_>, decided: &[(Node, u32)]) -> Solution {
    let wants = wants(world, decided);
    let versions: BTreeMap<Node, u32> = decided.iter().copied().collect();
    let ranks: BTreeMap<Node, usize> = decided.iter().zip(0..).map(|((node, _), rank)| (*node, rank)).collect();
    let needed = |node: Node| -> Vec<Node> {
        let dependencies = versions.get(&node).map_or(&[] as &[_], |version| world.dependencies(node, *version));
        let nodes = dependencies.iter().filter_map(|dependency| world.node(&dependency.id));
        nodes.filter(|needed| *needed != node && versions.contains_key(needed)).collect()
    };
    let nodes: Vec<_> = decided.iter().map(|(node, _)| *node).collect();
    let (mut chosen, mut cycles) = (Vec::new(), Vec::new());
    for component in components(&nodes, needed) {
        let members: Vec<_> = component
            .iter()
            .filter_map(|node| describe_one(world, *node, *versions.get(node)?, *ranks.get(node)?, &wants))
            .collect();
        if members.len() > 1 {
            cycles.push(members.iter().map(|member| member.plugin.clone()).collect());
        }
        chosen.extend(members);
    }
    let left_out = wants.iter().filter(|(node, _)| !versions.contains_key(node));
    let left_out = left_out.filter_map(|(node, wants)| leave_out(world, *node, wants)).collect();
    Solution { chosen, cycles, left_out }
}

/// Who wants what, the requests first, then in the order of the decisions.
fn wants(world: &World<'_>, decided: &[(Node, u32)]) -> BTreeMap<Node, Vec<(Want, bool)>> {
    let mut wants: BTreeMap<Node, Vec<(Want, bool)>> = BTreeMap::new();
    for request in world.requests {
        let want = Want { by: None, specifier: request.specifier.clone(), optional: false };
        wants.entry(world.node(&request.plugin).unwrap_or(ROOT)).or_default().push((want, false));
    }
    for (node, version) in decided {
        let Some((plugin, release)) = world.plugin(*node).and_then(|plugin| Some((plugin, plugin.release(*version)?)))
        else {
            continue;
        };
        for PluginDependency { id, version_specifier, optional, .. } in &release.dependencies {
            let by = Some((plugin.id.clone(), release.version.clone()));
            let want = Want { by, specifier: version_specifier.clone(), optional: *optional };
            let needed = world.node(id).filter(|needed| needed != node);
            wants.entry(needed.unwrap_or(ROOT)).or_default().push((want, release.publisher.is_some()));
        }
    }
    wants.remove(&ROOT);
    wants
}

fn describe_one(
    world: &World<'_>,
    node: Node,
    version: u32,
    rank: usize,
    wants: &BTreeMap<Node, Vec<(Want, bool)>>,
) -> Option<Chosen> {
    let plugin = world.plugin(node)?;
    let (index, release) = plugin.numbered(version)?;
    let wanted = wants.get(&node).map_or(&[] as &[_], Vec::as_slice);
    let mut passed_over: Vec<_> = plugin
        .releases
        .iter()
        .filter(|(_, other)| is_better(other, release))
        .map(|(_, other)| PassedOver { version: other.version.clone(), because: because_not(other, release, wanted) })
        .collect();
    passed_over.reverse();
    let because = match release.preference {
        Preference::Locked => "the lock names it",
        Preference::Pinned => "it is pinned",
        Preference::Active => "it is in use already",
        Preference::Ordinary if passed_over.is_empty() => "the highest version there is",
        Preference::Ordinary => "the highest version that fits",
    };
    Some(Chosen {
        plugin: plugin.id.clone(),
        version: release.version.clone(),
        index,
        rank,
        because: because.to_owned(),
        wanted_by: wanted.iter().map(|(want, _)| want.clone()).collect(),
        passed_over,
    })
}

/// Whether a release would have been preferred, had it been ready: what a reader will ask about.
fn is_better(other: &Release, chosen: &Release) -> bool {
    if other.version == chosen.version {
        return false;
    }
    match other.preference.cmp(&chosen.preference) {
        std::cmp::Ordering::Less => true,
        std::cmp::Ordering::Equal => other.version > chosen.version,
        std::cmp::Ordering::Greater => false,
    }
}

fn because_not(other: &Release, chosen: &Release, wanted: &[(Want, bool)]) -> String {
    for (want, _) in wanted {
        if let Some(specifier) = want.specifier.as_ref().filter(|s| !s.matches(other.version.as_semver())) {
            return format!("does not satisfy `{specifier}`, which {} for", words::asks(want));
        }
    }
    if !other.is_ready() {
        return words::unfit(other);
    }
    if let Some((want, _)) = wanted.iter().find(|(_, is_signed)| *is_signed && !other.vouched()) {
        return format!("{}, and {} is signed", words::NOT_VOUCHED, words::who(want));
    }
    if other.version.is_prerelease() && !chosen.version.is_prerelease() {
        return "a pre-release: stable versions go first unless a request names one".to_owned();
    }
    "does not go together with the rest: ask for this version to see why".to_owned()
}

fn leave_out(world: &World<'_>, node: Node, wants: &[(Want, bool)]) -> Option<LeftOut> {
    let plugin = world.plugin(node)?;
    let because = if plugin.releases.is_empty() {
        "it is not there"
    } else if plugin.versions().next().is_none() {
        "no version of it is ready"
    } else {
        "no version of it goes together with the rest"
    };
    let wanted_by = wants.iter().map(|(want, _)| want.clone()).collect();
    Some(LeftOut { plugin: plugin.id.clone(), wanted_by, because: because.to_owned() })
}
