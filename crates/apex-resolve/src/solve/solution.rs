//! A solution, with why each version was chosen and others were not.

use std::rc::Rc;

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
    let (mut wants, needed) = wants(world, decided);
    // When each plugin was decided upon.
    let mut ranks = vec![None; wants.len()];
    for (rank, (node, _)) in decided.iter().enumerate() {
        ranks[node.0 as usize] = Some(rank);
    }
    let edges = |rank: usize| -> Vec<usize> {
        needed[rank].iter().filter_map(|needed| ranks[needed.0 as usize]).filter(|needed| *needed != rank).collect()
    };
    let (mut chosen, mut cycles) = (Vec::with_capacity(decided.len()), Vec::new());
    for mut component in components(decided.len(), edges) {
        component.sort_unstable_by_key(|rank| decided[*rank].0);
        let is_cycle = component.len() > 1;
        let before = chosen.len();
        for rank in component {
            let (node, version) = decided[rank];
            let wanted = std::mem::take(&mut wants[node.0 as usize]);
            chosen.extend(describe_one(world, node, version, rank, wanted));
        }
        if is_cycle {
            cycles.push(chosen[before..].iter().map(|member: &Chosen| member.plugin.clone()).collect());
        }
    }
    let left_out = (0..).map(Node).zip(wants).filter(|(_, wants)| !wants.is_empty());
    let left_out = left_out.filter_map(|(node, wants)| leave_out(world, node, wants)).collect();
    Solution { chosen, cycles, left_out }
}

/// Who wants a plugin, and whether a trusted publisher signed them.
type Wanted = (Want, bool);

/// By node who wants it, the requests first, then in the order of the decisions; and what each decision needs.
fn wants(world: &World<'_>, decided: &[(Node, u32)]) -> (Vec<Vec<Wanted>>, Vec<Rc<[Node]>>) {
    let needed: Vec<Rc<[Node]>> = decided.iter().map(|(node, version)| world.needed_nodes(*node, *version)).collect();
    // Only now it is known whether the missing have numbers too.
    let mut wants: Vec<Vec<Wanted>> = Vec::new();
    wants.resize_with(world.count(), Vec::new);
    for request in world.requests {
        let want = Want { by: None, specifier: request.specifier.clone(), optional: false };
        wants[world.node(&request.plugin).unwrap_or(ROOT).0 as usize].push((want, false));
    }
    for ((node, version), nodes) in decided.iter().zip(&needed) {
        let Some((plugin, release)) = world.plugin(*node).and_then(|plugin| Some((plugin, plugin.release(*version)?)))
        else {
            continue;
        };
        for (PluginDependency { version_specifier, optional, .. }, needed) in release.dependencies.iter().zip(&**nodes)
        {
            let by = Some((plugin.id.clone(), release.version.clone()));
            let want = Want { by, specifier: version_specifier.clone(), optional: *optional };
            if needed != node {
                wants[needed.0 as usize].push((want, release.publisher.is_some()));
            }
        }
    }
    wants[ROOT.0 as usize].clear();
    (wants, needed)
}

fn describe_one(world: &World<'_>, node: Node, version: u32, rank: usize, wanted: Vec<Wanted>) -> Option<Chosen> {
    let plugin = world.plugin(node)?;
    let (index, release) = plugin.numbered(version)?;
    let better = plugin.releases().rev().filter(|other| is_better(other, release));
    let passed_over: Vec<_> = better
        .map(|other| PassedOver { version: other.version.clone(), because: because_not(other, release, &wanted) })
        .collect();
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
        wanted_by: wanted.into_iter().map(|(want, _)| want).collect(),
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

fn because_not(other: &Release, chosen: &Release, wanted: &[Wanted]) -> String {
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

fn leave_out(world: &World<'_>, node: Node, wants: Vec<Wanted>) -> Option<LeftOut> {
    let plugin = world.plugin(node)?;
    let because = if plugin.releases().next().is_none() {
        "it is not there"
    } else if plugin.choices().next().is_none() {
        "no version of it is ready"
    } else {
        "no version of it goes together with the rest"
    };
    let wanted_by = wants.into_iter().map(|(want, _)| want).collect();
    Some(LeftOut { plugin: plugin.id.clone(), wanted_by, because: because.to_owned() })
}
