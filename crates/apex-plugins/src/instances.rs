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
use tokio::sync::{OnceCell, watch};

use crate::{
    PluginSpec,
    manager::Inner,
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
        self.entries_in(catalogue).any(|entry| entry.status() == Status::Ready)
    }

    /// Whether a catalogue has it only for who asks for this version.
    fn is_standby_in(&self, catalogue: &Catalogue) -> bool {
        let mut entries = self.entries_in(catalogue).peekable();
        entries.peek().is_some() && entries.all(Entry::is_standby)
    }

    fn entries_in<'a>(&'a self, catalogue: &'a Catalogue) -> impl Iterator<Item = &'a Entry> {
        let is_it = |entry: &&Entry| entry.version() == Some(&self.version) && entry.digest() == self.digest.as_ref();
        catalogue.versions(&self.id).iter().filter(is_it)
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
    /// Plugins that are being replaced, whose new calls wait.
    held: BTreeMap<PluginId, watch::Receiver<()>>,
}

/// What a call of a plugin gets.
pub(crate) enum Access {
    /// The cell of the instance.
    Cell(InstanceCell),
    /// The plugin is being replaced: when this changes or ends, there is something else to choose.
    Held(watch::Receiver<()>),
}

/// The right to replace the instances of one plugin; as long as it is there, new calls of the plugin wait.
pub(crate) struct Held {
    inner: Arc<Inner>,
    plugin: PluginId,
    cells: Vec<InstanceCell>,
    /// Wakes who waits, when it is dropped.
    _until: watch::Sender<()>,
}

impl Held {
    /// The instances there are, those included that were just being started.
    pub(crate) async fn running(&self) -> Vec<Arc<Running>> {
        let mut running = Vec::new();
        for cell in &self.cells {
            // Waits for who starts one at this moment, and starts none itself.
            if let Ok(one) = cell.get_or_try_init(|| async { Err::<_, ()>(()) }).await {
                running.push(Arc::clone(one));
            }
        }
        running
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.inner.instances.lock().held.remove(&self.plugin);
    }
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

    /// Has the new calls of a plugin wait; none if it is being replaced already.
    pub(crate) fn hold(inner: &Arc<Inner>, plugin: &PluginId) -> Option<Held> {
        let mut registry = inner.instances.lock();
        if registry.held.contains_key(plugin) {
            return None;
        }
        let (sender, receiver) = watch::channel(());
        registry.held.insert(plugin.clone(), receiver);
        let cells = registry.cells.iter().filter(|(key, _)| key.id == *plugin).map(|(_, cell)| Arc::clone(cell));
        Some(Held { plugin: plugin.clone(), cells: cells.collect(), inner: Arc::clone(inner), _until: sender })
    }

    /// Whether new calls of a plugin wait.
    pub(crate) fn is_held(&self, plugin: &PluginId) -> bool {
        self.lock().held.contains_key(plugin)
    }

    /// The instances of a plugin that run now.
    pub(crate) fn of(&self, plugin: &PluginId) -> Vec<Arc<Running>> {
        let registry = self.lock();
        let cells = registry.cells.iter().filter(|(key, _)| key.id == *plugin);
        cells.filter_map(|(_, cell)| cell.get().cloned()).collect()
    }

    /// Goes by a new catalogue: what it lets run again is no longer in quarantine. Gives the instances that it has no
    /// place for any more, or another version in the place of, which new calls no longer find.
    pub(crate) fn follow(&self, catalogue: &Catalogue, before: &Catalogue) -> Vec<Arc<Running>> {
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
            let stays = key.is_ready_in(catalogue) && (!key.is_standby_in(catalogue) || key.is_standby_in(before));
            gone.extend((!stays).then(|| Arc::clone(running)));
            stays
        });
        gone.iter().for_each(|running| registry.leave(running));
        gone
    }

    /// The cell of a key, made if there is none yet, unless the plugin is being replaced.
    ///
    /// # Errors
    /// The manager was shut down.
    pub(crate) fn access(&self, key: InstanceKey) -> Result<Access, CallError> {
        let mut registry = self.lock();
        if registry.closed {
            return Err(CallError::new(ErrorKind::ShuttingDown, "the plugin manager is shut down"));
        }
        if let Some(until) = registry.held.get(&key.id) {
            return Ok(Access::Held(until.clone()));
        }
        Ok(Access::Cell(Arc::clone(registry.cells.entry(key).or_default())))
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
