//! The one object that a host holds: finds, verifies, chooses, loads and calls plugins.

use std::{
    sync::{Arc, Mutex, PoisonError, RwLock, mpsc::Sender},
    time::Duration,
};

use apex_discover::{Catalogue, Discovery, Entry};
use apex_exec::{ActionMetrics, Loader};
use apex_meta::{Placement, PluginId, Reason};
use apex_resolve::{Candidate, Explanation, NoCandidate, Request, Selection, Solution, Unsolvable, solve};
use apex_trust::{Examination, GrantsError, History, TrustStore};

use crate::{
    BuildError, Builder, Call, PluginSpec,
    audit::Auditor,
    authority::Authority,
    background,
    confinement::PluginPermissions,
    event::{EventStream, Events},
    installed::Installed,
    instances::Instances,
    quarantine::Notes,
    registry::{discovery, watcher},
    releases,
    root_watch::RootWatch,
    shutdown::ShutdownReport,
    trust_file::TrustFile,
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
    pub(crate) authority: Authority,
    pub(crate) installed: Arc<Installed>,
    pub(crate) loader: Loader,
    pub(crate) catalogue: RwLock<Arc<Catalogue>>,
    /// Held while the roots are scanned, so that an older verdict never replaces a newer one.
    pub(crate) discovery: Mutex<Discovery<Examination>>,
    pub(crate) instances: Instances,
    pub(crate) events: Events,
    pub(crate) auditor: Auditor,
    pub(crate) quarantines: Notes,
    /// The watch of the trust store's file goes on as long as this is there.
    pub(crate) watch: Mutex<Option<Sender<()>>>,
    /// As does the watch of the roots.
    pub(crate) root_watch: Mutex<Option<RootWatch>>,
}

impl PluginManager {
    /// Starts to put a manager together.
    pub fn builder() -> Builder {
        Builder::default()
    }

    pub(crate) async fn start(mut settings: Builder) -> Result<Self, BuildError> {
        let mut watched = None;
        if let Some(file) = settings.trust_file.take() {
            settings.trust_path = Some(file.clone());
            let opened = background::run("apex-trust-file", move || TrustFile::open(file)).await;
            let (file, store) = opened.map_err(BuildError::Scan)?.map_err(BuildError::Trust)?;
            (watched, settings.trust) = (Some(file), store);
        }
        let (events, clock) = (Events::default(), Arc::clone(&settings.clock));
        let store = settings.trust.clone();
        let installed = Arc::new(Installed::new(settings.store.clone(), Arc::clone(&settings.history)));
        let history = Arc::clone(&installed) as Arc<dyn History>;
        // What runs in children alone has an environment of its own.
        let exposed_to = match settings.loosest {
            Placement::Process => Vec::new(),
            _ => settings.environment.clone(),
        };
        // Watched before they are scanned, so that what changes meanwhile is not missed.
        let watcher = watcher(&settings).await?;
        let inner = Arc::new(Inner {
            authority: Authority::new(store, settings.policy, history, Arc::clone(&clock)).with_environment(exposed_to),
            auditor: Auditor::new(settings.audit.clone(), clock, events.clone()),
            installed,
            loader: settings.loader(),
            catalogue: RwLock::new(Arc::new(Catalogue::empty())),
            discovery: Mutex::new(discovery(&settings)),
            instances: Instances::default(),
            quarantines: Notes::default(),
            watch: Mutex::new(None),
            root_watch: Mutex::new(None),
            settings,
            events,
        });
        let manager = Self { inner };
        manager.rescan().await?;
        if let Some(file) = watched {
            let watch = file.watch(Arc::downgrade(&manager.inner)).map_err(BuildError::Watch)?;
            *manager.inner.watch.lock().unwrap_or_else(PoisonError::into_inner) = Some(watch);
        }
        if let Some(watcher) = watcher {
            let watch = RootWatch::start(watcher, Arc::downgrade(&manager.inner)).map_err(BuildError::Watch)?;
            *manager.inner.root_watch.lock().unwrap_or_else(PoisonError::into_inner) = Some(watch);
        }
        if manager.inner.settings.store.is_some()
            && manager.inner.settings.sources.is_some()
            && let Err(error) = manager.follow_policies(|_| true).await
        {
            tracing::error!(error = &error as &dyn std::error::Error, "no plugin could be updated at the start");
        }
        Ok(manager)
    }

    /// What was found at the last scan: a snapshot that later scans leave alone.
    pub fn catalogue(&self) -> Arc<Catalogue> {
        self.inner.catalogue()
    }

    /// Scans the roots again.
    ///
    /// A call made from now on is served by what the new catalogue says. An instance whose plugin was removed, changed or
    /// switched off ends, on a thread of its own, as soon as its calls under way have ended; one that was not, goes on.
    ///
    /// # Errors
    /// The overrides cannot be read, or the scan could not be started; the old catalogue stays.
    pub async fn rescan(&self) -> Result<Arc<Catalogue>, BuildError> {
        let inner = Arc::clone(&self.inner);
        background::run("apex-discover", move || inner.rescan()).await.map_err(BuildError::Scan)?
    }

    /// Goes by another trust store from now on, for what is loaded too, and scans again.
    ///
    /// New calls of a plugin that is trusted no more are refused at once. Its calls under way may end within a few
    /// seconds and are cut off then; within ten seconds it has ended, if the host's limits leave room for that. With a
    /// [`trust_file`](Builder::trust_file), what is set here counts until the file changes.
    ///
    /// # Errors
    /// The roots could not be scanned again; the new trust store counts all the same.
    pub async fn set_trust(&self, store: TrustStore) -> Result<Arc<Catalogue>, BuildError> {
        let inner = Arc::clone(&self.inner);
        background::run("apex-trust", move || inner.apply_trust(store)).await.map_err(BuildError::Scan)?
    }

    /// How many records the audit sink could not keep.
    pub fn audit_failures(&self) -> u64 {
        self.inner.auditor.failures()
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

    /// Chooses versions that satisfy all requests and all that these depend on, and says in which order they load.
    ///
    /// # Errors
    /// No versions go together; the error tells in plain words who wants what.
    pub fn resolve(&self, requests: &[Request]) -> Result<Solution, Unsolvable> {
        solve(&releases(&self.catalogue(), |_| true), requests)
    }

    /// What a find of the catalogue asks for, what of it was granted, and how far that is enforced.
    ///
    /// # Errors
    /// The grants cannot be read.
    pub fn permissions(&self, entry: &Entry) -> Result<PluginPermissions, GrantsError> {
        self.inner.permissions(entry)
    }

    /// What happens from now on, in the registry and to the plugins.
    pub fn events(&self) -> EventStream {
        self.inner.events.subscribe()
    }

    /// How often each action of each running plugin was called, with what success, and how long it took.
    pub fn metrics(&self) -> Vec<ActionMetrics> {
        self.inner.instances.running().iter().flat_map(|running| running.instance.metrics()).collect()
    }

    /// Ends all plugins: new calls are refused, calls under way may end within `drain`, then they are cancelled.
    ///
    /// Takes `drain` and a short, fixed time for the plugins' own shutdown at most, and reports what is left over, such
    /// as blocking actions that do not return. The host can exit in any case.
    pub async fn shutdown(&self, drain: Duration) -> ShutdownReport {
        self.inner.watch.lock().unwrap_or_else(PoisonError::into_inner).take();
        self.inner.root_watch.lock().unwrap_or_else(PoisonError::into_inner).take();
        let report = self.inner.instances.shutdown(drain).await;
        self.inner.quarantines.settle().await;
        let inner = Arc::clone(&self.inner);
        if let Err(error) = background::run("apex-audit", move || inner.auditor.flush()).await {
            tracing::error!(%error, "the last audit records may not be kept yet");
        }
        report
    }
}

/// The entries of an id as candidates, in the catalogue's order, so that an index means the same in both.
fn candidates(catalogue: &Catalogue, id: &PluginId) -> Vec<Candidate> {
    let invalid = || Reason::new("InvalidMetadata", "its metadata is invalid");
    let candidate = |entry: &Entry| {
        let reason = entry.reason().cloned();
        let candidate = match (entry.version(), reason) {
            (Some(version), Some(reason)) => Candidate::new(version.clone(), entry.status()).with_reason(reason),
            (Some(version), None) => Candidate::new(version.clone(), entry.status()),
            (None, reason) => Candidate::without_version(reason.unwrap_or_else(invalid)),
        };
        candidate.on_standby(entry.is_standby())
    };
    catalogue.versions(id).iter().map(candidate).collect()
}
