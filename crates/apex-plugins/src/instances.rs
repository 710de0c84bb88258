//! The running instances: one for each version and digest, started by the first call that needs it.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use apex_discover::Entry;
use apex_exec::{CallError, Instance};
use apex_meta::{Digest, ErrorKind, PluginId, PluginVersion};
use futures::future::join_all;
use tokio::sync::OnceCell;

use crate::shutdown::{Leftover, ShutdownReport};

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
pub(crate) type InstanceCell = Arc<OnceCell<Instance>>;

/// The running instances.
#[derive(Default)]
pub(crate) struct Instances {
    registry: Mutex<Registry>,
}

#[derive(Default)]
struct Registry {
    closed: bool,
    cells: BTreeMap<InstanceKey, InstanceCell>,
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
    pub(crate) fn running(&self) -> Vec<Instance> {
        let registry = self.registry.lock().unwrap_or_else(PoisonError::into_inner);
        registry.cells.values().filter_map(|cell| cell.get().cloned()).collect()
    }

    /// Refuses new calls for good and ends all instances at once.
    pub(crate) async fn shutdown(&self, drain: Duration) -> ShutdownReport {
        self.registry.lock().unwrap_or_else(PoisonError::into_inner).closed = true;
        let instances = self.running();
        let ended = join_all(instances.iter().map(|instance| instance.shutdown(drain))).await;
        let mut report = ShutdownReport { stopped: instances.len(), leftovers: Vec::new() };
        for (instance, outcome) in instances.iter().zip(ended) {
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
