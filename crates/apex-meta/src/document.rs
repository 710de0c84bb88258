//! A manifest together with the JSON value it was read from.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;

use crate::{JsonError, JsonLimits, Manifest, PluginId, PluginVersion, parse_strict_json, strict_json::admit_value};

/// A manifest together with the one JSON value it was read from.
///
/// The text is parsed once, strictly; the value is what is validated, signed and used, so that no two parts of the
/// system can read the same file differently. Clones share both.
///
/// ```
/// use apex_meta::Document;
/// let document = Document::parse(br#"{
///     "name": "Greeter", "id": "com.acme.greeter", "version": "1.2.0", "description": "Greets.",
///     "author": "Acme", "entry_point": "greeter::Greeter", "actions": [], "x-team": "blue"
/// }"#).unwrap();
/// assert_eq!(document.id().as_str(), "com.acme.greeter");
/// assert_eq!(document.value()["x-team"], "blue");
/// ```
#[derive(Clone)]
pub struct Document(Arc<Parts>);

struct Parts {
    manifest: Manifest,
    value: Value,
}

impl Document {
    /// Reads a `plugin.json`: strict JSON, then the typed manifest.
    ///
    /// # Errors
    /// The first fault; `check` (feature `validate`) reports every one.
    pub fn parse(bytes: &[u8]) -> Result<Self, InvalidDocument> {
        Self::from_strict(parse_strict_json(bytes, JsonLimits::METADATA)?)
    }

    /// Takes a value that was built in memory, such as a manifest that has just been given its checksum.
    ///
    /// # Errors
    /// The first fault: a number or a depth that no text could have, or a value that is not a manifest.
    pub fn from_value(value: Value) -> Result<Self, InvalidDocument> {
        admit_value(&value, JsonLimits::METADATA)?;
        Self::from_strict(value)
    }

    /// Takes a value that [`parse_strict_json`] made.
    pub(crate) fn from_strict(value: Value) -> Result<Self, InvalidDocument> {
        match Manifest::deserialize(&value) {
            Ok(manifest) => Ok(Self(Arc::new(Parts { manifest, value }))),
            Err(error) => Err(InvalidDocument::Manifest { message: error.to_string() }),
        }
    }

    /// The typed manifest.
    pub fn manifest(&self) -> &Manifest {
        &self.0.manifest
    }

    /// The value that the manifest was read from, with every member.
    pub fn value(&self) -> &Value {
        &self.0.value
    }

    /// The plugin's id.
    pub fn id(&self) -> &PluginId {
        &self.0.manifest.id
    }

    /// The plugin's version.
    pub fn version(&self) -> &PluginVersion {
        &self.0.manifest.version
    }
}

impl PartialEq for Document {
    fn eq(&self, other: &Self) -> bool {
        self.0.value == other.0.value
    }
}

impl std::fmt::Debug for Document {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Document({} {})", self.id(), self.version())
    }
}

/// Why bytes or a value are not a manifest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidDocument {
    /// The text is not strict JSON.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// The JSON is not a manifest.
    #[error("not a plugin manifest: {message}")]
    Manifest {
        /// What the typed reading says.
        message: String,
    },
}

impl InvalidDocument {
    /// The stable error code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Json(error) => error.code(),
            Self::Manifest { .. } => "InvalidValue",
        }
    }
}
