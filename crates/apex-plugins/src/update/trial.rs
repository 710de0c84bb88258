//! A new version on trial: loaded, asked to migrate, started, and asked for its health, before anything counts.

use std::{path::Path, sync::Arc, time::Duration};

use apex_discover::Overrides;
use apex_exec::{CallError, CallRequest, Instance, Loaded};
use apex_install::Candidate;
use apex_meta::{Owner, Reason};
use apex_state::{CarriedOver, MemoryStateStore, StateStore, Succession};
use apex_trust::Grants;
use serde_json::json;

use super::{Peers, UpdateError};
use crate::{fence::Fence, manager::Inner, start::owner_of};

/// The action that says whether a version is in health: without required parameters, and failing if it is not.
const HEALTH_CHECK: &str = "health_check";

/// A new version on trial.
pub(super) struct Trial<'a> {
    inner: &'a Arc<Inner>,
    candidate: &'a Candidate,
    loaded: Loaded,
    owner: Option<Owner>,
    /// What is granted, with what the plan grants.
    grants: &'a Grants,
    peers: &'a Arc<Peers>,
}

impl<'a> Trial<'a> {
    /// Verifies and loads it; nothing of it runs yet but a library's constructors, where policy allows it in this process.
    pub(super) fn load(
        inner: &'a Arc<Inner>,
        candidate: &'a Candidate,
        grants: &'a Grants,
        peers: &'a Arc<Peers>,
    ) -> Result<Self, UpdateError> {
        let Candidate { plugin, to, directory, .. } = candidate;
        let blocked =
            |reason| UpdateError::Blocked { plugin: plugin.clone(), version: to.clone(), reason: Box::new(reason) };
        check_quarantine(inner, candidate).map_err(blocked)?;
        let verified = inner.verify_tree(directory).map_err(blocked)?;
        let owner = owner_of(&verified);
        let does_not_start = |source| UpdateError::DoesNotStart {
            plugin: plugin.clone(),
            version: to.clone(),
            source: Box::new(source),
        };
        let loaded = inner.load(verified).map_err(does_not_start)?;
        Ok(Self { inner, candidate, loaded, owner, grants, peers })
    }

    /// Whether it declares that it calls another plugin.
    pub(super) fn calls(&self, other: &Self) -> bool {
        let declared = self.loaded.document().manifest().plugin_dependencies();
        declared.iter().any(|dependency| dependency.id == other.candidate.plugin)
    }

    /// Has it migrate what the old version saved, on copies.
    pub(super) async fn take_over(
        &self,
        store: &Arc<dyn StateStore>,
        old_owner: Option<Owner>,
    ) -> Result<CarriedOver, UpdateError> {
        let Candidate { plugin, to, from, .. } = self.candidate;
        let Some(from) = from else { return Ok(CarriedOver::default()) };
        let succession =
            Succession::new(plugin.clone(), from.clone(), to.clone()).between(old_owner, self.owner.clone());
        let sources = succession.sources(&**store).await;
        if sources.map_err(|error| UpdateError::store_of_state(plugin, to, error))?.is_empty() {
            return Ok(CarriedOver::default());
        }
        // It migrates before it has a state, and what it saves meanwhile goes nowhere.
        let migrator = self.start(Some(Arc::new(MemoryStateStore::new()))).await?;
        let migrate = async |from: &_, state| migrator.migrate_state(from, state).await;
        let carried = succession.carry_over(&**store, migrate).await;
        migrator.shutdown(Duration::ZERO).await;
        carried.map_err(|error| UpdateError::state(plugin, to, error))
    }

    /// Starts it as it will be started, asks for its health, and ends it again, unless those after it are to call it.
    pub(super) async fn check(&self, store: Option<Arc<dyn StateStore>>, is_called: bool) -> Result<(), UpdateError> {
        let instance = self.start(store).await?;
        let actions = &instance.document().manifest().actions;
        let health = match actions.iter().any(|action| action.name.as_str() == HEALTH_CHECK) {
            true => {
                let request = CallRequest::new(HEALTH_CHECK).params(json!({}));
                instance.result(request.timeout(self.inner.settings.limits.initialize_timeout)).await.map(drop)
            }
            false => Ok(()),
        };
        let Candidate { plugin, to, .. } = self.candidate;
        match health.is_ok() && is_called {
            true => self.peers.keep(plugin, instance),
            false => drop(instance.shutdown(Duration::ZERO).await),
        }
        let not_healthy =
            |source| UpdateError::NotHealthy { plugin: plugin.clone(), version: to.clone(), source: Box::new(source) };
        health.map_err(not_healthy)
    }

    async fn start(&self, store: Option<Arc<dyn StateStore>>) -> Result<Instance, UpdateError> {
        let Candidate { plugin, to, .. } = self.candidate;
        let started = async {
            let manifest = self.loaded.document().manifest();
            let sandbox = self.inner.sandbox_with(manifest, self.owner.as_ref(), self.grants)?;
            let fence = Arc::<Fence>::default();
            let (owner, peers) = (self.owner.clone(), Some(Arc::clone(self.peers)));
            let options = self.inner.instance_options(&self.loaded, owner, sandbox, store, fence, peers);
            Instance::start(self.loaded.clone(), options).await
        };
        let does_not_start = |source: CallError| UpdateError::DoesNotStart {
            plugin: plugin.clone(),
            version: to.clone(),
            source: Box::new(source),
        };
        started.await.map_err(does_not_start)
    }
}

/// What crashed too often does not become active before somebody lets it run again.
fn check_quarantine(inner: &Inner, candidate: &Candidate) -> Result<(), Reason> {
    let Some(file) = &inner.settings.overrides else { return Ok(()) };
    let overrides = Overrides::load(file).map_err(|error| Reason::new(error.code(), error.to_string()))?;
    let mut quarantined = overrides.quarantined();
    let found = quarantined
        .find(|one| (&one.id, &one.version, &one.digest) == (&candidate.plugin, &candidate.to, &candidate.digest));
    match found {
        Some(quarantine) => {
            let hint = format!("let it run again with `apex enable {}@=={}`", candidate.plugin, candidate.to);
            Err(Reason::new("PluginQuarantined", quarantine.message.clone()).with_hint(hint))
        }
        None => Ok(()),
    }
}

impl Inner {
    /// Verifies a tree of the store, wherever it stands at present.
    pub(super) fn verify_tree(&self, directory: &Path) -> Result<apex_trust::Verified, Reason> {
        let document = Trial::document(directory)?;
        self.authority.verify(directory, &document, false, false)
    }
}

impl Trial<'_> {
    fn document(directory: &Path) -> Result<apex_meta::Document, Reason> {
        apex_install::read_document(directory).map_err(|error| {
            let reason = Reason::new(error.code(), error.to_string());
            error.hint().into_iter().fold(reason, Reason::with_hint)
        })
    }
}
