//! The few things that a transaction asks of a disk; a seam, so that tests can fail and die at each of them.

use std::{fmt, io, path::Path, time::Duration};

use apex_package::ArchiveError;

use crate::InstallError;

#[cfg(test)]
pub(crate) mod faulty;
mod os;

pub(crate) use os::OsDisk;

/// A disk, by paths. No operation follows a symbolic link in the last segment.
pub(crate) trait Disk: fmt::Debug + Send + Sync {
    /// Takes the lock of the file at a path; none if somebody held it for all that time.
    fn lock(&self, path: &Path, patience: Duration) -> io::Result<Option<Box<dyn Lock>>>;
    /// Reads a file that others could not have changed; none if there is none.
    fn read(&self, path: &Path, limit: usize) -> Result<Option<Vec<u8>>, InstallError>;
    /// The names in a directory, sorted; one that is not there is empty.
    fn list(&self, path: &Path) -> io::Result<Vec<String>>;
    /// Makes a directory for this user alone, durably; one that is there already is fine.
    fn make_directory(&self, path: &Path) -> io::Result<()>;
    /// Unpacks a package into a fresh directory, durably.
    fn unpack(&self, archive: &Path, directory: &Path) -> Result<(), ArchiveError>;
    /// Takes the right to write away from every file of a tree.
    fn seal(&self, directory: &Path) -> io::Result<()>;
    /// Puts a directory in another place, at one instant.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Makes the entries of a directory durable.
    fn sync_directory(&self, path: &Path) -> io::Result<()>;
    /// Removes a directory with all that is in it, or a file; what is not there is no error.
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Removes a directory if it is there and empty.
    fn remove_if_empty(&self, path: &Path) -> io::Result<()>;
}

/// The right to replace one file, which nobody else has meanwhile.
pub(crate) trait Lock: Send {
    /// Replaces the file, durably and at one instant.
    fn replace(&self, content: &[u8]) -> io::Result<()>;
}
