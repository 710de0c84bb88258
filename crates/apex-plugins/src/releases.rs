//! The catalogue as the resolver sees it.

use apex_discover::{Catalogue, Entry};
use apex_resolve::{Release, Releases};

/// What a catalogue has on offer for [`apex_resolve::solve`], as far as the entries are wanted.
///
/// Whatever is not ready is among it with its reason, so that a conflict can name it.
pub fn releases(catalogue: &Catalogue, is_wanted: impl Fn(&Entry) -> bool) -> Releases {
    let entries = catalogue.entries().iter().filter(|entry| is_wanted(entry));
    entries.filter_map(|entry| Some((entry.id()?.clone(), release(entry)?))).collect()
}

fn release(entry: &Entry) -> Option<Release> {
    let mut release = Release::new(entry.version()?.clone());
    release.status = entry.status();
    release.reason = entry.reason().cloned();
    release.dependencies = entry.manifest().map_or_else(Vec::new, |manifest| manifest.plugin_dependencies().to_vec());
    release.publisher = entry.signer().filter(|_| entry.is_trusted()).map(str::to_owned);
    // What is linked in is the host's own code.
    release.pinned = entry.is_linked();
    Some(release)
}
