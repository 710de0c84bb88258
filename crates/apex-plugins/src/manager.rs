//! The one object that a host holds: finds, verifies, chooses, loads and calls plugins.

use std::{
    sync::{Arc, RwLock},
    time::Duration,
};

use apex_discover::{Catalogue, Entry, Options, Override, Overrides, OverridesError, discover_with};
use apex_exec::{ActionMetrics, Loader};
use apex_meta::{PluginId, PluginVersion, Reason, Status};
use apex_resolve::{Candidate, Explanation, NoCandidate, Selection};
use apex_trust::{Verified, Verifier};

use crate::{
    BuildError, Builder, Call, PluginSpec,
    assess::Trust,
    background,
    event::{EventStream, Events},
    instances::Instances,
    shutdown::ShutdownReport,
};

/// Finds, verifies, chooses, loads and calls plugins: the object that a host holds.
///
/// Cheap to clone and shared between threads. A plugin is verified and loaded when it is first called, and stays loaded
/// until [`shutdown`](Self::shutdown).
#[derive(Clone)]
pub struct PluginManager {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) settings: Builder,
    pub(crate) verifier: Verifier,
    pub(crate) loader: Loader,
    pub(crate) catalogue: RwLock<Arc<Catalogue>>,
    pub(crate) instances: Instances,
    pub(crate) events: Events,
}

impl PluginManager {
    /// Starts to put a manager together.
    pub fn builder() -> Builder {
        Builder::default()
    }

    pub(crate) async fn start(settings: Builder) -> Result<Self, BuildError> {
        let verifier = Verifier::new(Arc::new(settings.trust.clone()), settings.policy)
            .with_history(Arc::clone(&settings.history));
        let inner = Inner {
            settings,
            verifier,
            loader: Loader::new(),
            catalogue: RwLock::new(Arc::new(Catalogue::empty())),
            instances: Instances::default(),
            events: Events::default(),
        };
        let manager = Self { inner: Arc::new(inner) };
        manager.rescan().await?;
        Ok(manager)
    }

    /// What was found at the last scan: a snapshot that later scans leave alone.
    pub fn catalogue(&self) -> Arc<Catalogue> {
        Arc::clone(&self.inner.catalogue.read().unwrap_or_else(std::sync::PoisonError::into_inner))
    }

    /// Scans the roots again.
    ///
    /// Instances that run go on; a call made from now on is served by what the new catalogue says.
    ///
    /// # Errors
    /// The overrides cannot be read, or the scan could not be started; the old catalogue stays.
    pub async fn rescan(&self) -> Result<Arc<Catalogue>, BuildError> {
        let inner = Arc::clone(&self.inner);
        let found = background::run("apex-discover", move || inner.scan()).await.map_err(BuildError::Scan)??;
        let catalogue = {
            let mut current = self.inner.catalogue.write().unwrap_or_else(std::sync::PoisonError::into_inner);
            *current = Arc::new(found.succeeding(&current));
            Arc::clone(&current)
        };
        self.inner.events.send(crate::Event::Discovered(Arc::clone(&catalogue)));
        Ok(catalogue)
    }

    /// Starts to put a call together: of an action of a plugin, given as `id` or `id@specifier`.
    ///
    /// A text that names no plugin is an error of the call, not of this function.
    pub fn call(&self, plugin: impl Into<String>, action: impl Into<String>) -> Call {
        Call::new(self.clone(), plugin.into(), action.into())
    }

    /// Chooses the version that would serve a call, and says why.
    ///
    /// # Errors
    /// No version can serve; the error tells why each was passed over.
    pub fn select(&self, spec: &PluginSpec) -> Result<Selection, NoCandidate> {
        self.select_in(&self.catalogue(), spec)
    }

    pub(crate) fn select_in(&self, catalogue: &Catalogue, spec: &PluginSpec) -> Result<Selection, NoCandidate> {
        apex_resolve::select(&spec.id, spec.specifier.as_ref(), candidates(catalogue, &spec.id))
    }

    /// Says for each version whether it would be chosen, skipped or is blocked, and why.
    pub fn explain(&self, spec: &PluginSpec) -> Explanation {
        apex_resolve::explain(&spec.id, spec.specifier.as_ref(), candidates(&self.catalogue(), &spec.id))
    }

    /// Verifies a version now: takes the digest of every byte and checks the signature, loading nothing.
    ///
    /// # Errors
    /// There is no such entry with metadata that could be read, or verification fails; the reason says which check.
    pub async fn verify(&self, id: &PluginId, version: &PluginVersion) -> Result<Verified, Reason> {
        let catalogue = self.catalogue();
        let entry = catalogue.get(id, version).ok_or_else(|| {
            Reason::new("VersionNotFound", format!("there is no plugin {id} of version {version} to verify"))
        })?;
        self.verify_entry(entry).await
    }

    /// Verifies a find of the catalogue now, as [`verify`](Self::verify) does for the one that its version is served by.
    ///
    /// # Errors
    /// It has no readable metadata or no directory, or verification fails.
    pub async fn verify_entry(&self, entry: &Entry) -> Result<Verified, Reason> {
        let (Some(document), Some(path)) = (entry.document().cloned(), entry.path().map(std::path::Path::to_path_buf))
        else {
            return Err(entry.reason().cloned().unwrap_or_else(|| {
                Reason::new("NothingToVerify", "the plugin is linked into this program and has no files")
            }));
        };
        let (inner, is_dev) = (Arc::clone(&self.inner), entry.is_dev());
        // Whether another find of the id is signed was settled by the scan, which saw all of them.
        let siblings_signed = entry.reason().is_some_and(|reason| reason.code == "SignatureStripped");
        background::run("apex-verify", move || inner.verifier.verify(&path, &document, is_dev, siblings_signed))
            .await
            .map_err(|error| Reason::new("VerificationFailed", error.to_string()))?
            .map_err(|error| error.to_reason())
    }

    /// Switches versions of a plugin on or off, for good, and scans again.
    ///
    /// The decision is bound to the publisher, or to the digest of an unsigned plugin, so that it does not follow the
    /// id to somebody else. Without a specifier it holds for all versions.
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
        let save = move || Overrides::edit(&file, |overrides| decisions.into_iter().for_each(|one| overrides.set(one)));
        background::run("apex-overrides", save)
            .await
            .map_err(|error| EnableError::Rescan(BuildError::Scan(error)))?
            .map_err(EnableError::File)?;
        let catalogue = self.rescan().await.map_err(EnableError::Rescan)?;
        Ok(matching(&catalogue, spec).cloned().collect())
    }

    /// What happens from now on, in the registry and to the plugins.
    pub fn events(&self) -> EventStream {
        self.inner.events.subscribe()
    }

    /// How often each action of each running plugin was called, with what success, and how long it took.
    pub fn metrics(&self) -> Vec<ActionMetrics> {
        self.inner.instances.running().iter().flat_map(apex_exec::Instance::metrics).collect()
    }

    /// Ends all plugins: new calls are refused, calls under way may end within `drain`, then they are cancelled.
    ///
    /// Takes `drain` and a short, fixed time for the plugins' own shutdown at most, and reports what is left over, such
    /// as blocking actions that do not return. The host can exit in any case.
    pub async fn shutdown(&self, drain: Duration) -> ShutdownReport {
        self.inner.instances.shutdown(drain).await
    }
}

impl Inner {
    fn scan(&self) -> Result<Catalogue, BuildError> {
        let overrides = match &self.settings.overrides {
            Some(file) => Overrides::load(file).map_err(BuildError::Overrides)?,
            None => Overrides::empty(),
        };
        let linked = self.settings.linked.iter().map(|(document, _)| document.clone());
        let options = linked.fold(Options::default(), Options::linked);
        Ok(discover_with(&self.settings.roots, &Trust(&self.verifier), &overrides, &options))
    }
}

fn matching<'a>(catalogue: &'a Catalogue, spec: &'a PluginSpec) -> impl Iterator<Item = &'a Entry> {
    let satisfies = |version: &PluginVersion| {
        spec.specifier.as_ref().is_none_or(|specifier| specifier.matches(version.as_semver()))
    };
    catalogue.versions(&spec.id).iter().filter(move |entry| entry.version().is_some_and(satisfies))
}

/// The entries of an id as candidates, in the catalogue's order, so that an index means the same in both.
fn candidates(catalogue: &Catalogue, id: &PluginId) -> Vec<Candidate> {
    let invalid = || Reason::new("InvalidMetadata", "its metadata is invalid");
    let candidate = |entry: &Entry| {
        let reason = entry.reason().cloned();
        match (entry.version(), reason) {
            (Some(version), Some(reason)) => Candidate::new(version.clone(), entry.status()).with_reason(reason),
            (Some(version), None) => Candidate::new(version.clone(), entry.status()),
            (None, reason) => Candidate::without_version(reason.unwrap_or_else(invalid)),
        }
    };
    catalogue.versions(id).iter().map(candidate).collect()
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
