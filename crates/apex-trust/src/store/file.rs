//! The trust store's file: read with care, replaced atomically.

use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};

use apex_files::{ReplaceError, SoleWriter};
use apex_meta::JsonLimits;

use super::{TrustStore, TrustStoreError, json};

pub(super) fn load(path: &Path) -> Result<TrustStore, TrustStoreError> {
    let mut bytes = Vec::new();
    open(path)?
        .take(JsonLimits::METADATA.max_bytes as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(|source| TrustStoreError::Unreadable { path: path.to_owned(), source })?;
    json::parse(&bytes)
}

/// Opens a regular file that neither it nor a directory above it could be changed by others; links to it are resolved
/// once, and a FIFO in its place does not hang the caller.
#[cfg(unix)]
fn open(path: &Path) -> Result<File, TrustStoreError> {
    use apex_files::{Directory, GuardedError, Part, StrictModes};

    let unreadable = |source| TrustStoreError::Unreadable { path: path.to_owned(), source };
    let real = path.canonicalize().map_err(unreadable)?;
    let (Some(parent), Some(name)) = (real.parent(), real.file_name()) else {
        return Err(unreadable(io::ErrorKind::IsADirectory.into()));
    };
    let guard = StrictModes::of_this_process();
    let directory = match Directory::open_guarded(parent, Part::Parent, &guard) {
        Ok(directory) => directory,
        Err(GuardedError::Open { source, .. }) => return Err(unreadable(source.into_io())),
        Err(GuardedError::Exposed { path, exposure, ownership }) => return Err(exposed(path, exposure, ownership)),
        Err(other) => return Err(unreadable(io::Error::other(other))),
    };
    let (file, facts) = directory.file(Path::new(name)).map_err(|source| unreadable(source.into_io()))?;
    match guard.exposure(facts.ownership, Part::Own) {
        Some(exposure) => Err(exposed(real, exposure, facts.ownership)),
        None => Ok(file),
    }
}

#[cfg(unix)]
fn exposed(
    path: std::path::PathBuf,
    exposure: apex_files::Exposure,
    ownership: apex_files::Ownership,
) -> TrustStoreError {
    match exposure {
        apex_files::Exposure::Foreign => TrustStoreError::InsecureOwner { path, owner: ownership.uid },
        _ => TrustStoreError::InsecurePermissions { path, mode: ownership.permissions() },
    }
}

/// Access lists are not read here; loading plugins is refused on such platforms in any case.
#[cfg(not(unix))]
fn open(path: &Path) -> Result<File, TrustStoreError> {
    let unreadable = |source| TrustStoreError::Unreadable { path: path.to_owned(), source };
    let file = File::open(path).map_err(unreadable)?;
    match file.metadata().map_err(unreadable)?.is_file() {
        true => Ok(file),
        false => Err(unreadable(io::Error::other("it is not a regular file"))),
    }
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
