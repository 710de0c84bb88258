//! The few things that the file store asks of a disk; a seam, so that tests can fail and crash at each of them.

use std::{ffi::OsString, io, path::Path, time::Duration};

mod os;
#[cfg(test)]
pub(crate) mod simulated;

pub(crate) use os::{OsDisk, open_root};

/// A disk, by paths. No operation follows a symlink in the last segment.
pub(crate) trait Disk: Send + Sync + 'static {
    /// An exclusive lock, held until it is dropped.
    type Lock: Send;
    /// A file that was created and is being written.
    type File: Send;

    /// Takes the lock that this file stands for, creating the file; `None` if somebody held it for all that time.
    fn lock(&self, path: &Path, patience: Duration) -> io::Result<Option<Self::Lock>>;
    /// The number that was last noted in the lock's file, if there is one. It need not survive a power failure.
    fn note(&self, lock: &Self::Lock) -> io::Result<Option<u64>>;
    /// Notes a number in the lock's file.
    fn set_note(&self, lock: &Self::Lock, number: u64) -> io::Result<()>;

    /// Reads a whole file, unless it is larger than `limit`.
    fn read(&self, path: &Path, limit: u64) -> io::Result<Content>;
    /// Lists a directory; one that is not there is empty.
    fn list(&self, path: &Path) -> io::Result<Vec<Listed>>;

    /// Makes a directory for this user alone; `false` if it is there already.
    fn create_directory(&self, path: &Path) -> io::Result<bool>;
    /// Makes the entries of a directory durable.
    fn sync_directory(&self, path: &Path) -> io::Result<()>;

    /// Creates a file for this user alone; an error if it is there already.
    fn create(&self, path: &Path) -> io::Result<Self::File>;
    /// Appends to a file.
    fn write(&self, file: &mut Self::File, bytes: &[u8]) -> io::Result<()>;
    /// Makes a file's content durable.
    fn sync(&self, file: &Self::File) -> io::Result<()>;

    /// Gives a file a second name; an error if that is taken.
    fn link(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Puts a file in the place of another, at one instant.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a file; one that is not there is no error.
    fn remove(&self, path: &Path) -> io::Result<()>;
}

/// What reading a file gave.
#[derive(Debug)]
pub(crate) enum Content {
    /// There is no such file.
    Absent,
    /// It is this large, in bytes, and was not read.
    TooLarge(u64),
    /// Its bytes.
    Bytes(Vec<u8>),
}

/// An entry of a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Listed {
    pub(crate) name: OsString,
    pub(crate) is_directory: bool,
    /// The size of a file.
    pub(crate) bytes: u64,
}
