//! The running instances: one for each version and digest, started by the first call that needs it.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use apex_discover::{Catalogue, Entry};
use apex_exec::{CallError, CrashHistory, Lifecycle};
use apex_meta::{Digest, ErrorKind, PluginId, PluginVersion, Status};
use futures::future::join_all;
use tokio::sync::OnceCell;

use crate::{
    PluginSpec,
    running::Running,
    shutdown::{Leftover, ShutdownReport},
};

/// What an instance is an instance of; changed bytes of the same version are another.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct InstanceKey {
    pub(crate) id: PluginId,
    pub(crate) version: PluginVersion,
    pub(crate) digest: Option<Digest>,
}

impl InstanceKey {
    /// The key of an entry whose metadata could be read.
    pub(crate) fn of(entry: &Entry) -> Option<Self> {
        Some(Self { id: entry.id()?.clone(), version: entry.version()?.clone(), digest: entry.digest().copied() })
    }

    /// Whether a catalogue has it ready to be called.
    fn is_ready_in(&self, catalogue: &Catalogue) -> bool {
        let is_it = |entry: &&Entry| entry.version() == Some(&self.version) && entry.digest() == self.digest.as_ref();
        catalogue.versions(&self.id).iter().filter(is_it).any(|entry| entry.status() == Status::Ready)
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
    crashes: BTreeMap<InstanceKey, Crashes>,
    /// Those that are trusted no more, or replaced, until they have ended.
    leaving: Vec<Arc<Running>>,
}

/// What is remembered of crashes for as long as the manager lives.
#[derive(Default)]
struct Crashes {
    history: CrashHistory,
    /// Whether the quarantine that they led to is in the file.
    is_noted: bool,
}

impl Instances {
    /// What is remembered of the crashes of a plugin.
    pub(crate) fn crashes(&self, key: &InstanceKey) -> CrashHistory {
        self.lock().crashes.entry(key.clone()).or_default().history.clone()
    }

    /// Takes note that a quarantine is in the file, so that its absence there will mean something.
    pub(crate) fn noted(&self, key: &InstanceKey) {
        self.lock().crashes.entry(key.clone()).or_default().is_noted = true;
    }

    /// Lets plugins run again; says how many were kept from it.
    pub(crate) fn lift(&self, spec: &PluginSpec) -> usize {
        let mut registry = self.lock();
        let of_spec = registry.crashes.iter_mut().filter(|(key, _)| spec.covers(&key.id, &key.version));
        of_spec.filter_map(|(_, crashes)| crashes.lift().then_some(())).count()
    }

    /// Goes by a new catalogue: what it lets run again is no longer in quarantine. Gives the instances that it has no
    /// place for any more, which new calls no longer find.
    pub(crate) fn follow(&self, catalogue: &Catalogue) -> Vec<Arc<Running>> {
        let mut gone = Vec::new();
        let mut registry = self.lock();
        for (key, crashes) in &mut registry.crashes {
            if crashes.is_noted && key.is_ready_in(catalogue) {
                crashes.lift();
            }
        }
        registry.cells.retain(|key, cell| {
            // What is just being started is looked at the next time.
            let Some(running) = cell.get() else { return true };
            let stays = key.is_ready_in(catalogue);
            gone.extend((!stays).then(|| Arc::clone(running)));
            stays
        });
        gone.iter().for_each(|running| registry.leave(running));
        gone
    }

    /// The cell of a key, made if there is none yet.
    ///
    /// # Errors
    /// The manager was shut down.
    pub(crate) fn cell(&self, key: InstanceKey) -> Result<InstanceCell, CallError> {
        let mut registry = self.lock();
        if registry.closed {
            return Err(CallError::new(ErrorKind::ShuttingDown, "the plugin manager is shut down"));
        }
        Ok(Arc::clone(registry.cells.entry(key).or_default()))
    }

    /// The instances that run now.
    pub(crate) fn running(&self) -> Vec<Arc<Running>> {
        let registry = self.lock();
        registry.cells.values().filter_map(|cell| cell.get().cloned()).collect()
    }

    /// Takes an instance out, so that the next call starts another one, should it be trusted again.
    pub(crate) fn dismiss(&self, running: &Arc<Running>) {
        let mut registry = self.lock();
        registry.cells.retain(|_, cell| !cell.get().is_some_and(|present| Arc::ptr_eq(present, running)));
        registry.leave(running);
    }

    fn lock(&self) -> MutexGuard<'_, Registry> {
        self.registry.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn all(&self) -> Vec<Arc<Running>> {
        let mut all = self.running();
        all.extend(self.lock().leaving.iter().cloned());
        all
    }

    /// Refuses new calls for good and ends all instances at once.
    pub(crate) async fn shutdown(&self, drain: Duration) -> ShutdownReport {
        self.lock().closed = true;
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

impl Registry {
    /// Takes note of an instance that is about to end, and forgets those that have.
    fn leave(&mut self, running: &Arc<Running>) {
        self.leaving
            .retain(|leaving| leaving.instance.lifecycle() != Lifecycle::Stopped && !Arc::ptr_eq(leaving, running));
        self.leaving.push(Arc::clone(running));
    }
}

impl Crashes {
    fn lift(&mut self) -> bool {
        self.is_noted = false;
        self.history.lift()
    }
}
