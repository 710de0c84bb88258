//! Opening a file by which the operator decides: regular, and nobody else could have changed it.

use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
};

/// Why such a file is not read.
#[derive(Debug)]
pub(crate) enum Refused {
    /// It, or a directory above it, belongs to somebody else.
    #[cfg_attr(not(unix), expect(dead_code, reason = "owners are looked at on Unix alone"))]
    Foreign { path: PathBuf, owner: u32 },
    /// Others can write to it, or to a directory above it.
    #[cfg_attr(not(unix), expect(dead_code, reason = "modes are looked at on Unix alone"))]
    Exposed { path: PathBuf, mode: u32 },
    /// It cannot be read, or is no regular file.
    Unreadable(io::Error),
}

impl Refused {
    /// Whether there simply is no such file.
    pub(crate) fn is_not_found(&self) -> bool {
        matches!(self, Self::Unreadable(error) if error.kind() == io::ErrorKind::NotFound)
    }
}

/// Opens a regular file that neither it nor a directory above it could be changed by others; links to it are resolved
/// once, and a FIFO in its place does not hang the caller.
#[cfg(unix)]
pub(crate) fn open(path: &Path) -> Result<File, Refused> {
    use apex_files::{Directory, GuardedError, Part, StrictModes};

    let real = path.canonicalize().map_err(Refused::Unreadable)?;
    let (Some(parent), Some(name)) = (real.parent(), real.file_name()) else {
        return Err(Refused::Unreadable(io::ErrorKind::IsADirectory.into()));
    };
    let guard = StrictModes::of_this_process();
    let directory = match Directory::open_guarded(parent, Part::Parent, &guard) {
        Ok(directory) => directory,
        Err(GuardedError::Open { source, .. }) => return Err(Refused::Unreadable(source.into_io())),
        Err(GuardedError::Exposed { path, exposure, ownership }) => return Err(exposed(path, exposure, ownership)),
        Err(other) => return Err(Refused::Unreadable(io::Error::other(other))),
    };
    let (file, facts) = directory.file(Path::new(name)).map_err(|source| Refused::Unreadable(source.into_io()))?;
    match guard.exposure(facts.ownership, Part::Own) {
        Some(exposure) => Err(exposed(real, exposure, facts.ownership)),
        None => Ok(file),
    }
}

#[cfg(unix)]
fn exposed(path: PathBuf, exposure: apex_files::Exposure, ownership: apex_files::Ownership) -> Refused {
    match exposure {
        apex_files::Exposure::Foreign => Refused::Foreign { path, owner: ownership.uid },
        _ => Refused::Exposed { path, mode: ownership.permissions() },
    }
}

/// Access lists are not read here; loading plugins is refused on such platforms in any case.
#[cfg(not(unix))]
pub(crate) fn open(path: &Path) -> Result<File, Refused> {
    let file = File::open(path).map_err(Refused::Unreadable)?;
    match file.metadata().map_err(Refused::Unreadable)?.is_file() {
        true => Ok(file),
        false => Err(Refused::Unreadable(io::Error::other("it is not a regular file"))),
    }
}
