//! From a request to a running instance: choose, verify, load, start.

use std::sync::{Arc, Weak};

use apex_audit::{Happening, Subject};
use apex_discover::{Catalogue, Entry};
use apex_exec::{
    CallError, Instance, InstanceOptions, Lifecycle, Loaded, Observer, ProcessStarted, Sandbox, SlowPoll, Transition,
};
use apex_meta::{ErrorKind, Owner, PluginVersion, Reason};
use apex_resolve::NoCandidate;
use apex_state::StateStore;
use apex_trust::Verified;
use serde_json::Value;

use crate::{
    BackgroundError, Event, PluginManager, PluginSpec,
    audit::{subject_of, subject_of_entry},
    background,
    dependency::Dependencies,
    event::Events,
    fence::Fence,
    instances::{Access, InstanceKey},
    manager::Inner,
    running::{Lease, Running},
    services::Services,
    update::Peers,
};

impl PluginManager {
    /// Chooses, verifies, loads and starts a plugin, so that its first call need not wait for that; gives the version.
    ///
    /// # Errors
    /// What a call would end in that does not get as far as the plugin's action.
    pub async fn warm_up(&self, spec: &PluginSpec) -> Result<PluginVersion, CallError> {
        let running = self.lease(spec).await.map_err(|error| error.with_plugin_id(&spec.id))?;
        Ok(running.instance.version().clone())
    }

    /// Holds the running instance that serves a request; the first request of a version starts it.
    pub(crate) async fn lease(&self, spec: &PluginSpec) -> Result<Lease, CallError> {
        loop {
            let (catalogue, index) = self.choose(spec).await?;
            let entry = &catalogue.versions(&spec.id)[index];
            let key = InstanceKey::of(entry).ok_or_else(|| no_metadata(entry))?;
            let cell = match self.inner.instances.access(key.clone())? {
                Access::Cell(cell) => cell,
                Access::Held(mut until) => {
                    // Ends in an error, when who holds it lets go.
                    let _ = until.changed().await;
                    continue;
                }
            };
            let running = match cell.get_or_try_init(|| self.start_instance(entry, key)).await {
                Ok(running) => running,
                // What was found a moment ago may have been replaced since, and then there is another one to start.
                Err(_) if self.catalogue().generation() != catalogue.generation() => continue,
                Err(error) => return Err(error),
            };
            if let Some(reason) = running.objection(&self.inner.authority) {
                self.inner.withdraw(running, reason);
                return Err(blocked(reason).with_plugin(running.instance.id(), running.instance.version()));
            }
            // One that was replaced in the meantime is not called any more: there is another one.
            if let Some(lease) = running.lease() {
                return Ok(lease);
            }
        }
    }

    /// The version that serves a request, as its place among those of the plugin in the catalogue.
    async fn choose(&self, spec: &PluginSpec) -> Result<(Arc<Catalogue>, usize), CallError> {
        let mut may_be_lifted = true;
        loop {
            let catalogue = self.catalogue();
            let error = match self.select_in(&catalogue, spec) {
                Ok(selection) => return Ok((catalogue, selection.index)),
                Err(error) => error,
            };
            if error.kind() == ErrorKind::PluginQuarantined && std::mem::take(&mut may_be_lifted) {
                let inner = Arc::clone(&self.inner);
                if background::run("apex-quarantine", move || inner.look_at_quarantines()).await.unwrap_or(false) {
                    continue;
                }
            }
            self.record_refusal(spec, &error).await;
            return Err(no_candidate(&error));
        }
    }

    async fn start_instance(&self, entry: &Entry, key: InstanceKey) -> Result<Arc<Running>, CallError> {
        // Before anything is verified, so that a change of trust from here on is seen.
        let generation = self.inner.authority.generation();
        let loaded = if entry.is_linked() { self.linked(entry)? } else { self.load(entry).await? };
        let id = loaded.id().clone();
        let (inner, manifest) = (Arc::clone(&self.inner), loaded.document().manifest().clone());
        // Whoever answers for what was verified now, and not for what was found a while ago.
        let owner = loaded.verified().map_or(entry.owner(), owner_of);
        let of_whom = owner.clone();
        let sandbox = background::run("apex-sandbox", move || inner.sandbox(&manifest, of_whom.as_ref())).await;
        let sandbox = sandbox.map_err(|error| no_thread(&error))?;
        let sandbox = sandbox.map_err(|error| error.with_plugin(&id, loaded.version()))?;
        let (fence, state) = (Arc::<Fence>::default(), self.inner.settings.state.clone());
        let options = self.inner.instance_options(&loaded, owner, sandbox, state, Arc::clone(&fence), None);
        let options = InstanceOptions {
            crashes: self.inner.instances.crashes(&key),
            observer: Arc::new(Announcer {
                events: self.inner.events.clone(),
                inner: Arc::downgrade(&self.inner),
                key,
            }),
            ..options
        };
        let instance = Instance::start(loaded.clone(), options).await?;
        Ok(Arc::new(Running::new(instance, loaded, generation, fence)))
    }

    /// Records that a request was refused because of what a check found, once a scan; for callers who
    /// [`select`](Self::select) themselves.
    pub async fn record_refusal(&self, spec: &PluginSpec, error: &NoCandidate) {
        if !self.inner.auditor.is_on() || error.kind() != ErrorKind::PluginBlocked {
            return;
        }
        let Some((reason, version)) = error.reason().zip(error.nearest().and_then(|nearest| nearest.version.clone()))
        else {
            return;
        };
        let subject = self.catalogue().get(&spec.id, &version).and_then(subject_of_entry);
        let subject = subject.unwrap_or_else(|| Subject::new(spec.id.clone(), version));
        if !self.inner.auditor.is_news(&subject, reason) {
            return;
        }
        let (inner, reason) = (Arc::clone(&self.inner), reason.clone());
        if let Err(error) = background::run("apex-audit", move || inner.auditor.blocked(subject, &reason)).await {
            tracing::error!(%error, "an audit record could not be kept");
        }
    }

    fn linked(&self, entry: &Entry) -> Result<Loaded, CallError> {
        let linked = &self.inner.settings.linked;
        let found = linked
            .iter()
            .find(|(document, _)| Some(document.id()) == entry.id() && Some(document.version()) == entry.version());
        found.map(|(document, module)| Loaded::linked(document.clone(), *module)).ok_or_else(|| no_metadata(entry))
    }

    /// Verifies again and loads the very bytes that were verified now, whatever the catalogue said a while ago.
    async fn load(&self, entry: &Entry) -> Result<Loaded, CallError> {
        let verified = self.verify_entry(entry).await.map_err(|reason| blocked(&reason))?;
        let inner = Arc::clone(&self.inner);
        background::run("apex-load", move || inner.load(verified)).await.map_err(|error| {
            CallError::new(ErrorKind::LoadFailed, "the plugin could not be loaded").caused_by(&error)
        })?
    }
}

impl Inner {
    /// What an instance is started with, as the settings want it; nobody is told of its life.
    pub(crate) fn instance_options(
        self: &Arc<Self>,
        loaded: &Loaded,
        owner: Option<Owner>,
        sandbox: Sandbox,
        state: Option<Arc<dyn StateStore>>,
        fence: Arc<Fence>,
        peers: Option<Arc<Peers>>,
    ) -> InstanceOptions {
        let (id, is_linked) = (loaded.id().clone(), loaded.verified().is_none());
        let in_effect = (!is_linked).then(|| sandbox.in_effect());
        let services = Services {
            dependencies: Dependencies::new(loaded.document().manifest(), in_effect.as_deref(), self, peers),
            plugin: id.clone(),
            version: loaded.version().clone(),
            owner,
            state,
            fence,
            events: self.events.clone(),
        };
        InstanceOptions {
            configuration: self.settings.configurations.get(&id).cloned().unwrap_or(Value::Null),
            services: Arc::new(services),
            limits: self.settings.limits.clone(),
            sandbox,
            ..InstanceOptions::default()
        }
    }

    /// Loads a plugin and keeps a record of it.
    pub(crate) fn load(&self, verified: Verified) -> Result<Loaded, CallError> {
        let subject = subject_of(&verified);
        let loaded = self.loader.load(verified);
        match &loaded {
            Ok(loaded) => self.auditor.record(Happening::Load { subject, placement: loaded.placement() }),
            Err(error) => self.auditor.blocked(subject, &error.to_reason()),
        }
        loaded
    }

    /// Refuses new calls of an instance that is trusted no more, and ends it.
    pub(crate) fn withdraw(&self, running: &Arc<Running>, reason: &Reason) {
        self.instances.dismiss(running);
        running.withdraw(reason, &self.settings.limits, &self.events, &self.auditor);
    }
}

/// Tells whoever listens to the manager of an instance's life.
struct Announcer {
    events: Events,
    inner: Weak<Inner>,
    key: InstanceKey,
}

impl Observer for Announcer {
    fn transition(&self, transition: &Transition) {
        self.events.send(Event::Lifecycle {
            plugin: transition.plugin.clone(),
            version: transition.version.clone(),
            from: transition.from,
            to: transition.to,
        });
        if let (Lifecycle::Quarantined, Some(error)) = (transition.to, &transition.error)
            && let Some(inner) = self.inner.upgrade()
        {
            inner.note_quarantine(self.key.clone(), error);
        }
    }

    fn slow_poll(&self, slow: &SlowPoll) {
        self.events.send(Event::SlowPoll(slow.clone()));
    }

    fn process_started(&self, started: &ProcessStarted) {
        self.events.send(Event::ProcessStarted(started.clone()));
    }
}

/// To whom grants, state and decisions belong that are kept under the id of a plugin that was verified.
pub(crate) fn owner_of(verified: &Verified) -> Option<Owner> {
    match verified.publisher() {
        Some(publisher) => Some(Owner::Publisher(publisher.to_owned())),
        None => verified.digest().copied().map(Owner::Digest),
    }
}

fn no_thread(error: &BackgroundError) -> CallError {
    CallError::new(ErrorKind::ResourceLimit, "the system gives no thread").caused_by(error)
}

fn no_candidate(error: &NoCandidate) -> CallError {
    let call_error = CallError::new(error.kind(), error.to_string());
    match error.reason() {
        Some(reason) => with_reason(call_error, reason),
        None => call_error,
    }
}

/// The error of a call that a check forbids.
pub(crate) fn blocked(reason: &Reason) -> CallError {
    with_reason(CallError::new(ErrorKind::PluginBlocked, reason.to_string()), reason)
}

fn with_reason(error: CallError, reason: &Reason) -> CallError {
    let error = error.with_details(serde_json::json!({ "reason": reason }));
    match &reason.hint {
        Some(hint) => error.with_hint(hint.clone()),
        None => error,
    }
}

fn no_metadata(entry: &Entry) -> CallError {
    let path = entry.path().map_or_else(|| "the host program".to_owned(), |path| path.display().to_string());
    CallError::new(ErrorKind::PluginInvalid, format!("the plugin in {path} has no readable metadata"))
}
