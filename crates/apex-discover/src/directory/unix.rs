//! Directories by descriptor: every name is looked up in an open directory, with no way for a link to lead elsewhere.

use std::{
    ffi::{OsStr, OsString},
    fs::File,
    io::Read,
    os::{fd::OwnedFd, unix::ffi::OsStrExt},
    path::Path,
};

use rustix::{
    fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, fstat, openat, statat},
    io::Errno,
};

use super::{Children, Kind, Ownership, Refusal, Smallest};

/// An open directory.
#[derive(Debug)]
pub(crate) struct Directory(OwnedFd);

// The type differs in width from platform to platform.
#[expect(clippy::useless_conversion, clippy::unnecessary_cast, reason = "`st_mode` is 16 bits wide on some platforms")]
fn ownership(stat: &rustix::fs::Stat) -> Ownership {
    Ownership { uid: stat.st_uid.into(), gid: stat.st_gid.into(), mode: stat.st_mode as u32 }
}

impl Directory {
    /// Opens a path that has been resolved: its last segment must not have become a link since.
    pub(crate) fn open_resolved(path: &Path) -> Result<Self, Refusal> {
        openat(CWD, path, directory_flags(), Mode::empty()).map(Self).map_err(refusal)
    }

    /// Opens a subdirectory.
    pub(crate) fn open(&self, name: &OsStr) -> Result<Self, Refusal> {
        match openat(&self.0, name, directory_flags(), Mode::empty()) {
            Ok(descriptor) => Ok(Self(descriptor)),
            // Linux says ENOTDIR for a link too when a directory is demanded.
            Err(Errno::NOTDIR | Errno::LOOP) => Err(match self.kind(name)? {
                Kind::Symlink => Refusal::Symlink,
                _ => Refusal::NotDirectory,
            }),
            Err(error) => Err(refusal(error)),
        }
    }

    /// What stands under a name.
    pub(crate) fn kind(&self, name: &OsStr) -> Result<Kind, Refusal> {
        let stat = statat(&self.0, name, AtFlags::SYMLINK_NOFOLLOW).map_err(refusal)?;
        Ok(kind(FileType::from_raw_mode(stat.st_mode)))
    }

    /// Who may change the directory.
    pub(crate) fn ownership(&self) -> Result<Option<Ownership>, Refusal> {
        fstat(&self.0).map(|stat| Some(ownership(&stat))).map_err(refusal)
    }

    /// Who may change what stands at a path that has been resolved.
    pub(crate) fn ownership_of(path: &Path) -> Result<Option<Ownership>, Refusal> {
        statat(CWD, path, AtFlags::SYMLINK_NOFOLLOW).map(|stat| Some(ownership(&stat))).map_err(refusal)
    }

    /// The subdirectories and links in it, at most so many, by name.
    pub(crate) fn children(&self, limit: usize) -> Result<Children, Refusal> {
        let mut children = Smallest::new(limit);
        for entry in Dir::read_from(&self.0).map_err(refusal)? {
            let entry = entry.map_err(refusal)?;
            let name = OsStr::from_bytes(entry.file_name().to_bytes());
            if name == "." || name == ".." {
                continue;
            }
            // Not every file system tells the type with the name.
            let kind = match entry.file_type() {
                FileType::Unknown => match self.kind(name) {
                    Ok(kind) => kind,
                    Err(Refusal::Missing) => continue,
                    Err(refusal) => return Err(refusal),
                },
                known => kind(known),
            };
            if matches!(kind, Kind::Directory | Kind::Symlink) {
                children.offer(OsString::from(name), kind);
            }
        }
        Ok(children.finish())
    }

    /// Reads a regular file, at most so many bytes of it, and tells who may change it.
    pub(crate) fn read(&self, name: &OsStr, limit: u64) -> Result<(Vec<u8>, Option<Ownership>), Refusal> {
        // Looked at before it is opened: opening a device may already do something.
        require_file(self.kind(name)?)?;
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let file = File::from(openat(&self.0, name, flags, Mode::empty()).map_err(|error| match error {
            Errno::LOOP => Refusal::Symlink,
            other => refusal(other),
        })?);
        let stat = fstat(&file).map_err(refusal)?;
        require_file(kind(FileType::from_raw_mode(stat.st_mode)))?;
        let mut bytes = Vec::with_capacity(usize::try_from(stat.st_size).unwrap_or(0).min(64 << 10) + 1);
        file.take(limit).read_to_end(&mut bytes).map_err(Refusal::of)?;
        Ok((bytes, Some(ownership(&stat))))
    }
}

fn directory_flags() -> OFlags {
    OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC
}

fn require_file(kind: Kind) -> Result<(), Refusal> {
    match kind {
        Kind::File => Ok(()),
        Kind::Symlink => Err(Refusal::Symlink),
        Kind::Directory => Err(Refusal::NotRegular("a directory")),
        Kind::Other(what) => Err(Refusal::NotRegular(what)),
    }
}

fn kind(file_type: FileType) -> Kind {
    match file_type {
        FileType::Directory => Kind::Directory,
        FileType::RegularFile => Kind::File,
        FileType::Symlink => Kind::Symlink,
        FileType::Fifo => Kind::Other("a FIFO"),
        FileType::Socket => Kind::Other("a socket"),
        FileType::CharacterDevice | FileType::BlockDevice => Kind::Other("a device"),
        FileType::Unknown => Kind::Other("of an unknown kind"),
    }
}

fn refusal(error: Errno) -> Refusal {
    Refusal::of(error.into())
}
