//! Short ways to write worlds down.

use apex_meta::{PluginDependency, PluginId, Reason, Status};
use apex_resolve::{Release, Releases, Request};

pub(crate) fn id(text: &str) -> PluginId {
    text.parse().unwrap()
}

/// `base`, `base ^1`, `base? ^1` for an optional one.
pub(crate) fn dependency(text: &str) -> PluginDependency {
    let (name, specifier) = text.split_once(' ').map_or((text, None), |(name, rest)| (name, Some(rest)));
    PluginDependency {
        id: id(name.trim_end_matches('?')),
        version_specifier: specifier.map(|specifier| specifier.parse().unwrap()),
        description: None,
        optional: name.ends_with('?'),
        extensions: serde_json::Map::new(),
    }
}

pub(crate) fn release(version: &str, dependencies: &[&str]) -> Release {
    let dependencies = dependencies.iter().map(|text| dependency(text)).collect();
    Release { dependencies, ..Release::new(version.parse().unwrap()) }
}

pub(crate) fn signed(version: &str, dependencies: &[&str]) -> Release {
    Release { publisher: Some("acme".to_owned()), ..release(version, dependencies) }
}

pub(crate) fn blocked(version: &str) -> Release {
    release(version, &[]).excluded(Status::Blocked, Reason::new("ChecksumMismatch", "a file was changed"))
}

pub(crate) fn disabled(version: &str) -> Release {
    release(version, &[]).excluded(Status::Disabled, Reason::new("Disabled", "switched off by the operator"))
}

pub(crate) fn world<const N: usize>(releases: [(&str, Release); N]) -> Releases {
    releases.into_iter().map(|(name, release)| (id(name), release)).collect()
}

pub(crate) fn request(text: &str) -> Request {
    let asked = dependency(text);
    Request { plugin: asked.id, specifier: asked.version_specifier }
}
