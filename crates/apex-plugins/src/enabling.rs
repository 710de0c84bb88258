//! The operator's word: which plugins are switched on.

use apex_discover::{Catalogue, Entry, Override, Overrides, OverridesError};
use apex_meta::Status;

use crate::{BuildError, PluginManager, PluginSpec, background};

impl PluginManager {
    /// Switches versions of a plugin on or off, for good, and scans again.
    ///
    /// The decision is bound to the publisher, or to the digest of an unsigned plugin, so that it does not follow the
    /// id to somebody else. Without a specifier it holds for all versions. What is switched on and crashed too often may
    /// run again.
    ///
    /// # Errors
    /// No file for decisions was named, no version matches, or the file cannot be written.
    pub async fn set_enabled(&self, spec: &PluginSpec, enabled: bool) -> Result<Vec<Entry>, EnableError> {
        let file = self.inner.settings.overrides.clone().ok_or(EnableError::NoFile)?;
        let catalogue = self.catalogue();
        let decisions: Vec<Override> = matching(&catalogue, spec)
            .filter(|entry| entry.status() != Status::Shadowed)
            .filter_map(|entry| Override::for_entry(entry, spec.specifier.clone(), enabled))
            .collect();
        if decisions.is_empty() {
            return Err(EnableError::NothingMatches { spec: spec.to_string() });
        }
        let of = spec.clone();
        let save = move || {
            Overrides::edit(&file, |overrides| {
                decisions.into_iter().for_each(|one| overrides.set(one));
                if enabled {
                    overrides.lift(&of.id, of.specifier.as_ref());
                }
            })
        };
        background::run("apex-overrides", save)
            .await
            .map_err(|error| EnableError::Rescan(BuildError::Scan(error)))?
            .map_err(EnableError::File)?;
        if enabled {
            self.inner.instances.lift(spec);
        }
        let catalogue = self.rescan().await.map_err(EnableError::Rescan)?;
        Ok(matching(&catalogue, spec).cloned().collect())
    }
}

fn matching<'a>(catalogue: &'a Catalogue, spec: &'a PluginSpec) -> impl Iterator<Item = &'a Entry> {
    catalogue
        .versions(&spec.id)
        .iter()
        .filter(|entry| entry.version().is_some_and(|version| spec.covers(&spec.id, version)))
}

/// Why a plugin could not be switched on or off.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EnableError {
    /// The manager was built without a file to keep decisions in.
    #[error("this manager has no file to keep decisions in; name one with `Builder::overrides`")]
    NoFile,
    /// No version of the plugin matches.
    #[error("there is no plugin `{spec}`")]
    NothingMatches {
        /// What was asked for.
        spec: String,
    },
    /// The file cannot be read or written.
    #[error("the decision could not be stored")]
    File(#[source] OverridesError),
    /// The decision is stored, but the roots could not be scanned again.
    #[error("the decision is stored, but the roots could not be scanned again")]
    Rescan(#[source] BuildError),
}
