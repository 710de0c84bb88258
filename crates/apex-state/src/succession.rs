//! What a new version of a plugin inherits: the states of an earlier one, carried over on copies.

use std::{collections::BTreeMap, error::Error};

use apex_meta::{Owner, PluginId, PluginVersion};
use serde_json::Value;

use crate::{Scope, StateError, StateKey, StateStore};

/// One version of a plugin that takes the place of another, and what it inherits.
///
/// Every version has states of its own, so what the earlier one saved stays as it is: whoever goes back finds it.
/// [`carry_over`](Self::carry_over) writes copies under the new version, which [`CarriedOver::undo`] takes back.
///
/// ```
/// use apex_state::{MemoryStateStore, StateKey, StateStore, Succession, SuccessionError};
/// use serde_json::json;
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let (store, id) = (MemoryStateStore::new(), "com.acme.counter".parse::<apex_state::PluginId>()?);
/// store.save(&StateKey::new(id.clone(), "1.0.0".parse()?), 0, &json!({"count": 1})).await?;
///
/// let succession = Succession::new(id.clone(), "1.0.0".parse()?, "1.1.0".parse()?);
/// // A plugin without a migration gets a copy within the same major version.
/// let nothing = async |_: &_, _| Ok::<_, std::io::Error>(None);
/// succession.carry_over(&store, nothing).await?;
/// let inherited = store.load(&StateKey::new(id, "1.1.0".parse()?)).await?.ok_or("it was carried over")?;
/// assert_eq!(inherited.data, json!({"count": 1}));
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
pub struct Succession {
    plugin: PluginId,
    from: PluginVersion,
    to: PluginVersion,
    old_owner: Option<Owner>,
    new_owner: Option<Owner>,
}

/// States that were carried over.
#[derive(Debug, Default)]
#[must_use = "what was carried over has to be taken back if the new version is not taken"]
pub struct CarriedOver {
    sources: Vec<(StateKey, u64)>,
    copies: Vec<Copy>,
}

/// A state of the new version, with what was there before.
#[derive(Debug)]
struct Copy {
    key: StateKey,
    before: Option<Value>,
}

/// Why states could not be carried over; those that were are taken back.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SuccessionError<E: Error + 'static> {
    /// A state could not be loaded or saved.
    #[error("a state could not be carried over")]
    State(#[from] StateError),
    /// The plugin could not migrate a state.
    #[error("the state of {key} could not be migrated")]
    Migration {
        /// Which state.
        key: Box<StateKey>,
        /// Why.
        source: E,
    },
    /// The plugin has no migration from a version of another major number, whose state it cannot be expected to read.
    #[error("the state of {key} has no way to {to}, which is of another major version and does not migrate it")]
    NotMigrated {
        /// Which state.
        key: Box<StateKey>,
        /// The new version.
        to: PluginVersion,
    },
}

impl Succession {
    /// That `to` takes the place of `from`, of states that are bound to nobody.
    pub fn new(plugin: PluginId, from: PluginVersion, to: PluginVersion) -> Self {
        Self { plugin, from, to, old_owner: None, new_owner: None }
    }

    /// The same between the states of these owners. A state that belongs to anybody else is not inherited.
    #[must_use]
    pub fn between(mut self, old: Option<Owner>, new: Option<Owner>) -> Self {
        (self.old_owner, self.new_owner) = (old, new);
        self
    }

    /// The states that would be carried over: of each scope the newest one that is no newer than the earlier version.
    ///
    /// # Errors
    /// The states cannot be listed, or one of them is damaged and has no backup: a state that cannot be read is not left
    /// behind in silence.
    pub async fn sources(&self, store: &dyn StateStore) -> Result<Vec<StateKey>, StateError> {
        let listing = store.list(&self.plugin).await?;
        if let Some(error) = listing.unreadable.into_iter().next() {
            return Err(error);
        }
        let mut newest: BTreeMap<Scope, StateKey> = BTreeMap::new();
        for key in listing.entries.into_iter().map(|entry| entry.key) {
            if key.version > self.from || key.owner != self.old_owner {
                continue;
            }
            let is_newer = newest.get(&key.scope).is_none_or(|known| known.version < key.version);
            if is_newer {
                newest.insert(key.scope.clone(), key);
            }
        }
        Ok(newest.into_values().collect())
    }

    /// Copies each state to the new version, in the form that `migrate` gives it; where that has none, as it is if both
    /// versions are of the same major number.
    ///
    /// # Errors
    /// A state cannot be loaded, migrated or saved, or there is no way from its version. Nothing is carried over then.
    pub async fn carry_over<E: Error + 'static>(
        &self,
        store: &dyn StateStore,
        mut migrate: impl AsyncFnMut(&PluginVersion, Value) -> Result<Option<Value>, E>,
    ) -> Result<CarriedOver, SuccessionError<E>> {
        let mut carried = CarriedOver::default();
        for source in self.sources(store).await? {
            if let Err(error) = self.carry(store, &source, &mut migrate, &mut carried).await {
                carried.undo(store).await?;
                return Err(error);
            }
        }
        Ok(carried)
    }

    async fn carry<E: Error + 'static>(
        &self,
        store: &dyn StateStore,
        source: &StateKey,
        migrate: &mut impl AsyncFnMut(&PluginVersion, Value) -> Result<Option<Value>, E>,
        carried: &mut CarriedOver,
    ) -> Result<(), SuccessionError<E>> {
        let Some(record) = store.load(source).await? else { return Ok(()) };
        let key = || Box::new(source.clone());
        let migrated = migrate(&source.version, record.data.clone()).await;
        let data = match migrated.map_err(|error| SuccessionError::Migration { key: key(), source: error })? {
            Some(data) => data,
            None if source.version.is_same_major(&self.to) => record.data,
            None => return Err(SuccessionError::NotMigrated { key: key(), to: self.to.clone() }),
        };
        let target = StateKey { version: self.to.clone(), owner: self.new_owner.clone(), ..source.clone() };
        let before = store.load(&target).await?;
        store.save(&target, before.as_ref().map_or(0, |record| record.generation), &data).await?;
        carried.sources.push((source.clone(), record.generation));
        carried.copies.push(Copy { key: target, before: before.map(|record| record.data) });
        Ok(())
    }
}

impl CarriedOver {
    /// How many states were carried over.
    pub fn len(&self) -> usize {
        self.copies.len()
    }

    /// Whether there was nothing to carry over.
    pub fn is_empty(&self) -> bool {
        self.copies.is_empty()
    }

    /// Asks whether the earlier version's states are still those that were copied.
    ///
    /// # Errors
    /// [`StateError::Conflict`] if somebody saved one since; a state could not be loaded.
    pub async fn check_current(&self, store: &dyn StateStore) -> Result<(), StateError> {
        for (key, generation) in &self.sources {
            let found = store.load(key).await?.map_or(0, |record| record.generation);
            crate::store::check_generation(key, *generation, found)?;
        }
        Ok(())
    }

    /// Takes the copies back: what the new version had before is there again.
    ///
    /// # Errors
    /// A state could not be put back; the others are, all the same. The earlier version's states are as they were.
    pub async fn undo(self, store: &dyn StateStore) -> Result<(), StateError> {
        let mut failed = None;
        for copy in self.copies.iter().rev() {
            let undone = match &copy.before {
                Some(data) => put_back(store, &copy.key, data).await,
                None => store.clear(&copy.key).await.map(drop),
            };
            failed = failed.or(undone.err());
        }
        failed.map_or(Ok(()), Err)
    }
}

async fn put_back(store: &dyn StateStore, key: &StateKey, data: &Value) -> Result<(), StateError> {
    let generation = store.load(key).await?.map_or(0, |record| record.generation);
    store.save(key, generation, data).await.map(drop)
}
