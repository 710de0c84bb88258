//! The journal: which trees a transaction that is under way puts into their places or takes out of them.

use std::path::Path;

use apex_meta::{PluginId, PluginVersion};
use serde::{Deserialize, Serialize};

use crate::{FileKind, InstallError, strict};

const FORMAT: &str = "apex-journal/1";

/// The trees that a transaction touches. Those of them that the ledger does not list afterwards are to be removed.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Journal {
    pub(crate) trees: Vec<Place>,
}

/// The place of a tree.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Place {
    pub(crate) plugin: PluginId,
    pub(crate) version: PluginVersion,
}

impl Journal {
    pub(crate) fn parse(path: &Path, bytes: &[u8]) -> Result<Self, InstallError> {
        strict::read(FileKind::Journal, path, FORMAT, bytes)
    }

    pub(crate) fn to_bytes(&self, path: &Path) -> Result<Vec<u8>, InstallError> {
        strict::write(FORMAT, self, path)
    }
}
