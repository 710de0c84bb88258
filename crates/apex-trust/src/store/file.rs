//! The trust store's file: read with care, replaced atomically.

use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};

use apex_files::{ReplaceError, SoleWriter};
use apex_meta::JsonLimits;

use super::{TrustStore, TrustStoreError, json};
use crate::guarded_file::{self, Refused};

pub(super) fn load(path: &Path) -> Result<TrustStore, TrustStoreError> {
    let mut bytes = Vec::new();
    open(path)?
        .take(JsonLimits::METADATA.max_bytes as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(|source| TrustStoreError::Unreadable { path: path.to_owned(), source })?;
    json::parse(&bytes)
}

fn open(path: &Path) -> Result<File, TrustStoreError> {
    guarded_file::open(path).map_err(|refused| match refused {
        Refused::Foreign { path, owner } => TrustStoreError::InsecureOwner { path, owner },
        Refused::Exposed { path, mode } => TrustStoreError::InsecurePermissions { path, mode },
        Refused::Unreadable(source) => TrustStoreError::Unreadable { path: path.to_owned(), source },
    })
}

pub(super) fn lock(path: &Path) -> Result<SoleWriter, TrustStoreError> {
    SoleWriter::lock(path).map_err(|error| unreplaced(path, error))
}

/// Saves a store while its writer waits for nobody else.
pub(super) fn save(store: &mut TrustStore, path: &Path, writer: &SoleWriter) -> Result<(), TrustStoreError> {
    let unwritable = |source| TrustStoreError::Unwritable { path: path.to_owned(), source };
    let mut saved = store.clone();
    // A store must never become one that cannot be read: counting ends at the largest integer of strict JSON.
    saved.version = (saved.version + 1).min((1 << 53) - 1);
    saved.check()?;
    let bytes = json::write(&saved).map_err(|error| unwritable(error.into()))?;
    if bytes.len() > JsonLimits::METADATA.max_bytes {
        return Err(unwritable(io::Error::other("it would be larger than a trust store may be")));
    }
    writer.replace(&bytes).map_err(|error| unreplaced(path, error))?;
    *store = saved;
    Ok(())
}

fn unreplaced(path: &Path, error: ReplaceError) -> TrustStoreError {
    TrustStoreError::Unwritable { path: path.to_owned(), source: io::Error::new(error.source.kind(), error) }
}
