//! How releases, versions and wants are called.

use apex_meta::VersionSpecifier;
use pubgrub::VersionSet;

use super::{
    Release, Want,
    set::Set,
    world::{ABSENT, Node, World},
};

/// Why a signed plugin may not depend on a release.
pub(super) const NOT_VOUCHED: &str = "no trusted publisher signed it";

/// So many versions are written out.
const MOST: usize = 4;

/// Why a release that is not ready cannot be chosen.
pub(super) fn unfit(release: &Release) -> String {
    match &release.reason {
        Some(reason) => format!("{}: {reason}", release.status),
        None => release.status.to_string(),
    }
}

/// Who wants something.
pub(super) fn who(want: &Want) -> String {
    match &want.by {
        Some((plugin, version)) => format!("{plugin} {version}"),
        None => "you".to_owned(),
    }
}

/// Who asks for something, with the verb.
pub(super) fn asks(want: &Want) -> String {
    match &want.by {
        Some((plugin, version)) => format!("{plugin} {version} asks"),
        None => "you ask".to_owned(),
    }
}

/// A plugin with the versions of a set that there are: `com.acme.base 1.0.0, 1.1.0`.
pub(super) fn plugin_in(world: &World<'_>, node: Node, set: &Set) -> String {
    let Some(plugin) = world.plugin(node) else { return "what you ask for".to_owned() };
    let all = plugin.choices().count();
    let named: Vec<_> = plugin
        .choices()
        .filter(|version| set.contains(version))
        .filter_map(|version| Some(plugin.release(version)?.version.to_string()))
        .collect();
    if all == named.len() && all > 1 {
        return format!("every version of {}", plugin.id);
    }
    match named.len() {
        0 if set.contains(&ABSENT) => format!("the absence of {}", plugin.id),
        0 => format!("no version of {}", plugin.id),
        _ => format!("{} {}", plugin.id, list(&named)),
    }
}

/// `a, b, c` or `a, b, c, d and 3 more`
pub(super) fn list(names: &[String]) -> String {
    match names.len().checked_sub(MOST) {
        Some(more @ 1..) => format!("{} and {more} more", names[..MOST].join(", ")),
        _ => names.join(", "),
    }
}

/// A plugin with a specifier: `com.acme.base ^1`.
pub(super) fn wanted(id: &apex_meta::PluginId, specifier: Option<&VersionSpecifier>) -> String {
    specifier.map_or_else(|| id.to_string(), |specifier| format!("{id} {specifier}"))
}
