//! The states of a plugin as one document, to be taken elsewhere or kept.

use apex_meta::{Owner, PluginId, PluginVersion};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Scope, StateError, StateKey, StateStore};

/// The tag of the document's format.
const FORMAT: &str = "apex-states/1";

/// The states of one plugin, of all versions and scopes, as one JSON document (R7.7).
///
/// ```
/// use apex_state::{MemoryStateStore, StateExport, StateKey, StateStore};
/// use serde_json::json;
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let (here, elsewhere) = (MemoryStateStore::new(), MemoryStateStore::new());
/// let key = StateKey::new("com.acme.counter".parse()?, "1.0.0".parse()?);
/// here.save(&key, 0, &json!({"count": 1})).await?;
/// let document = StateExport::of(&here, &key.plugin).await?.to_bytes()?;
/// assert_eq!(StateExport::parse(&document)?.import(&elsewhere, false).await?, 1);
/// assert_eq!(elsewhere.load(&key).await?.ok_or("imported")?.data, json!({"count": 1}));
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StateExport {
    format: String,
    /// The plugin.
    pub plugin: PluginId,
    /// Its states, sorted by version and scope.
    pub states: Vec<ExportedState>,
}

/// One state in a [`StateExport`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ExportedState {
    /// The version that saved it.
    pub version: PluginVersion,
    /// For whom it is kept.
    #[serde(default)]
    pub scope: Scope,
    /// To whom it belongs.
    pub owner: Option<Owner>,
    /// How often it was saved, where it comes from.
    pub generation: u64,
    /// The state itself.
    pub data: Value,
}

/// Why states could not be exported or imported.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExportError {
    /// The document is not JSON of this form.
    #[error("it is no export of states")]
    Form(#[source] serde_json::Error),
    /// The document is of another format.
    #[error("its format is {}, expected \"{FORMAT}\"", .found.escape_debug())]
    Format {
        /// The format that it claims.
        found: String,
    },
    /// The document has one state more than once.
    #[error("it has the state of {version} ({scope}) twice")]
    Twice {
        /// The version of the state.
        version: PluginVersion,
        /// For whom it is kept.
        scope: Scope,
    },
    /// There is a state already where one is to be imported.
    #[error("there is a state of {key} already")]
    Exists {
        /// Which state.
        key: Box<StateKey>,
    },
    /// A state could not be loaded or saved.
    #[error(transparent)]
    State(#[from] StateError),
}

impl ExportError {
    /// The stable error code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Form(_) | Self::Format { .. } | Self::Twice { .. } => "StateExportInvalid",
            Self::Exists { .. } => "StateExists",
            Self::State(source) => source.code(),
        }
    }

    /// What the reader can do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Form(_) | Self::Format { .. } | Self::Twice { .. } => {
                Some("make it with `apex state export ID`".to_owned())
            }
            Self::Exists { .. } => Some("nothing was imported; say --replace if it shall take its place".to_owned()),
            Self::State(source) => source.hint(),
        }
    }
}

impl StateExport {
    /// Takes all states of a plugin.
    ///
    /// # Errors
    /// The states cannot be listed or loaded, or one is damaged and has no backup: an export is whole.
    pub async fn of(store: &dyn StateStore, plugin: &PluginId) -> Result<Self, StateError> {
        let listing = store.list(plugin).await?;
        if let Some(error) = listing.unreadable.into_iter().next() {
            return Err(error);
        }
        let mut states = Vec::new();
        for key in listing.entries.into_iter().map(|entry| entry.key) {
            // It may have been cleared since it was listed.
            let Some(record) = store.load(&key).await? else { continue };
            let StateKey { version, scope, owner, .. } = key;
            states.push(ExportedState { version, scope, owner, generation: record.generation, data: record.data });
        }
        Ok(Self { format: FORMAT.to_owned(), plugin: plugin.clone(), states })
    }

    /// Reads the document.
    ///
    /// # Errors
    /// The bytes are not JSON of this form and format, or have a state twice.
    pub fn parse(bytes: &[u8]) -> Result<Self, ExportError> {
        let export: Self = serde_json::from_slice(bytes).map_err(ExportError::Form)?;
        if export.format != FORMAT {
            return Err(ExportError::Format { found: export.format.chars().take(80).collect() });
        }
        let mut places: Vec<_> = export.states.iter().map(|state| (&state.version, &state.scope)).collect();
        places.sort_unstable();
        // Which of them would count in the end, nobody could tell.
        if let Some([(version, scope), _]) = places.array_windows().find(|[one, other]| one == other) {
            return Err(ExportError::Twice { version: (*version).clone(), scope: (*scope).clone() });
        }
        Ok(export)
    }

    /// Writes the document, indented.
    ///
    /// # Errors
    /// It has no form as JSON, which no export lacks.
    pub fn to_bytes(&self) -> Result<Vec<u8>, ExportError> {
        let mut bytes = serde_json::to_vec_pretty(self).map_err(ExportError::Form)?;
        bytes.push(b'\n');
        Ok(bytes)
    }

    /// Saves every state under its key, in place of what is there if `replace` is set; says how many there were.
    ///
    /// That there is nothing in the way is asked before the first is saved.
    ///
    /// # Errors
    /// There is a state already, or one of another owner; or a save fails, and then those before it are imported.
    pub async fn import(&self, store: &dyn StateStore, replace: bool) -> Result<usize, ExportError> {
        let mut saves = Vec::new();
        for state in &self.states {
            let mut key = StateKey::new(self.plugin.clone(), state.version.clone()).with_scope(state.scope.clone());
            key.owner.clone_from(&state.owner);
            let present = store.load(&key).await?.map(|record| record.generation);
            if present.is_some() && !replace {
                return Err(ExportError::Exists { key: Box::new(key) });
            }
            saves.push((key, present.unwrap_or(0), &state.data));
        }
        for (key, generation, data) in &saves {
            store.save(key, *generation, data).await?;
        }
        Ok(saves.len())
    }
}
