//! Directories by descriptor: every name is looked up in an open directory, with no way for a link to lead elsewhere.

use std::{
    ffi::{CStr, OsStr},
    fs::File,
    io::{self, Read},
    path::Path,
};

use apex_files::{OpenError, Stamp};

use super::{Children, Kind, Ownership, Refusal, Smallest};
use crate::{stamps::StampedChild, work};

/// An open directory.
#[derive(Debug)]
pub(crate) struct Directory(apex_files::Directory);

impl Directory {
    /// Opens a path that has been resolved: its last segment must not have become a link since.
    pub(crate) fn open_resolved(path: &Path) -> Result<Self, Refusal> {
        work::done(1);
        Ok(Self(apex_files::Directory::open(path)?))
    }

    /// Opens a subdirectory.
    pub(crate) fn open(&self, name: &OsStr) -> Result<Self, Refusal> {
        work::done(1);
        Ok(Self(self.0.directory(Path::new(name))?))
    }

    /// What stands under a name.
    pub(crate) fn kind(&self, name: &OsStr) -> Result<Kind, Refusal> {
        work::done(1);
        Ok(self.0.facts_of(name)?.kind.into())
    }

    /// Who may change the directory.
    pub(crate) fn ownership(&self) -> Result<Option<Ownership>, Refusal> {
        Ok(Some(self.0.facts()?.ownership))
    }

    /// Who may change what stands at a path that has been resolved.
    pub(crate) fn ownership_of(path: &Path) -> Result<Option<Ownership>, Refusal> {
        Ok(Some(apex_files::Facts::of_path(path)?.ownership))
    }

    /// The subdirectories and links in it, at most so many, by name.
    pub(crate) fn children(&self, limit: usize) -> Result<Children, Refusal> {
        let mut children = Smallest::new(limit);
        for entry in self.0.entries()? {
            let (name, kind) = entry?;
            work::done(1);
            // Not every file system tells the kind with the name.
            let kind = match kind.map(Kind::from).map_or_else(|| self.kind(&name), Ok) {
                Err(Refusal::Missing) => continue,
                other => other?,
            };
            if matches!(kind, Kind::Directory | Kind::Symlink) {
                children.offer(name, kind);
            }
        }
        Ok(children.finish())
    }

    /// By what a change of the directory is known.
    pub(crate) fn stamp(&self) -> Option<Stamp> {
        self.0.stamp().ok()
    }

    /// Whether what stands at a path has this stamp.
    pub(crate) fn has_stamp(&self, path: &CStr, stamp: &[u8]) -> bool {
        work::done(1);
        self.0.has_stamp(path, stamp)
    }

    /// Everything in it with its stamp, in no particular order; none if that cannot be had.
    pub(crate) fn stamped_children(&self) -> Option<Vec<StampedChild>> {
        let stamped = |entry: Result<(std::ffi::OsString, _), OpenError>| {
            let (name, _) = entry?;
            work::done(1);
            let (facts, stamp) = self.0.facts_and_stamp_of(&name)?;
            Ok((name, facts.kind == apex_files::Kind::Directory, stamp))
        };
        self.0.entries().ok()?.map(stamped).collect::<Result<_, OpenError>>().ok()
    }

    /// Reads a regular file, at most so many bytes of it, and tells who may change it.
    pub(crate) fn read(&self, name: &OsStr, limit: u64) -> Result<(Vec<u8>, Option<Ownership>), Refusal> {
        work::done(1);
        // Looked at before it is opened: opening a device may already do something.
        match self.0.facts_of(name)?.kind {
            apex_files::Kind::File => {}
            apex_files::Kind::Symlink => return Err(Refusal::Symlink),
            other => return Err(Refusal::NotRegular(other.described())),
        }
        let (file, facts) = self.0.file(Path::new(name))?;
        let mut bytes = Vec::with_capacity(usize::try_from(facts.length).unwrap_or(0).min(64 << 10) + 1);
        file.take(limit).read_to_end(&mut bytes).map_err(Refusal::of)?;
        Ok((bytes, Some(facts.ownership)))
    }
}

/// Opens a regular file that no link stands in the place of, and tells who may change it.
pub(crate) fn open_file(path: &Path) -> io::Result<(File, Option<Ownership>)> {
    let (Some(directory), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(io::ErrorKind::InvalidFilename.into());
    };
    let opened = apex_files::Directory::open(&directory.canonicalize()?);
    let (file, facts) = opened.and_then(|directory| directory.file(Path::new(name))).map_err(OpenError::into_io)?;
    Ok((file, Some(facts.ownership)))
}

impl From<apex_files::Kind> for Kind {
    fn from(kind: apex_files::Kind) -> Self {
        match kind {
            apex_files::Kind::Directory => Self::Directory,
            apex_files::Kind::File => Self::File,
            apex_files::Kind::Symlink => Self::Symlink,
            other => Self::Other(other.described()),
        }
    }
}

impl From<OpenError> for Refusal {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::Missing => Self::Missing,
            OpenError::Denied => Self::Denied,
            OpenError::Symlink => Self::Symlink,
            OpenError::NotDirectory => Self::NotDirectory,
            OpenError::NotRegular(kind) => Self::NotRegular(kind.described()),
            other => Self::Io(other.into_io()),
        }
    }
}
