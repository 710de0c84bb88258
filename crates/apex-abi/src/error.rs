//! Errors as they cross the boundary, and the plain-Rust value that both sides work with.

use abi_stable::{
    StableAbi,
    std_types::{RString, RVec},
};
use apex_meta::ErrorKind;
use serde_json::Value;

/// An error as it crosses the boundary; [`PluginError`] is its plain-Rust twin.
#[repr(C)]
#[derive(Debug, Clone, StableAbi)]
pub struct AbiError {
    /// [`ErrorKind::number`] of the kind; a number that the reader does not know counts as `Execution`.
    pub kind: u32,
    /// What went wrong, in one line.
    pub message: RString,
    /// Anything a program may want to know, as JSON; empty where there is nothing.
    pub details: RVec<u8>,
    /// The chain of causes, the nearest first.
    pub causes: RVec<RString>,
}

/// An error of a plugin: kind, message, details and the chain of causes.
#[derive(Debug, Clone, PartialEq)]
pub struct PluginError {
    /// What kind of error it is.
    pub kind: ErrorKind,
    /// What went wrong, in one line.
    pub message: String,
    /// Anything a program may want to know.
    pub details: Option<Value>,
    /// The chain of causes, the nearest first.
    pub causes: Vec<String>,
}

impl PluginError {
    /// An error of a kind with a message, without details or causes.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), details: None, causes: Vec::new() }
    }

    /// Adds what a program may want to know.
    #[must_use]
    pub fn with_details(mut self, details: Value) -> Self {
        self.details = Some(details);
        self
    }

    /// Adds `error` and all its sources at the end of the chain of causes.
    #[must_use]
    pub fn caused_by(mut self, error: &(dyn std::error::Error + 'static)) -> Self {
        self.causes.extend(std::iter::successors(Some(error), |error| error.source()).map(ToString::to_string));
        self
    }
}

impl std::fmt::Display for PluginError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for PluginError {}

impl From<PluginError> for AbiError {
    fn from(error: PluginError) -> Self {
        // `Value` always serializes; nothing is the honest answer should that ever change.
        let details = error.details.and_then(|details| serde_json::to_vec(&details).ok()).unwrap_or_default();
        Self {
            kind: error.kind.number(),
            message: error.message.into(),
            details: details.into(),
            causes: error.causes.into_iter().map(RString::from).collect(),
        }
    }
}

impl From<AbiError> for PluginError {
    /// Reads an error of the other side, which is believed nothing but its form: an unknown kind becomes
    /// `Execution`, and details that are not JSON are kept as text.
    fn from(error: AbiError) -> Self {
        let details = (!error.details.is_empty()).then(|| {
            serde_json::from_slice(&error.details)
                .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&error.details).into_owned()))
        });
        Self {
            kind: ErrorKind::from_number(error.kind).unwrap_or(ErrorKind::Execution),
            message: error.message.into_string(),
            details,
            causes: error.causes.into_iter().map(RString::into_string).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_survives_the_way_there_and_back() {
        let error = PluginError {
            details: Some(serde_json::json!({"path": ["a", 1]})),
            causes: vec!["disk".into(), "cable".into()],
            ..PluginError::new(ErrorKind::ResourceNotFound, "no such file")
        };
        assert_eq!(PluginError::from(AbiError::from(error.clone())), error);
    }

    #[test]
    fn an_unknown_kind_is_an_execution_error_and_loose_details_are_text() {
        let foreign = AbiError {
            kind: 4_000_000_000,
            message: "m".into(),
            details: b"{not json".to_vec().into(),
            causes: RVec::new(),
        };
        let error = PluginError::from(foreign);
        assert_eq!(error.kind, ErrorKind::Execution);
        assert_eq!(error.details, Some(Value::from("{not json")));
    }

    #[test]
    fn causes_are_listed_nearest_first() {
        #[derive(Debug, thiserror::Error)]
        #[error("outer")]
        struct Outer(#[source] std::fmt::Error);
        let error = PluginError::new(ErrorKind::Execution, "failed").caused_by(&Outer(std::fmt::Error));
        assert_eq!(error.causes, ["outer".to_owned(), std::fmt::Error.to_string()]);
    }
}
