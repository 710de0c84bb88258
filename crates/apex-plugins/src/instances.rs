//! The running instances: one for each version and digest, started by the first call that needs it.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use apex_discover::Entry;
use apex_exec::{CallError, Lifecycle};
use apex_meta::{Digest, ErrorKind, PluginId, PluginVersion};
use futures::future::join_all;
use tokio::sync::OnceCell;

use crate::{
    running::Running,
    shutdown::{Leftover, ShutdownReport},
};

/// What an instance is an instance of; changed bytes of the same version are another.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct InstanceKey {
    id: PluginId,
    version: PluginVersion,
    digest: Option<Digest>,
}

impl InstanceKey {
    /// The key of an entry whose metadata could be read.
    pub(crate) fn of(entry: &Entry) -> Option<Self> {
        Some(Self { id: entry.id()?.clone(), version: entry.version()?.clone(), digest: entry.digest().copied() })
    }
}

/// A cell that the first caller fills while the others wait; a start that failed leaves it empty for the next one.
pub(crate) type InstanceCell = Arc<OnceCell<Arc<Running>>>;

/// The running instances.
#[derive(Default)]
pub(crate) struct Instances {
    registry: Mutex<Registry>,
}

#[derive(Default)]
struct Registry {
    closed: bool,
    cells: BTreeMap<InstanceKey, InstanceCell>,
    /// Those that are trusted no more, until they have ended.
    leaving: Vec<Arc<Running>>,
}

impl Instances {
    /// The cell of a key, made if there is none yet.
    ///
    /// # Errors
    /// The manager was shut down.
    pub(crate) fn cell(&self, key: InstanceKey) -> Result<InstanceCell, CallError> {
        let mut registry = self.registry.lock().unwrap_or_else(PoisonError::into_inner);
        if registry.closed {
            return Err(CallError::new(ErrorKind::ShuttingDown, "the plugin manager is shut down"));
        }
        Ok(Arc::clone(registry.cells.entry(key).or_default()))
    }

    /// The instances that run now.
    pub(crate) fn running(&self) -> Vec<Arc<Running>> {
        let registry = self.registry.lock().unwrap_or_else(PoisonError::into_inner);
        registry.cells.values().filter_map(|cell| cell.get().cloned()).collect()
    }

    /// Takes an instance out, so that the next call starts another one, should it be trusted again.
    pub(crate) fn dismiss(&self, running: &Arc<Running>) {
        let mut registry = self.registry.lock().unwrap_or_else(PoisonError::into_inner);
        registry.cells.retain(|_, cell| !cell.get().is_some_and(|present| Arc::ptr_eq(present, running)));
        registry
            .leaving
            .retain(|leaving| leaving.instance.lifecycle() != Lifecycle::Stopped && !Arc::ptr_eq(leaving, running));
        registry.leaving.push(Arc::clone(running));
    }

    fn all(&self) -> Vec<Arc<Running>> {
        let mut all = self.running();
        all.extend(self.registry.lock().unwrap_or_else(PoisonError::into_inner).leaving.iter().cloned());
        all
    }

    /// Refuses new calls for good and ends all instances at once.
    pub(crate) async fn shutdown(&self, drain: Duration) -> ShutdownReport {
        self.registry.lock().unwrap_or_else(PoisonError::into_inner).closed = true;
        let instances = self.all();
        let ended = join_all(instances.iter().map(|running| running.instance.shutdown(drain))).await;
        let mut report = ShutdownReport { stopped: instances.len(), leftovers: Vec::new() };
        for (instance, outcome) in instances.iter().map(|running| &running.instance).zip(ended) {
            if outcome.is_clean() {
                continue;
            }
            report.leftovers.push(Leftover {
                plugin: instance.id().clone(),
                version: instance.version().clone(),
                calls: outcome.leftovers.len(),
                error: outcome.error.map(|error| error.to_string()),
            });
        }
        report
    }
}
