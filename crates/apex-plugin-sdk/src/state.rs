//! State that outlives the instance: load, save, and update without losing anybody's change.

use apex_abi::{PluginError, StateScope, outcome};
use apex_meta::ErrorKind;
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    Result, ResultExt,
    services::{Services, Shared},
};

/// How often an update is tried again because somebody else saved in between.
///
/// Each conflict means that another one got through, so this many others must do so before an update fails.
const ATTEMPTS: usize = 100;

/// The plugin's state in one scope, a JSON value that the host keeps.
#[derive(Clone, Copy)]
pub struct State<'a> {
    services: &'a Services,
    shared: &'a Shared,
    scope: StateScope,
}

impl<'a> State<'a> {
    pub(crate) fn new(services: &'a Services, shared: &'a Shared, scope: StateScope) -> Self {
        Self { services, shared, scope }
    }

    /// The state, nothing if none was saved yet.
    ///
    /// # Errors
    /// When it cannot be loaded, or is of another type.
    pub async fn load<T: DeserializeOwned>(self) -> Result<Option<T>> {
        Ok(self.load_record().await?.map(|(_, state)| state))
    }

    /// Saves the state, whatever was there before; [`update`](Self::update) is for changes.
    ///
    /// # Errors
    /// When it cannot be saved.
    pub async fn save<T: Serialize + Sync>(self, state: &T) -> Result<()> {
        let data = serde_json::to_vec(state).context("the state cannot be written as JSON")?;
        for _ in 1..ATTEMPTS {
            match self.save_record(self.generation().await?, data.clone()).await {
                Err(error) if error.kind == ErrorKind::StateConflict => {}
                result => return Ok(result?),
            }
        }
        Ok(self.save_record(self.generation().await?, data).await?)
    }

    /// Changes the state, and saves it: `change` sees what was saved last, or the default.
    ///
    /// If somebody else saves in between, `change` is made again on the newer state.
    ///
    /// # Errors
    /// When the state cannot be loaded or saved, or others kept on changing it.
    pub async fn update<T, R>(self, mut change: impl FnMut(&mut T) -> R + Send) -> Result<R>
    where
        T: Serialize + DeserializeOwned + Default + Send,
        R: Send,
    {
        self.try_update(|state| Ok(change(state))).await
    }

    /// Changes the state as [`update`](Self::update), unless `change` fails: then nothing is saved.
    ///
    /// # Errors
    /// As `update`, and what `change` fails with.
    pub async fn try_update<T, R>(self, mut change: impl FnMut(&mut T) -> Result<R> + Send) -> Result<R>
    where
        T: Serialize + DeserializeOwned + Default + Send,
        R: Send,
    {
        // Tenants and users must not wait for each other; theirs meet in a conflict at worst.
        let _turn = match self.scope {
            StateScope::Global => Some(self.shared.updates.take().await),
            StateScope::Tenant | StateScope::User => None,
        };
        let mut attempt = 1;
        loop {
            let (generation, mut state) = self.load_record().await?.unwrap_or_default();
            let result = change(&mut state)?;
            let data = serde_json::to_vec(&state).context("the state cannot be written as JSON")?;
            match self.save_record(generation, data).await {
                Ok(()) => return Ok(result),
                Err(error) if error.kind == ErrorKind::StateConflict && attempt < ATTEMPTS => attempt += 1,
                Err(error) => return Err(error.into()),
            }
        }
    }

    async fn load_record<T: DeserializeOwned>(self) -> Result<Option<(u64, T)>> {
        let Some(record) = outcome(self.services.load_state(self.scope)).await?.into_option() else { return Ok(None) };
        let state = serde_json::from_slice(&record.data)
            .context("the saved state is of another type than this plugin expects")
            .with_kind(ErrorKind::StateIo)?;
        Ok(Some((record.generation, state)))
    }

    async fn generation(self) -> Result<u64, PluginError> {
        let record = outcome(self.services.load_state(self.scope)).await?;
        Ok(record.into_option().map_or(0, |record| record.generation))
    }

    async fn save_record(self, expected: u64, data: Vec<u8>) -> Result<(), PluginError> {
        outcome(self.services.save_state(self.scope, expected, data)).await.map(drop)
    }
}
