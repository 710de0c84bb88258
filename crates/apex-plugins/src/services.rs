//! What a running plugin asks its host for, answered from the state store.

use std::sync::Arc;

use apex_abi::{LogLevel, PluginError};
use apex_exec::{HostServices, LogLine, PluginCall};
use apex_meta::{CallContext, ErrorKind, Owner, PluginId, PluginVersion, Reason, StateScope};
use apex_state::{Recovery, Scope, StateError, StateKey, StateStore};
use async_trait::async_trait;
use serde_json::Value;

use crate::{
    dependency::Dependencies,
    event::{Event, Events},
    fence::Fence,
};

/// The host's services for one version of one plugin: there is no way to name another plugin's state.
pub(crate) struct Services {
    pub(crate) plugin: PluginId,
    pub(crate) version: PluginVersion,
    pub(crate) owner: Option<Owner>,
    pub(crate) state: Option<Arc<dyn StateStore>>,
    pub(crate) fence: Arc<Fence>,
    pub(crate) events: Events,
    pub(crate) dependencies: Dependencies,
}

impl Services {
    fn store(&self) -> Result<&dyn StateStore, PluginError> {
        self.state.as_deref().ok_or_else(|| {
            PluginError::new(ErrorKind::StateIo, "this host keeps no state; its builder was given no state store")
        })
    }

    fn key(&self, scope: StateScope, context: &CallContext) -> Result<StateKey, PluginError> {
        let scope = Scope::of(scope, context).map_err(|error| {
            PluginError::new(ErrorKind::InvalidRequest, "the state has no such scope").caused_by(&error)
        })?;
        let mut key = StateKey::new(self.plugin.clone(), self.version.clone()).with_scope(scope);
        key.owner.clone_from(&self.owner);
        Ok(key)
    }

    fn announce(&self, recovery: &Recovery) {
        let reason = Reason::new(Recovery::CODE, recovery.to_string());
        self.events.send(Event::StateRecovered { plugin: self.plugin.clone(), reason });
    }
}

#[async_trait]
impl HostServices for Services {
    async fn load_state(&self, scope: StateScope, context: &CallContext) -> Result<Option<(u64, Value)>, PluginError> {
        self.fence.is_asked();
        let loaded = self
            .store()?
            .load(&self.key(scope, context)?)
            .await
            .map_err(|error| failed("the state could not be loaded", &error))?;
        Ok(loaded.map(|record| {
            if let Some(recovery) = &record.recovered {
                self.announce(recovery);
            }
            (record.generation, record.data)
        }))
    }

    async fn save_state(
        &self,
        scope: StateScope,
        context: &CallContext,
        expected: u64,
        data: Value,
    ) -> Result<u64, PluginError> {
        let key = self.key(scope, context)?;
        let Some(_open) = self.fence.pass().await else {
            let message = "another version takes this one's place, and would not see what is saved now";
            return Err(PluginError::new(ErrorKind::ShuttingDown, message));
        };
        self.store()?.save(&key, expected, &data).await.map_err(|error| failed("the state could not be saved", &error))
    }

    async fn call_plugin(&self, call: PluginCall) -> Result<Value, PluginError> {
        self.dependencies.call(call).await
    }

    fn log_level(&self) -> Option<LogLevel> {
        LogLine::level_of_tracing()
    }
}

fn failed(message: &str, error: &StateError) -> PluginError {
    let mut failed = PluginError::new(error.kind(), message).caused_by(error);
    if let (StateError::OwnerMismatch { .. }, Some(hint)) = (error, error.hint()) {
        // On its way through a plugin an error has no other place for what the operator can do.
        failed.causes.push(hint);
    }
    failed
}
