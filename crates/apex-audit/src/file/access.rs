//! Opening the log with care: no link is followed, nothing hangs, nobody else may write.

use std::{
    fs::{File, OpenOptions},
    io,
    path::Path,
};

use crate::AuditError;

/// Opens a regular file, made with mode 0600; a symlink is refused, and a FIFO does not hang the caller.
pub(super) fn open(options: &OpenOptions, path: &Path) -> io::Result<File> {
    let mut options = options.clone();
    #[cfg(unix)]
    {
        use rustix::fs::OFlags;
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600).custom_flags((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed());
    }
    let file = options.open(path)?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(io::Error::other("it is not a regular file")) }
}

/// Looks at the opened file, so that what is checked is what is used.
#[cfg(unix)]
pub(super) fn check(path: &Path, file: &File) -> Result<(), AuditError> {
    use std::os::unix::fs::MetadataExt as _;
    let metadata = file.metadata().map_err(super::failed(path, "opened"))?;
    let (owner, mode) = (metadata.uid(), metadata.mode() & 0o7777);
    let is_own = owner == 0 || owner == rustix::process::geteuid().as_raw();
    match is_own && mode & 0o022 == 0 {
        true => Ok(()),
        false => Err(AuditError::Insecure { path: path.to_owned(), owner, mode }),
    }
}

#[cfg(not(unix))]
pub(super) fn check(_path: &Path, _file: &File) -> Result<(), AuditError> {
    // Access lists are not read here; loading plugins is refused on such platforms in any case.
    Ok(())
}

/// Whether the path still leads to the opened file.
#[cfg(unix)]
pub(super) fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt as _;
    let opened = file.metadata()?;
    match std::fs::symlink_metadata(path) {
        Ok(there) => Ok((there.dev(), there.ino()) == (opened.dev(), opened.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(not(unix))]
pub(super) fn is_at(_file: &File, _path: &Path) -> io::Result<bool> {
    Ok(true)
}

/// Makes a new name durable.
pub(super) fn sync_directory_of(path: &Path) -> io::Result<()> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if cfg!(unix) { File::open(directory)?.sync_all() } else { Ok(()) }
}
