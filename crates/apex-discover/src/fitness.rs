//! Whether this host can use a candidate at all, whoever vouches for it.

use apex_meta::{HOST_API_VERSION, PluginVersion, Reason, Runtime};

use crate::{Candidate, candidate::Layout, library::Library};

/// The first thing that makes a candidate unfit for this host, if any.
pub(crate) fn unfitness(candidate: &Candidate) -> Option<Reason> {
    layout(candidate).or_else(|| runtime(candidate)).or_else(|| api_version(candidate)).or_else(|| library(candidate))
}

fn layout(candidate: &Candidate) -> Option<Reason> {
    if candidate.place.layout == Layout::Flat {
        return None;
    }
    let directory = candidate.directory();
    let version = directory.file_name()?.to_str().and_then(|name| name.parse::<PluginVersion>().ok());
    let id = directory.parent()?.file_name()?.to_str();
    if id == Some(candidate.id().as_str()) && version.as_ref() == Some(candidate.version()) {
        return None;
    }
    let (id, version, place) = (candidate.id(), candidate.version(), directory.display());
    let message = format!("{place} holds {id} {version}, expected at <root>/{id}/{version}");
    Some(Reason::new("LayoutMismatch", message).with_hint("move it there, or directly below the root"))
}

fn runtime(candidate: &Candidate) -> Option<Reason> {
    let entry_point = &candidate.manifest().entry_point;
    if entry_point.runtime() == Runtime::Native {
        return None;
    }
    let (id, version) = (candidate.id(), candidate.version());
    let message = format!("{id} {version} starts at `{entry_point}`, a Python class, which this host cannot run yet");
    Some(Reason::new("UnsupportedRuntime", message).with_hint("use a native build of the plugin, if there is one"))
}

fn api_version(candidate: &Candidate) -> Option<Reason> {
    let range = candidate.manifest().api_version.as_ref()?;
    if range.matches(HOST_API_VERSION.as_semver()) {
        return None;
    }
    let (id, version) = (candidate.id(), candidate.version());
    let message = format!("{id} {version} works with plugin API {range}, this host offers {HOST_API_VERSION}");
    Some(
        Reason::new("ApiVersionUnsupported", message).with_hint("use a version of the plugin made for this host's API"),
    )
}

fn library(candidate: &Candidate) -> Option<Reason> {
    match &candidate.library {
        Library::Present => None,
        Library::Refused(reason) => Some(reason.clone()),
        Library::Missing => {
            let (id, version, place) = (candidate.id(), candidate.version(), candidate.directory().display());
            let message = format!("{id} {version} at {place} has no library for {}", apex_meta::TARGET_TRIPLE);
            let expected = candidate.manifest().entry_point.library_paths().join(" or ");
            Some(Reason::new("LibraryMissing", message).with_hint(format!("expected at {expected}")))
        }
    }
}
