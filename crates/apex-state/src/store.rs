//! What every store of states can do.

use std::{fmt, path::PathBuf};

use apex_meta::PluginId;
use async_trait::async_trait;
use serde_json::Value;

use crate::{RecordFault, StateError, StateKey};

/// A store of plugin states with compare-and-swap.
///
/// Every state has a generation that grows with each save and never comes back, not even after [`clear`], so that
/// two writers who both read the same state cannot overwrite each other unnoticed.
///
/// [`clear`]: StateStore::clear
#[async_trait]
pub trait StateStore: Send + Sync {
    /// Loads a state; `None` says that there is none yet, which is not a failure.
    ///
    /// # Errors
    /// The state is there, or may be, but could not be had: see [`StateError`].
    async fn load(&self, key: &StateKey) -> Result<Option<StateRecord>, StateError>;

    /// Saves a state durably if its generation is still `expected`, and returns the new generation.
    ///
    /// `expected` is the generation that the caller loaded or last saved, and 0 where there was none. When this returns
    /// `Ok`, the state survives a power failure; when it returns an error, the old state is the one that is loaded next.
    ///
    /// # Errors
    /// [`StateError::Conflict`] when somebody else saved in between; for the rest see [`StateError`].
    async fn save(&self, key: &StateKey, expected: u64, data: &Value) -> Result<u64, StateError>;

    /// Forgets a state, its backup and what was set aside of it, and says whether there was any.
    ///
    /// # Errors
    /// The state belongs to another owner, or could not be removed.
    async fn clear(&self, key: &StateKey) -> Result<bool, StateError>;

    /// Lists the states of a plugin, of all versions and scopes, sorted by key.
    ///
    /// # Errors
    /// The store could not be read. A single state that could not is in [`StateListing::unreadable`].
    async fn list(&self, plugin: &PluginId) -> Result<StateListing, StateError>;
}

/// A state as it was loaded.
#[derive(Debug, Clone, PartialEq)]
pub struct StateRecord {
    /// The number of the save; what the next one gives as `expected`. Never 0, and higher with each save.
    pub generation: u64,
    /// The state itself.
    pub data: Value,
    /// Set when this is not what was saved last, but the backup that took its place in this very load.
    pub recovered: Option<Recovery>,
}

/// The states of one plugin.
#[derive(Debug, Default)]
pub struct StateListing {
    /// What is there, sorted by key.
    pub entries: Vec<StateEntry>,
    /// What is there but could not be read; one bad state hides no other.
    pub unreadable: Vec<StateError>,
}

/// One state in a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateEntry {
    /// The key to load it by, its owner included.
    pub key: StateKey,
    /// The number of its last save.
    pub generation: u64,
    /// The size of its data in bytes of JSON.
    pub bytes: u64,
}

/// A damaged state was set aside, and its backup took its place: the event `StateRecovered`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Recovery {
    /// Which state.
    pub key: StateKey,
    /// What was wrong with it.
    pub fault: RecordFault,
    /// The state's file.
    pub path: PathBuf,
    /// Where the damaged file is now; `None` if there was no file left.
    pub set_aside: Option<PathBuf>,
    /// The generation that the backup was saved as.
    pub backup_generation: u64,
    /// The generation that it goes by now: one that was never given out, so that nobody who saw the lost state can
    /// overwrite what follows.
    pub generation: u64,
}

impl Recovery {
    /// The stable name of the event.
    pub const CODE: &'static str = "StateRecovered";
}

impl fmt::Display for Recovery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key, fault, backup_generation, .. } = self;
        write!(
            f,
            "the state of {key} was damaged ({fault}) and is restored from its backup of generation {backup_generation}"
        )?;
        match &self.set_aside {
            Some(path) => write!(f, "; what was there is in {}", path.display()),
            None => Ok(()),
        }
    }
}

/// The rule of compare-and-swap; `found` is 0 where there is no state.
pub(crate) fn check_generation(key: &StateKey, expected: u64, found: u64) -> Result<(), StateError> {
    if expected == found {
        return Ok(());
    }
    Err(StateError::Conflict { key: Box::new(key.clone()), expected, found })
}
