//! Whether this host can use a candidate at all, whoever vouches for it.

use apex_meta::{HOST_API_VERSION, Manifest, PluginVersion, Reason, Runtime};

use crate::{
    candidate::{Layout, Place},
    library::Library,
};

/// The first thing that makes a plugin unfit for this host, if any.
pub(crate) fn unfitness(place: &Place, manifest: &Manifest, library: &Library) -> Option<Reason> {
    layout(place, manifest)
        .or_else(|| runtime(manifest))
        .or_else(|| api_version(manifest))
        .or_else(|| without_library(place, manifest, library))
}

fn layout(place: &Place, manifest: &Manifest) -> Option<Reason> {
    if place.layout == Layout::Flat {
        return None;
    }
    let directory = &place.directory;
    let version = directory.file_name()?.to_str().and_then(|name| name.parse::<PluginVersion>().ok());
    let id = directory.parent()?.file_name()?.to_str();
    if id == Some(manifest.id.as_str()) && version.as_ref() == Some(&manifest.version) {
        return None;
    }
    let (id, version, place) = (&manifest.id, &manifest.version, directory.display());
    let message = format!("{place} holds {id} {version}, expected at <root>/{id}/{version}");
    Some(Reason::new("LayoutMismatch", message).with_hint("move it there, or directly below the root"))
}

fn runtime(manifest: &Manifest) -> Option<Reason> {
    let Manifest { id, version, entry_point, .. } = manifest;
    if entry_point.runtime() == Runtime::Native {
        return None;
    }
    let message = format!("{id} {version} starts at `{entry_point}`, a Python class, which this host cannot run yet");
    Some(Reason::new("UnsupportedRuntime", message).with_hint("use a native build of the plugin, if there is one"))
}

fn api_version(manifest: &Manifest) -> Option<Reason> {
    let Manifest { id, version, .. } = manifest;
    let range = manifest.api_version.as_ref()?;
    if range.matches(HOST_API_VERSION.as_semver()) {
        return None;
    }
    let message = format!("{id} {version} works with plugin API {range}, this host offers {HOST_API_VERSION}");
    Some(
        Reason::new("ApiVersionUnsupported", message).with_hint("use a version of the plugin made for this host's API"),
    )
}

fn without_library(place: &Place, manifest: &Manifest, library: &Library) -> Option<Reason> {
    match library {
        Library::Present => None,
        Library::Refused(reason) => Some(reason.clone()),
        Library::Missing => {
            let (id, version, place) = (&manifest.id, &manifest.version, place.directory.display());
            let message = format!("{id} {version} at {place} has no library for {}", apex_meta::TARGET_TRIPLE);
            let expected = manifest.entry_point.library_paths().join(" or ");
            Some(Reason::new("LibraryMissing", message).with_hint(format!("expected at {expected}")))
        }
    }
}
