//! Versions that are on trial together: those that call others find the versions they will find once all of it counts.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use apex_abi::PluginError;
use apex_exec::Instance;
use apex_meta::{ErrorKind, PluginId};

use crate::{PluginSpec, manager::Inner};

/// The instances of one plan's new versions that were tried out already and that versions after them may call.
#[derive(Default)]
pub(crate) struct Peers(Mutex<BTreeMap<PluginId, Instance>>);

impl Peers {
    /// Keeps an instance for those that come after it.
    pub(super) fn keep(&self, plugin: &PluginId, instance: Instance) {
        self.lock().insert(plugin.clone(), instance);
    }

    /// Ends all of them.
    pub(super) async fn end(&self) {
        let instances = std::mem::take(&mut *self.lock());
        for instance in instances.into_values() {
            instance.shutdown(Duration::ZERO).await;
        }
    }

    /// What answers a call of a version on trial instead of the plugin that is active; none if that one does.
    ///
    /// # Errors
    /// Calls of the plugin wait until this very trial is over, and its new version cannot be called yet: an answer now
    /// is better than one that comes when the caller's time is up.
    pub(crate) fn instead_of(&self, inner: &Arc<Inner>, spec: &PluginSpec) -> Option<Result<Instance, PluginError>> {
        let fits = |instance: &&Instance| spec.covers(&spec.id, instance.version());
        if let Some(instance) = self.lock().get(&spec.id).filter(fits) {
            return Some(Ok(instance.clone()));
        }
        let message =
            || format!("{} is being replaced together with this plugin, and cannot be called before", spec.id);
        inner.instances.is_held(&spec.id).then(|| Err(PluginError::new(ErrorKind::Dependency, message())))
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<PluginId, Instance>> {
        // Each change is one insertion, or takes all of it.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
