//! The store that keeps states in files.

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};

use apex_meta::PluginId;
use async_trait::async_trait;
use serde_json::Value;

use crate::{
    Recovery, StateError, StateKey, StateLimits, StateListing, StateRecord, StateStore,
    disk::{OsDisk, open_root},
    limits,
    workers::Workers,
};
use engine::Engine;

mod engine;
mod place;

/// A [`StateStore`] in files, one for each state: `<states>/<plugin id>/state_v<version>.json`.
///
/// Several processes may use one directory at the same time. A save is on the disk when it returns, and a crash or
/// power failure at any point leaves the old or the new state. A state that does not match its hash any more is set
/// aside, its backup takes its place, and that is reported: to the log, in [`StateRecord::recovered`], and to
/// [`FileStateOptions::on_recovery`].
///
/// The async methods of [`StateStore`] wait for threads of the store's own, so that they neither block the caller's
/// executor nor need a certain one; a save goes on to its end even if the future is dropped. Hosts without an executor
/// call the blocking twins, such as [`load_blocking`](Self::load_blocking).
///
/// ```
/// use apex_state::{FileStateStore, StateKey};
/// use serde_json::json;
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let directory = tempfile::tempdir()?;
/// # let states = directory.path().join("states");
/// let store = FileStateStore::open(&states)?;
/// let key = StateKey::new("com.acme.counter".parse()?, "1.0.2".parse()?);
/// assert_eq!(store.load_blocking(&key)?, None);
/// store.save_blocking(&key, 0, &json!({"count": 1}))?;
/// assert_eq!(store.save_blocking(&key, 0, &json!({"count": 1})).unwrap_err().code(), "StateConflict");
/// assert!(states.join("com.acme.counter/state_v1.0.2.json").is_file());
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct FileStateStore {
    engine: Arc<Engine<OsDisk>>,
    workers: Arc<Workers>,
}

impl FileStateStore {
    /// Opens the directory of all states with default options, making it for this user alone if it is not there.
    ///
    /// # Errors
    /// The directory cannot be made, is not this user's, or can be written by others.
    pub fn open(directory: impl AsRef<Path>) -> Result<Self, StateError> {
        Self::open_with(directory, FileStateOptions::default())
    }

    /// Opens the directory of all states, making it for this user alone if it is not there.
    ///
    /// # Errors
    /// The directory cannot be made, is not this user's, or can be written by others.
    pub fn open_with(directory: impl AsRef<Path>, options: FileStateOptions) -> Result<Self, StateError> {
        let root = open_root(directory.as_ref())?;
        Ok(Self { engine: Arc::new(Engine::new(OsDisk, root, options)), workers: Arc::default() })
    }

    /// The directory of all states, as it was when the store was opened: absolute and without symlinks.
    pub fn directory(&self) -> &Path {
        self.engine.root()
    }

    /// The file of a state, whether it is there or not.
    pub fn path(&self, key: &StateKey) -> PathBuf {
        place::Place::of(self.engine.root(), key).file()
    }

    /// Loads a state on this thread; see [`StateStore::load`].
    ///
    /// # Errors
    /// As [`StateStore::load`].
    pub fn load_blocking(&self, key: &StateKey) -> Result<Option<StateRecord>, StateError> {
        self.engine.load(key)
    }

    /// Saves a state on this thread; see [`StateStore::save`].
    ///
    /// # Errors
    /// As [`StateStore::save`].
    pub fn save_blocking(&self, key: &StateKey, expected: u64, data: &Value) -> Result<u64, StateError> {
        self.engine.save(key, expected, &self.encode(key, data)?)
    }

    /// Forgets a state on this thread; see [`StateStore::clear`].
    ///
    /// # Errors
    /// As [`StateStore::clear`].
    pub fn clear_blocking(&self, key: &StateKey) -> Result<bool, StateError> {
        self.engine.clear(key)
    }

    /// Lists the states of a plugin on this thread; see [`StateStore::list`].
    ///
    /// # Errors
    /// As [`StateStore::list`].
    pub fn list_blocking(&self, plugin: &PluginId) -> Result<StateListing, StateError> {
        self.engine.list(plugin)
    }

    fn encode(&self, key: &StateKey, data: &Value) -> Result<Vec<u8>, StateError> {
        limits::encode(key, data, &self.engine.options().limits)
    }

    async fn elsewhere<T: Send + 'static>(
        &self,
        plugin: &PluginId,
        work: impl FnOnce(&Engine<OsDisk>) -> Result<T, StateError> + Send + 'static,
    ) -> Result<T, StateError> {
        let engine = Arc::clone(&self.engine);
        let done = self.workers.run(move || work(&engine)).await;
        done.unwrap_or_else(|| Err(StateError::Interrupted { plugin: plugin.clone() }))
    }
}

#[async_trait]
impl StateStore for FileStateStore {
    async fn load(&self, key: &StateKey) -> Result<Option<StateRecord>, StateError> {
        let wanted = key.clone();
        self.elsewhere(&key.plugin, move |engine| engine.load(&wanted)).await
    }

    async fn save(&self, key: &StateKey, expected: u64, data: &Value) -> Result<u64, StateError> {
        let (wanted, bytes) = (key.clone(), self.encode(key, data)?);
        self.elsewhere(&key.plugin, move |engine| engine.save(&wanted, expected, &bytes)).await
    }

    async fn clear(&self, key: &StateKey) -> Result<bool, StateError> {
        let wanted = key.clone();
        self.elsewhere(&key.plugin, move |engine| engine.clear(&wanted)).await
    }

    async fn list(&self, plugin: &PluginId) -> Result<StateListing, StateError> {
        let wanted = plugin.clone();
        self.elsewhere(plugin, move |engine| engine.list(&wanted)).await
    }
}

impl fmt::Debug for FileStateStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileStateStore").field("directory", &self.directory()).finish_non_exhaustive()
    }
}

type Clock = dyn Fn() -> SystemTime + Send + Sync;
type Observer = dyn Fn(&Recovery) + Send + Sync;

/// How a [`FileStateStore`] works.
#[derive(Clone)]
pub struct FileStateOptions {
    limits: StateLimits,
    lock_patience: Duration,
    clock: Arc<Clock>,
    observer: Option<Arc<Observer>>,
}

impl Default for FileStateOptions {
    /// Default limits, ten seconds of patience, the system's clock, and no observer.
    fn default() -> Self {
        Self {
            limits: StateLimits::default(),
            lock_patience: Duration::from_secs(10),
            clock: Arc::new(SystemTime::now),
            observer: None,
        }
    }
}

impl FileStateOptions {
    /// How much a plugin may keep.
    #[must_use]
    pub fn limits(mut self, limits: StateLimits) -> Self {
        self.limits = limits;
        self
    }

    /// How long a save waits for one that is under way, in this or another process, before it is
    /// [`StateError::Locked`].
    #[must_use]
    pub fn lock_patience(mut self, patience: Duration) -> Self {
        self.lock_patience = patience;
        self
    }

    /// Where the time comes from that names what is set aside.
    #[must_use]
    pub fn clock(mut self, clock: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Whom to tell when a damaged state was replaced by its backup; called on the thread that found it, with no lock
    /// held.
    #[must_use]
    pub fn on_recovery(mut self, observer: impl Fn(&Recovery) + Send + Sync + 'static) -> Self {
        self.observer = Some(Arc::new(observer));
        self
    }
}

impl fmt::Debug for FileStateOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileStateOptions")
            .field("limits", &self.limits)
            .field("lock_patience", &self.lock_patience)
            .field("has_observer", &self.observer.is_some())
            .finish_non_exhaustive()
    }
}
