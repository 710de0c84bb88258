//! The one object that a host holds: finds, verifies, chooses, loads and calls plugins.

use std::{
    path::Path,
    sync::{Arc, Mutex, PoisonError, RwLock, mpsc::Sender},
    time::{Duration, SystemTime},
};

use apex_audit::Happening;
use apex_discover::{Catalogue, Changes, Discovery, Entry, Options, Override, Overrides, OverridesError, Watcher};
use apex_exec::{ActionMetrics, Loader};
use apex_install::Store;
use apex_meta::{Placement, PluginId, PluginVersion, Reason, Status};
use apex_resolve::{Candidate, Explanation, NoCandidate, Request, Selection, Solution, Unsolvable, solve};
use apex_trust::{Examination, GrantsError, History, TrustStore, Verified};

use crate::{
    BuildError, Builder, Call, PluginSpec,
    assess::Trust,
    audit::{Auditor, subject_of, subject_of_entry},
    authority::Authority,
    background,
    confinement::PluginPermissions,
    event::{EventStream, Events},
    installed::Installed,
    instances::Instances,
    quarantine::Notes,
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
        let Some(path) = entry.path().map(std::path::Path::to_path_buf) else {
            return Err(Reason::new("NothingToVerify", "the plugin is linked into this program and has no files"));
        };
        let (inner, is_dev, found) = (Arc::clone(&self.inner), entry.is_dev(), entry.clone());
        // Whether another find of the id is signed was settled by the scan, which saw all of them.
        let siblings_signed = entry.reason().is_some_and(|reason| reason.code == "SignatureStripped");
        let subject = subject_of_entry(entry);
        let verify = move || {
            // Where a cache spared reading it, it is read now.
            let Some(document) = found.document().cloned() else { return Err(without_document(&found)) };
            let verified = inner.authority.verify(&path, &document, is_dev, siblings_signed);
            match (&verified, subject) {
                (Ok(verified), _) => inner.auditor.record(Happening::Verify { subject: subject_of(verified) }),
                (Err(reason), Some(subject)) => inner.auditor.blocked(subject, reason),
                // What has a document has an id and a version.
                (Err(_), None) => {}
            }
            verified
        };
        background::run("apex-verify", verify)
            .await
            .map_err(|error| Reason::new("VerificationFailed", error.to_string()))?
    }

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

impl Inner {
    /// What was found at the last scan.
    pub(crate) fn catalogue(&self) -> Arc<Catalogue> {
        Arc::clone(&self.catalogue.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Where packages are looked at: nothing is left there.
    pub(crate) fn scratch(&self) -> &Path {
        self.settings.confinement.temporary.as_deref().unwrap_or(Path::new("/tmp"))
    }

    fn overrides(&self) -> Result<Overrides, BuildError> {
        let overrides = match &self.settings.overrides {
            Some(file) => Overrides::load(file).map_err(BuildError::Overrides)?,
            None => Overrides::empty(),
        };
        self.quarantines.saw(&overrides);
        Ok(overrides)
    }

    /// Scans, and puts what was found in the place of what was known.
    pub(crate) fn rescan(&self) -> Result<Arc<Catalogue>, BuildError> {
        self.follow(&Changes::All)
    }

    /// Looks at what may have changed, and puts what was found in the place of what was known.
    pub(crate) fn follow(&self, changes: &Changes) -> Result<Arc<Catalogue>, BuildError> {
        let mut discovery = self.discovery.lock().unwrap_or_else(PoisonError::into_inner);
        let (verifier, overrides) = (self.authority.verifier(), self.overrides()?);
        // The ledger of the store may say something else by now.
        discovery.set_roots(self.installed.refresh(&self.settings.roots).map_err(BuildError::Store)?);
        let found = discovery.update(changes, &Trust(&verifier), &overrides);
        let (before, catalogue) = {
            let mut current = self.catalogue.write().unwrap_or_else(PoisonError::into_inner);
            let catalogue = Arc::new(found.succeeding(&current));
            (std::mem::replace(&mut *current, Arc::clone(&catalogue)), catalogue)
        };
        for running in self.instances.follow(&catalogue, &before) {
            running.retire(&self.settings.limits);
        }
        // What the first scan of a manager finds is no change.
        let changes = if before.generation() > 0 { catalogue.changes_since(&before) } else { Vec::new() };
        self.auditor.scanned(&changes);
        for change in changes {
            self.events.send(crate::Event::Registry(change));
        }
        self.events.send(crate::Event::Discovered(Arc::clone(&catalogue)));
        Ok(catalogue)
    }

    /// Adds the places that must be looked at once more, and whose time has come.
    pub(crate) fn with_unsettled(&self, changes: Changes) -> Changes {
        self.discovery.lock().unwrap_or_else(PoisonError::into_inner).with_unsettled(changes)
    }

    /// When there will be such places.
    pub(crate) fn look_again_at(&self) -> Option<SystemTime> {
        self.discovery.lock().unwrap_or_else(PoisonError::into_inner).look_again_at()
    }

    /// Goes by another trust store: first for what is loaded, then for what lies in the roots.
    pub(crate) fn apply_trust(&self, store: TrustStore) -> Result<Arc<Catalogue>, BuildError> {
        let version = store.version();
        self.authority.replace(store);
        self.events.send(crate::Event::TrustChanged { version });
        for running in self.instances.running() {
            if let Some(reason) = running.objection(&self.authority) {
                self.withdraw(&running, reason);
            }
        }
        self.auditor.record(Happening::TrustChange { store_version: version });
        self.rescan()
    }

    /// Lets nothing new in until the trust store can be read again.
    pub(crate) fn suspend_trust(&self, reason: &Reason) {
        if !self.authority.suspend(reason) {
            return;
        }
        tracing::error!(%reason, "nothing new is accepted until the trust store can be read again");
        self.events.send(crate::Event::TrustUnreadable { reason: reason.clone() });
        let (code, message) = (reason.code.to_string(), reason.message.clone());
        self.auditor.record(Happening::TrustUnreadable { code, message });
    }
}

/// Discovery as the settings want it.
fn discovery(settings: &Builder) -> Discovery<Examination> {
    let linked = settings.linked.iter().map(|(document, _)| document.clone());
    let (scans, now) = (settings.scans.clone(), Arc::clone(&settings.clock));
    Discovery::new(settings.roots.clone(), linked.fold(scans.clock(move || now()), Options::linked))
}

/// What watches the roots, if that is wanted; many directories take a while.
async fn watcher(settings: &Builder) -> Result<Option<Watcher>, BuildError> {
    if !settings.watches {
        return Ok(None);
    }
    let (roots, ledger) = (settings.roots.clone(), settings.store.as_ref().map(Store::ledger_file));
    // What of a store counts is its ledger's word, which may change with no directory.
    let watch = move || ledger.into_iter().fold(Watcher::new(&roots), Watcher::with_file);
    let watching = background::run("apex-watch", watch).await;
    watching.map(Some).map_err(BuildError::Scan)
}

/// Why an entry has no document: it never had one, or it changes right now.
fn without_document(entry: &Entry) -> Reason {
    let changed = || {
        let path = entry.path().unwrap_or(std::path::Path::new("")).display();
        Reason::new("Unreadable", format!("the plugin.json in {path} is not the one that was scanned"))
            .with_hint("scan again once nothing changes the directory any more")
    };
    entry.reason().cloned().unwrap_or_else(changed)
}

fn matching<'a>(catalogue: &'a Catalogue, spec: &'a PluginSpec) -> impl Iterator<Item = &'a Entry> {
    catalogue
        .versions(&spec.id)
        .iter()
        .filter(|entry| entry.version().is_some_and(|version| spec.covers(&spec.id, version)))
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
