//! Calls that one plugin makes of another: declared, granted, and on behalf of the same.

use std::sync::{Arc, Weak};

use apex_abi::PluginError;
use apex_exec::{CallError, CallRequest, PluginCall};
use apex_meta::{ErrorKind, Manifest, Permission, PluginDependency, PluginId};
use serde_json::Value;

use crate::{PluginManager, PluginSpec, manager::Inner, update::Peers};

/// Which other plugins a plugin may call.
pub(crate) struct Dependencies {
    caller: PluginId,
    declared: Vec<PluginDependency>,
    /// Those that are granted; none for a plugin that is part of the host's program, whose word counts as the host's.
    granted: Option<Vec<PluginId>>,
    manager: Weak<Inner>,
    /// Those that are on trial with it, if it is on trial itself.
    peers: Option<Arc<Peers>>,
}

impl Dependencies {
    pub(crate) fn new(
        manifest: &Manifest,
        in_effect: Option<&[Permission]>,
        manager: &Arc<Inner>,
        peers: Option<Arc<Peers>>,
    ) -> Self {
        let called = |permission: &Permission| match permission {
            Permission::Call(id) => Some(id.clone()),
            _ => None,
        };
        Self {
            caller: manifest.id.clone(),
            declared: manifest.plugin_dependencies().to_vec(),
            granted: in_effect.map(|permissions| permissions.iter().filter_map(called).collect()),
            manager: Arc::downgrade(manager),
            peers,
        }
    }

    /// Makes a call.
    ///
    /// # Errors
    /// As [`apex_exec::HostServices::call_plugin`] says.
    pub(crate) async fn call(&self, call: PluginCall) -> Result<Value, PluginError> {
        let spec = self.target(&call.plugin)?;
        let Some(inner) = self.manager.upgrade() else {
            return Err(PluginError::new(ErrorKind::Cancelled, "the host has ended"));
        };
        let manager = PluginManager { inner };
        let request = CallRequest::new(call.action).params(call.params).context(call.context);
        let request = call.deadline.into_iter().fold(request, CallRequest::deadline);
        let result = match self.peers.as_ref().and_then(|peers| peers.instead_of(&manager.inner, &spec)) {
            Some(instance) => instance?.result(request).await,
            None => manager.result_of(&spec, request).await,
        };
        result.map_err(|error| as_seen_by_the_caller(&error))
    }

    /// What is to be called, if the caller may call it.
    fn target(&self, id: &PluginId) -> Result<PluginSpec, PluginError> {
        let caller = &self.caller;
        let Some(dependency) = self.declared.iter().find(|declared| declared.id == *id) else {
            let message = format!("{caller} does not declare {id} in `dependencies`, and so may not call it");
            return Err(PluginError::new(ErrorKind::DependencyNotDeclared, message));
        };
        if self.granted.as_ref().is_some_and(|granted| !granted.contains(id)) {
            let message = format!("`call:{id}` is not granted to {caller}, or it does not ask for it");
            return Err(PluginError::new(ErrorKind::PermissionDenied, message));
        }
        Ok(PluginSpec { id: id.clone(), specifier: dependency.version_specifier.clone() })
    }
}

/// The error as the calling plugin gets it: what the other plugin told of its own is passed on as it is.
///
/// What was denied to the other plugin, or keeps it from running at all, is nothing that the caller could mend: it has
/// failed in a dependency.
fn as_seen_by_the_caller(error: &CallError) -> PluginError {
    let kind = match error.kind() {
        ErrorKind::PermissionDenied | ErrorKind::DependencyNotDeclared => ErrorKind::Dependency,
        ErrorKind::DeadlineExceeded | ErrorKind::ResourceLimit => error.kind(),
        kind if kind.number() >= 32 => ErrorKind::Dependency,
        kind => kind,
    };
    let mut seen = PluginError::new(kind, error.to_string());
    seen.details = error.details().cloned();
    seen.causes = error.causes().map(str::to_owned).collect();
    seen
}
