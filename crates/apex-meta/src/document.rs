//! A manifest together with the JSON value it was read from.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;

use crate::{
    Action, FaultCode, JsonError, JsonLimits, Manifest, PluginDependency, PluginId, PluginVersion, PythonLibrary,
    finding::Finding, parse_strict_json, rules, strict_json::admit_value,
};

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
    fn from_strict(value: Value) -> Result<Self, InvalidDocument> {
        let document = Self::typed(value).map_err(|(value, error)| InvalidDocument::from(why_not(&value, &error)))?;
        let mut findings = Vec::new();
        rules::relations(document.value(), &mut findings);
        match findings.into_iter().find(Finding::is_error) {
            Some(finding) => Err(finding.into()),
            None => Ok(document),
        }
    }

    /// Reads the types alone, for a caller that looks at everything beyond them; gives a value that is refused back.
    pub(crate) fn typed(value: Value) -> Result<Self, (Value, serde_json::Error)> {
        match Manifest::deserialize(&value) {
            Ok(manifest) => Ok(Self(Arc::new(Parts { manifest, value }))),
            Err(error) => Err((value, error)),
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
    #[error("not a plugin manifest: {}{message}", place(pointer))]
    Manifest {
        /// The stable error code.
        code: FaultCode,
        /// The JSON pointer (RFC 6901) of the member at fault, or of the object that holds it.
        pointer: String,
        /// What was expected and what was found.
        message: String,
        /// What to do about it.
        hint: Option<String>,
    },
}

impl InvalidDocument {
    /// The stable error code: a [`FaultCode`]'s name.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Json(error) => error.code(),
            Self::Manifest { code, .. } => code.as_str(),
        }
    }

    /// What the author of the file can do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Json(error) => error.hint(),
            Self::Manifest { hint, .. } => hint.clone(),
        }
    }
}

fn place(pointer: &str) -> String {
    if pointer.is_empty() { String::new() } else { format!("{}: ", pointer.escape_debug()) }
}

impl From<Finding> for InvalidDocument {
    fn from(Finding { code, pointer, message, hint, .. }: Finding) -> Self {
        Self::Manifest { code, pointer, message, hint }
    }
}

/// Finds the member at fault: serde tells neither its place nor which of our types refused it.
pub(crate) fn why_not(value: &Value, error: &serde_json::Error) -> Finding {
    let mut findings = Vec::new();
    rules::forms(value, &mut findings);
    if let Some(finding) = findings.into_iter().next() {
        return finding;
    }
    let failing = failing_item::<Action>(value, "/actions")
        .or_else(|| failing_item::<PluginDependency>(value, "/dependencies/plugins"))
        .or_else(|| failing_item::<PythonLibrary>(value, "/dependencies/python_libraries"));
    if let Some((pointer, error)) = failing {
        return generic(pointer, &error);
    }
    generic(String::new(), error)
}

fn failing_item<'v, T: Deserialize<'v>>(value: &'v Value, list: &str) -> Option<(String, serde_json::Error)> {
    let items = value.pointer(list)?.as_array()?.iter().enumerate();
    items.filter_map(|(index, item)| Some((format!("{list}/{index}"), T::deserialize(item).err()?))).next()
}

fn generic(pointer: String, error: &serde_json::Error) -> Finding {
    let message = error.to_string();
    let code = match message.split_once(' ') {
        Some(("missing", _)) => FaultCode::MissingProperty,
        _ if message.starts_with("invalid type") => FaultCode::WrongType,
        _ if message.starts_with("unknown field") => FaultCode::UnknownProperty,
        _ => FaultCode::InvalidValue,
    };
    Finding::error(code, pointer, message)
}
