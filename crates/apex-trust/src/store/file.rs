//! The trust store's file: read with care, replaced atomically.

use std::{
    ffi::OsString,
    fs::{File, OpenOptions},
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

use apex_meta::JsonLimits;

use super::{TrustStore, TrustStoreError, json};

pub(super) fn load(path: &Path) -> Result<TrustStore, TrustStoreError> {
    let unreadable = |source| TrustStoreError::Unreadable { path: path.to_owned(), source };
    let file = open(path).map_err(unreadable)?;
    check_owner(path, &file)?;
    let mut bytes = Vec::new();
    file.take(JsonLimits::METADATA.max_bytes as u64 + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    json::parse(&bytes)
}

/// Opens a regular file; a FIFO in its place does not hang the caller.
fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, rustix::fs::OFlags::NONBLOCK.bits().cast_signed());
    let file = options.open(path)?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(io::Error::other("it is not a regular file")) }
}

/// Looks at the opened file, so that what is checked is what is read.
#[cfg(unix)]
fn check_owner(path: &Path, file: &File) -> Result<(), TrustStoreError> {
    use crate::TreeError;
    let unreadable = |source| TrustStoreError::Unreadable { path: path.to_owned(), source };
    let stat = rustix::fs::fstat(file).map_err(|errno| unreadable(errno.into()))?;
    match crate::ownership::check(path, &stat, &mut crate::ownership::PrivateGroups::default()) {
        Ok(()) => Ok(()),
        Err(TreeError::InsecureOwner { path, owner }) => Err(TrustStoreError::InsecureOwner { path, owner }),
        Err(TreeError::InsecurePermissions { path, mode }) => Err(TrustStoreError::InsecurePermissions { path, mode }),
        Err(other) => Err(unreadable(io::Error::other(other))),
    }
}

#[cfg(not(unix))]
fn check_owner(_path: &Path, _file: &File) -> Result<(), TrustStoreError> {
    // Access lists are not read here; loading plugins is refused on such platforms in any case.
    Ok(())
}

pub(super) fn save(store: &mut TrustStore, path: &Path) -> Result<(), TrustStoreError> {
    let unwritable = |source| TrustStoreError::Unwritable { path: path.to_owned(), source };
    let mut saved = store.clone();
    // A store must never become one that cannot be read: counting ends at the largest integer of strict JSON.
    saved.version = (saved.version + 1).min((1 << 53) - 1);
    let bytes = json::write(&saved).map_err(|error| unwritable(error.into()))?;
    if bytes.len() > JsonLimits::METADATA.max_bytes {
        return Err(unwritable(io::Error::other("it would be larger than a trust store may be")));
    }
    replace(path, &bytes).map_err(unwritable)?;
    *store = saved;
    Ok(())
}

/// Replaces a file so that after a crash at any point the old or the new content is there.
fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let directory = directory_of(path);
    // Made with mode 0600 and a name of its own.
    let mut file = tempfile::Builder::new().prefix(".trust-").tempfile_in(&directory)?;
    file.write_all(content)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    sync_directory(&directory)
}

fn directory_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}

#[cfg(unix)]
fn sync_directory(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

#[cfg(not(unix))]
fn sync_directory(_directory: &Path) -> io::Result<()> {
    Ok(())
}

/// Takes the lock that `update` holds; it ends with the returned file.
pub(super) fn lock(path: &Path) -> Result<File, TrustStoreError> {
    let unwritable = |source| TrustStoreError::Unwritable { path: path.to_owned(), source };
    let mut name: OsString = path.as_os_str().to_owned();
    name.push(".lock");
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(name).map_err(unwritable)?;
    file.lock().map_err(unwritable)?;
    Ok(file)
}
