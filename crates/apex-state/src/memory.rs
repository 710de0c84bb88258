//! A store that forgets: for tests, and for hosts that keep nothing on disk.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use apex_meta::{Owner, PluginId};
use async_trait::async_trait;
use serde_json::Value;

use crate::{
    StateEntry, StateError, StateKey, StateLimits, StateListing, StateRecord, StateStore, limits,
    store::check_generation,
};

/// A [`StateStore`] in memory, with the rules of the one in files; a dropped store is gone.
#[derive(Debug, Default)]
pub struct MemoryStateStore {
    limits: StateLimits,
    /// Under the key without its owner: a place has one owner.
    states: Mutex<BTreeMap<StateKey, Kept>>,
}

#[derive(Debug)]
struct Kept {
    owner: Option<Owner>,
    generation: u64,
    /// As JSON, so that what comes back is what a file would give; `None` after a clear.
    data: Option<Vec<u8>>,
}

impl MemoryStateStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty store with limits of its own.
    pub fn with_limits(limits: StateLimits) -> Self {
        Self { limits, states: Mutex::default() }
    }

    fn states(&self) -> MutexGuard<'_, BTreeMap<StateKey, Kept>> {
        // No code panics while it holds the lock, and each change is one insertion.
        self.states.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn place(key: &StateKey) -> StateKey {
    StateKey { owner: None, ..key.clone() }
}

impl Kept {
    fn check_owner(&self, key: &StateKey) -> Result<(), StateError> {
        if self.data.is_none() || self.owner == key.owner {
            return Ok(());
        }
        let found = Box::new(StateKey { owner: self.owner.clone(), ..key.clone() });
        Err(StateError::OwnerMismatch { key: Box::new(key.clone()), found })
    }

    fn bytes(&self) -> u64 {
        self.data.as_ref().map_or(0, |data| data.len() as u64)
    }
}

#[async_trait]
impl StateStore for MemoryStateStore {
    async fn load(&self, key: &StateKey) -> Result<Option<StateRecord>, StateError> {
        let states = self.states();
        let Some(kept) = states.get(&place(key)) else { return Ok(None) };
        kept.check_owner(key)?;
        let data = kept.data.as_ref().map(|data| serde_json::from_slice::<Value>(data).unwrap_or_default());
        Ok(data.map(|data| StateRecord { generation: kept.generation, data, recovered: None }))
    }

    async fn save(&self, key: &StateKey, expected: u64, data: &Value) -> Result<u64, StateError> {
        let data = limits::encode(key, data, &self.limits)?;
        let mut states = self.states();
        let kept = states.get(&place(key));
        kept.map_or(Ok(()), |kept| kept.check_owner(key))?;
        let last = kept.map_or(0, |kept| kept.generation);
        let is_there = kept.is_some_and(|kept| kept.data.is_some());
        check_generation(key, expected, if is_there { last } else { 0 })?;
        let others: u64 = states.iter().filter(|(at, _)| at.plugin == key.plugin).map(|(_, kept)| kept.bytes()).sum();
        let needed = others - kept.map_or(0, Kept::bytes) + data.len() as u64;
        if needed > self.limits.quota_bytes && needed > others {
            let (plugin, quota) = (key.plugin.clone(), self.limits.quota_bytes);
            return Err(StateError::QuotaExceeded { plugin, needed, quota });
        }
        let generation = last + 1;
        states.insert(place(key), Kept { owner: key.owner.clone(), generation, data: Some(data) });
        Ok(generation)
    }

    async fn clear(&self, key: &StateKey) -> Result<bool, StateError> {
        let mut states = self.states();
        let Some(kept) = states.get_mut(&place(key)) else { return Ok(false) };
        kept.check_owner(key)?;
        let was_there = kept.data.take().is_some();
        kept.owner = None;
        kept.generation += u64::from(was_there);
        Ok(was_there)
    }

    async fn list(&self, plugin: &PluginId) -> Result<StateListing, StateError> {
        let entries = self
            .states()
            .iter()
            .filter(|(at, kept)| at.plugin == *plugin && kept.data.is_some())
            .map(|(at, kept)| StateEntry {
                key: StateKey { owner: kept.owner.clone(), ..at.clone() },
                generation: kept.generation,
                bytes: kept.bytes(),
            })
            .collect();
        Ok(StateListing { entries, unreadable: Vec::new() })
    }
}
