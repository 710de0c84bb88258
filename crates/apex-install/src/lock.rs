//! `apex.lock`: exactly what a project runs with.

use std::{collections::BTreeSet, path::Path};

use apex_files::SoleWriter;
use apex_meta::{Digest, Permission, PluginId, PluginVersion};
use apex_trust::Grants;
use serde::{Deserialize, Serialize};

use crate::{FileKind, InstallError, Ledger, sources::replace_error, strict};

/// The tag of the file's format.
const FORMAT: &str = "apex-lock/1";

/// Exactly what a project runs with: of each plugin one version, with its digest and who signed it.
///
/// A lock narrows what may be installed and grants nothing by itself: a plan that is made with it is refused where it names
/// other grants than there are.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lock {
    /// The plugins, by id.
    pub plugins: Vec<Locked>,
}

/// A plugin as a lock pins it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Locked {
    /// The plugin.
    pub id: PluginId,
    /// The version.
    pub version: PluginVersion,
    /// The digest of its files.
    #[serde(with = "strict::text")]
    pub digest: Digest,
    /// The BLAKE3 hash of its manifest as it is signed.
    #[serde(with = "strict::text")]
    pub manifest: Digest,
    /// The trusted publisher who signed it, if one did.
    pub signer: Option<String>,
    /// What it was granted where the lock was made.
    #[serde(default)]
    pub grants: BTreeSet<Permission>,
}

impl Lock {
    /// The lock of all that is active in a store, with what is granted to it.
    pub fn of(ledger: &Ledger, grants: &Grants) -> Self {
        let locked = ledger.active().filter_map(|(id, tree)| {
            Some(Locked {
                id: id.clone(),
                version: tree.version.clone(),
                digest: tree.digest,
                manifest: ledger.get(id)?.seen(&tree.version)?.manifest,
                signer: tree.publisher.clone(),
                grants: grants.of(id, &tree.owner()).cloned().collect(),
            })
        });
        Self { plugins: locked.collect() }
    }

    /// What it says of a plugin.
    pub fn get(&self, plugin: &PluginId) -> Option<&Locked> {
        self.plugins.iter().find(|locked| locked.id == *plugin)
    }

    /// Reads the stored form; `path` is for messages.
    ///
    /// # Errors
    /// The bytes are not strict JSON, not of this format, or name a plugin twice.
    pub fn parse(path: &Path, bytes: &[u8]) -> Result<Self, InstallError> {
        let lock: Self = strict::read(FileKind::Lock, path, FORMAT, bytes)?;
        let mut names: Vec<_> = lock.plugins.iter().map(|locked| locked.id.case_folded()).collect();
        names.sort();
        match names.windows(2).find(|pair| pair[0] == pair[1]) {
            Some(pair) => Err(InstallError::content(FileKind::Lock, path, format!("it names {} twice", pair[0]))),
            None => Ok(lock),
        }
    }

    /// Reads a file.
    ///
    /// # Errors
    /// It cannot be read, or does not [parse](Self::parse).
    pub fn load(path: &Path) -> Result<Self, InstallError> {
        strict::load(FileKind::Lock, path, Self::parse)
    }

    /// Writes the stored form.
    ///
    /// # Errors
    /// It has no form as JSON, which no lock lacks.
    pub fn to_bytes(&self, path: &Path) -> Result<Vec<u8>, InstallError> {
        strict::write(FORMAT, self, path)
    }

    /// Stores it in a file, durably, and all or nothing.
    ///
    /// # Errors
    /// The file cannot be written; what was there before is still there.
    pub fn save(&self, path: &Path) -> Result<(), InstallError> {
        let bytes = self.to_bytes(path)?;
        SoleWriter::lock_making_directory(path).and_then(|writer| writer.replace(&bytes)).map_err(replace_error)
    }
}
