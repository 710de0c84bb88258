//! Whom an error, a log line or an event is about.

use std::time::Duration;

use apex_abi::PluginError;
use apex_meta::{Document, ErrorKind, PluginId, PluginVersion};

use crate::{CallError, sandbox::Denial};

/// A plugin in one version.
#[derive(Debug, Clone)]
pub(crate) struct Subject {
    pub(crate) id: PluginId,
    pub(crate) version: PluginVersion,
    /// Whether its errors may be of any kind, since it is the host's own code.
    pub(crate) is_believed: bool,
    /// How it is explained that something was denied to it.
    pub(crate) denial: Option<Denial>,
}

impl Subject {
    pub(crate) fn of(document: &Document) -> Self {
        Self { id: document.id().clone(), version: document.version().clone(), is_believed: false, denial: None }
    }

    /// An error of this plugin.
    pub(crate) fn error(&self, kind: ErrorKind, message: impl Into<String>) -> CallError {
        CallError::new(kind, message).with_plugin(&self.id, &self.version)
    }

    /// An error that the plugin reports.
    pub(crate) fn reported(&self, error: PluginError) -> CallError {
        let kind = error.kind;
        let told = CallError::from_plugin(error).with_plugin(&self.id, &self.version);
        match (kind, &self.denial) {
            (ErrorKind::PermissionDenied, Some(denial)) => told.explained_by(denial),
            _ if self.is_believed => told.with_kind(kind),
            _ => told,
        }
    }

    /// The error that something took longer than it may.
    pub(crate) fn too_slow(&self, what: &str, limit: Duration) -> CallError {
        self.error(ErrorKind::DeadlineExceeded, format!("{what} took longer than {limit:?}"))
    }

    #[cfg(test)]
    pub(crate) fn example() -> Self {
        Self {
            id: "com.acme.example".parse().expect("a valid id"),
            version: "1.2.3".parse().expect("a valid version"),
            is_believed: false,
            denial: None,
        }
    }
}
