//! From a request to a running instance: choose, verify, load, start.

use std::sync::Arc;

use apex_discover::Entry;
use apex_exec::{CallError, Instance, InstanceOptions, Loaded, Observer, Transition};
use apex_meta::{ErrorKind, Placement, Reason};
use apex_resolve::NoCandidate;
use serde_json::Value;

use crate::{Event, PluginManager, PluginSpec, background, event::Events, instances::InstanceKey, services::Services};

impl PluginManager {
    /// The running instance that serves a request; the first request of a version starts it.
    pub(crate) async fn instance(&self, spec: &PluginSpec) -> Result<Instance, CallError> {
        let catalogue = self.catalogue();
        let selection = self.select_in(&catalogue, spec).map_err(|error| no_candidate(&error))?;
        let entry = &catalogue.versions(&spec.id)[selection.index];
        let key = InstanceKey::of(entry).ok_or_else(|| no_metadata(entry))?;
        let cell = self.inner.instances.cell(key)?;
        cell.get_or_try_init(|| self.start_instance(entry)).await.cloned()
    }

    async fn start_instance(&self, entry: &Entry) -> Result<Instance, CallError> {
        let loaded = if entry.is_linked() { self.linked(entry)? } else { self.load(entry).await? };
        let id = loaded.id().clone();
        let services = Services {
            plugin: id.clone(),
            version: loaded.version().clone(),
            owner: entry.owner(),
            state: self.inner.settings.state.clone(),
            events: self.inner.events.clone(),
        };
        let options = InstanceOptions {
            configuration: self.inner.settings.configurations.get(&id).cloned().unwrap_or(Value::Null),
            services: Arc::new(services),
            limits: self.inner.settings.limits.clone(),
            observer: Arc::new(Announcer(self.inner.events.clone())),
        };
        Instance::start(loaded, options).await
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
        if self.inner.settings.loosest == Placement::Process {
            let message = "this host was told to run plugins in child processes only, which it cannot do yet";
            return Err(CallError::new(ErrorKind::IsolationUnavailable, message)
                .with_hint("run it without the tightened isolation, if its publisher is trusted with `in-process`"));
        }
        let inner = Arc::clone(&self.inner);
        background::run("apex-load", move || inner.loader.load(verified)).await.map_err(|error| {
            CallError::new(ErrorKind::LoadFailed, "the plugin could not be loaded").caused_by(&error)
        })?
    }
}

/// Tells whoever listens to the manager of an instance's life.
struct Announcer(Events);

impl Observer for Announcer {
    fn transition(&self, transition: &Transition) {
        self.0.send(Event::Lifecycle {
            plugin: transition.plugin.clone(),
            version: transition.version.clone(),
            from: transition.from,
            to: transition.to,
        });
    }
}

fn no_candidate(error: &NoCandidate) -> CallError {
    let call_error = CallError::new(error.kind(), error.to_string());
    match error.reason() {
        Some(reason) => with_reason(call_error, reason),
        None => call_error,
    }
}

fn blocked(reason: &Reason) -> CallError {
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
