//! Directories by path, for platforms without descriptors of directories.
//!
//! Between the look at a name and its opening, somebody could swap it. Loading refuses to work on these platforms, so
//! nothing runs on the strength of this.

use std::{
    ffi::{CStr, OsStr},
    fs::{self, File, FileType},
    io::{self, Read},
    path::{Path, PathBuf},
};

use apex_files::Stamp;

use super::{Children, Kind, Ownership, Refusal, Smallest};
use crate::stamps::StampedChild;

/// A directory that was there when it was opened.
#[derive(Debug)]
pub(crate) struct Directory(PathBuf);

impl Directory {
    /// Opens a path that has been resolved.
    pub(crate) fn open_resolved(path: &Path) -> Result<Self, Refusal> {
        match kind(fs::symlink_metadata(path).map_err(Refusal::of)?.file_type()) {
            Kind::Directory => Ok(Self(path.to_owned())),
            Kind::Symlink => Err(Refusal::Symlink),
            _ => Err(Refusal::NotDirectory),
        }
    }

    /// Opens a subdirectory.
    pub(crate) fn open(&self, name: &OsStr) -> Result<Self, Refusal> {
        Self::open_resolved(&self.0.join(name))
    }

    /// What stands under a name.
    pub(crate) fn kind(&self, name: &OsStr) -> Result<Kind, Refusal> {
        Ok(kind(fs::symlink_metadata(self.0.join(name)).map_err(Refusal::of)?.file_type()))
    }

    /// Who may change the directory: not known here.
    pub(crate) fn ownership(&self) -> Result<Option<Ownership>, Refusal> {
        Ok(None)
    }

    /// Who may change what stands at a path: not known here.
    pub(crate) fn ownership_of(_path: &Path) -> Result<Option<Ownership>, Refusal> {
        Ok(None)
    }

    /// The subdirectories and links in it, at most so many, by name.
    pub(crate) fn children(&self, limit: usize) -> Result<Children, Refusal> {
        let mut children = Smallest::new(limit);
        for entry in fs::read_dir(&self.0).map_err(Refusal::of)? {
            let entry = entry.map_err(Refusal::of)?;
            let kind = kind(entry.file_type().map_err(Refusal::of)?);
            if matches!(kind, Kind::Directory | Kind::Symlink) {
                children.offer(entry.file_name(), kind);
            }
        }
        Ok(children.finish())
    }

    /// By what a change of the directory is known: nothing here.
    pub(crate) fn stamp(&self) -> Option<Stamp> {
        None
    }

    /// Whether what stands at a path has a stamp: not known here.
    pub(crate) fn has_stamp(&self, _path: &CStr, _stamp: &[u8]) -> bool {
        false
    }

    /// Everything in it with its stamp: not known here.
    pub(crate) fn stamped_children(&self) -> Option<Vec<StampedChild>> {
        None
    }

    /// Reads a regular file, at most so many bytes of it.
    pub(crate) fn read(&self, name: &OsStr, limit: u64) -> Result<(Vec<u8>, Option<Ownership>), Refusal> {
        match self.kind(name)? {
            Kind::File => {}
            Kind::Symlink => return Err(Refusal::Symlink),
            Kind::Directory => return Err(Refusal::NotRegular("a directory")),
            Kind::Other(what) => return Err(Refusal::NotRegular(what)),
        }
        let mut bytes = Vec::new();
        let file = File::open(self.0.join(name)).map_err(Refusal::of)?;
        file.take(limit).read_to_end(&mut bytes).map_err(Refusal::of)?;
        Ok((bytes, None))
    }
}

/// Refuses: nothing that is kept could be relied upon here.
pub(crate) fn open_file(_path: &Path) -> io::Result<(File, Option<Ownership>)> {
    Err(io::ErrorKind::Unsupported.into())
}

fn kind(file_type: FileType) -> Kind {
    if file_type.is_symlink() {
        Kind::Symlink
    } else if file_type.is_dir() {
        Kind::Directory
    } else if file_type.is_file() {
        Kind::File
    } else {
        Kind::Other("not a regular file")
    }
}
