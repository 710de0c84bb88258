//! Which versions of several plugins go together: transitive resolution, with every choice and every refusal explained.

use apex_meta::{PluginId, PluginVersion, VersionSpecifier};

mod conflict;
mod derivation;
mod order;
mod plugins;
mod releases;
mod search;
mod set;
mod solution;
mod unsolvable;
mod words;
mod world;

pub use conflict::Conflict;
pub use releases::{Preference, Release, Releases};
pub use solution::{Chosen, LeftOut, PassedOver, Solution, Want};
pub use unsolvable::Unsolvable;

use crate::select;
use world::World;

/// A plugin that must be among what is chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Which plugin.
    pub plugin: PluginId,
    /// Which versions will do; any, if there is none.
    pub specifier: Option<VersionSpecifier>,
}

impl Request {
    /// Any version of a plugin.
    pub fn any(plugin: PluginId) -> Self {
        Self { plugin, specifier: None }
    }

    /// One version of a plugin, whatever its build metadata.
    pub fn exactly(plugin: PluginId, version: &PluginVersion) -> Self {
        let semver = version.as_semver();
        let dash = if version.is_prerelease() { "-" } else { "" };
        let text = format!("=={}.{}.{}{dash}{}", semver.major, semver.minor, semver.patch, semver.pre);
        // Whatever is a version is one after `==` as well.
        Self { plugin, specifier: text.parse().ok() }
    }
}

/// Chooses versions that satisfy all requests and all that the chosen versions depend on, one version of each plugin.
///
/// What is chosen is the best there is, in this sense: the requests come first, in their order, then what they depend
/// on, nearest first, then optional dependencies. Each gets its best release that leaves any solution at all, given
/// those before it. Which release is better is told by [`Preference`], then by being stable, then by version; where a
/// request names a pre-release, pre-releases of that plugin count as stable.
///
/// - Releases that are excluded, since they are blocked, disabled or invalid, are never chosen.
/// - An optional dependency is taken if a release of it fits in without changing anything else. Whether it is taken or
///   not, no version that its specifier rules out is ever chosen.
/// - What a trusted publisher signed is only served by releases that are vouched for ([`Release::vouched`]).
/// - Plugins that depend on each other in a circle are chosen, and the circle is named.
///
/// A search that decides forward, and goes back to whoever is to blame, finds solutions that are near.
/// [PubGrub](https://nex3.medium.com/pubgrub-2fb6470504f) finds the others, and why there is none.
///
/// # Errors
/// [`Unsolvable`]: a request that nothing satisfies even by itself, or requests and dependencies that do not go
/// together, with the derivation in plain words.
pub fn solve(releases: &Releases, requests: &[Request]) -> Result<Solution, Unsolvable> {
    for request in requests {
        let candidates = releases.of(&request.plugin).iter().map(Release::to_candidate);
        select(&request.plugin, request.specifier.as_ref(), candidates).map_err(Unsolvable::Request)?;
    }
    let world = World::new(releases, requests);
    match world.solve() {
        Ok(selected) => Ok(solution::describe(&world, &selected)),
        Err(tree) => Err(Unsolvable::Conflict(Box::new(conflict::describe(&world, tree)))),
    }
}
