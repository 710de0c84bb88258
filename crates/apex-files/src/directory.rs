//! Open directories: every name is looked up through a descriptor, and no symbolic link is followed below it.

use std::{
    ffi::{OsStr, OsString},
    fs::File,
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::ffi::OsStrExt,
    },
    path::{Component, Path, PathBuf},
};

use rustix::{
    fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, fstat, openat, statat},
    io::Errno,
};

use crate::{Exposure, Facts, Kind, OpenError, Ownership, Part, Stamp, StrictModes};

#[cfg(target_os = "linux")]
mod beneath;
#[cfg(test)]
mod tests;

/// An open directory, which stays the same one whatever is renamed.
///
/// What lies below it is reached with `openat2` and its `RESOLVE_BENEATH`, `RESOLVE_NO_SYMLINKS` and
/// `RESOLVE_NO_MAGICLINKS`; where the kernel lacks that (before Linux 5.6, or behind a filter of system calls), one
/// segment after the other with `O_NOFOLLOW`, to the same results.
///
/// Relative paths consist of plain names: `..` and absolute paths are refused.
#[derive(Debug)]
pub struct Directory {
    descriptor: OwnedFd,
    lookup: Lookup,
}

/// How relative paths are looked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lookup {
    /// By `openat2`, where there is one.
    Whole,
    /// By us.
    EachSegment,
}

const DIRECTORY: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// A directory on the way, for which the right to search it is enough.
#[cfg(target_os = "linux")]
const PASSAGE: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);
#[cfg(not(target_os = "linux"))]
const PASSAGE: OFlags = DIRECTORY;

/// Non-blocking, so that a FIFO in a file's place does not hang the reader.
const FILE: OFlags =
    OFlags::RDONLY.union(OFlags::NOFOLLOW).union(OFlags::NONBLOCK).union(OFlags::NOCTTY).union(OFlags::CLOEXEC);

impl Directory {
    /// Opens a path that has been resolved: its last segment must not have become a link since.
    ///
    /// # Errors
    /// There is no such directory, a link stands in its place, or it may not be read.
    pub fn open(resolved: &Path) -> Result<Self, OpenError> {
        let descriptor = open_at(CWD, resolved.as_os_str(), DIRECTORY)?;
        Ok(Self { descriptor, lookup: Lookup::Whole })
    }

    /// Opens an absolute path that has been resolved, unless others could change it or any directory above it.
    ///
    /// It is walked down from the root of the file system, so that the directories that are checked are those that
    /// were passed: none of them can be swapped in between. `part` says what the last of them counts as; as
    /// [`Part::Parent`] it need not be readable, and cannot be listed then, only be passed to what is in it.
    ///
    /// # Errors
    /// The first directory, from the top, that somebody else could change, that is none, or that may not be passed.
    pub fn open_guarded(resolved: &Path, part: Part, guard: &StrictModes) -> Result<Self, GuardedError> {
        let refused = |path: &Path| {
            let path = path.to_owned();
            |source| GuardedError::Open { path, source }
        };
        let relative = resolved.strip_prefix("/").map_err(|_| refused(resolved)(OpenError::NotBeneath))?;
        let names = plain_names(relative).map_err(refused(resolved))?;
        let mut path = PathBuf::from("/");
        let check = |path: &Path, at: &OwnedFd, part| {
            let ownership = Facts::of(&fstat(at).map_err(|errno| refused(path)(errno.into()))?).ownership;
            let exposure = guard.exposure(ownership, part);
            exposure
                .map_or(Ok(()), |exposure| Err(GuardedError::Exposed { path: path.to_owned(), exposure, ownership }))
        };
        // Where only passages are needed, none of them must be readable.
        let flags = |is_last: bool| if is_last && part == Part::Own { DIRECTORY } else { PASSAGE };
        let part = |is_last: bool| if is_last { part } else { Part::Parent };
        let mut at = open_at(CWD, path.as_os_str(), flags(names.is_empty())).map_err(refused(&path))?;
        check(&path, &at, part(names.is_empty()))?;
        for (position, name) in names.iter().enumerate() {
            let is_last = position + 1 == names.len();
            path.push(name);
            at = open_at(at.as_fd(), name, flags(is_last)).map_err(refused(&path))?;
            check(&path, &at, part(is_last))?;
        }
        Ok(Self { descriptor: at, lookup: Lookup::Whole })
    }

    /// The same directory, with paths looked up one segment after the other whatever the kernel has.
    ///
    /// The results are the same: this is how the fall-back is tested on a kernel that does not need it.
    #[must_use]
    pub fn looking_up_each_segment(self) -> Self {
        Self { lookup: Lookup::EachSegment, ..self }
    }

    /// Opens a directory below this one.
    ///
    /// # Errors
    /// There is no such directory, it lies behind a link, or it may not be read.
    pub fn directory(&self, relative: &Path) -> Result<Self, OpenError> {
        Ok(Self { descriptor: self.open_below(relative, DIRECTORY)?, lookup: self.lookup })
    }

    /// Opens a regular file below this one for reading, and tells what it is by its descriptor.
    ///
    /// # Errors
    /// There is no such file, it lies behind a link, it is not regular, or it may not be read.
    pub fn file(&self, relative: &Path) -> Result<(File, Facts), OpenError> {
        let descriptor = self.open_below(relative, FILE)?;
        let facts = Facts::of(&fstat(&descriptor)?);
        if facts.kind != Kind::File {
            return Err(OpenError::NotRegular(facts.kind));
        }
        Ok((File::from(descriptor), facts))
    }

    /// What stands under a name in this directory; a link is told as such.
    ///
    /// # Errors
    /// Nothing stands there, or it may not be looked at.
    pub fn facts_of(&self, name: &OsStr) -> Result<Facts, OpenError> {
        facts_at(self.descriptor.as_fd(), name)
    }

    /// What is known of this directory itself.
    ///
    /// # Errors
    /// The system says why.
    pub fn facts(&self) -> Result<Facts, OpenError> {
        Ok(Facts::of(&fstat(&self.descriptor)?))
    }

    /// The stamp of this directory: it changes with the names in it.
    ///
    /// # Errors
    /// The system says why.
    pub fn stamp(&self) -> Result<Stamp, OpenError> {
        Ok(Stamp::of(&fstat(&self.descriptor)?))
    }

    /// The stamp of what stands at a relative path; a link at its end is stamped as such.
    ///
    /// A link on the way is followed: whoever compares stamps has stamped each directory on the way as well.
    ///
    /// # Errors
    /// Nothing stands there, or it may not be looked at.
    pub fn stamp_of(&self, relative: impl rustix::path::Arg) -> Result<Stamp, OpenError> {
        Ok(Stamp::of(&statat(&self.descriptor, relative, AtFlags::SYMLINK_NOFOLLOW)?))
    }

    /// Whether what stands at a relative path has the stamp of these bytes; see [`stamp_of`](Self::stamp_of).
    pub fn has_stamp(&self, relative: impl rustix::path::Arg, stamp: &[u8]) -> bool {
        let stat = statat(&self.descriptor, relative, AtFlags::SYMLINK_NOFOLLOW);
        stat.is_ok_and(|stat| Stamp::is_told_by(stamp, &stat))
    }

    /// What stands under a name in this directory with its stamp; a link is told as such.
    ///
    /// # Errors
    /// Nothing stands there, or it may not be looked at.
    pub fn facts_and_stamp_of(&self, name: &OsStr) -> Result<(Facts, Stamp), OpenError> {
        let stat = statat(&self.descriptor, name, AtFlags::SYMLINK_NOFOLLOW)?;
        Ok((Facts::of(&stat), Stamp::of(&stat)))
    }

    /// The names in it, in the order of the file system, without `.` and `..`.
    ///
    /// # Errors
    /// It cannot be listed.
    pub fn entries(&self) -> Result<Entries, OpenError> {
        Ok(Entries(Dir::read_from(&self.descriptor)?))
    }

    fn open_below(&self, relative: &Path, flags: OFlags) -> Result<OwnedFd, OpenError> {
        let names = plain_names(relative)?;
        if names.is_empty() {
            return Err(OpenError::NotBeneath);
        }
        #[cfg(target_os = "linux")]
        if self.lookup == Lookup::Whole
            && let Some(opened) = beneath::open(&self.descriptor, &names, flags)
        {
            return opened;
        }
        let mut parent: Option<OwnedFd> = None;
        let mut names = names.into_iter().peekable();
        loop {
            let at = parent.as_ref().map_or(self.descriptor.as_fd(), AsFd::as_fd);
            let Some(name) = names.next() else { return Err(OpenError::NotBeneath) };
            if names.peek().is_none() {
                return open_at(at, name, flags);
            }
            let opened = open_at(at, name, PASSAGE)?;
            parent = Some(opened);
        }
    }
}

/// Why a directory could not be opened under guard.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GuardedError {
    /// Somebody else could change it.
    #[error("others could change {}: {exposure:?}", path.display())]
    Exposed {
        /// The directory, or the one above it that is meant.
        path: PathBuf,
        /// In which way.
        exposure: Exposure,
        /// Whose it is, and who may write to it.
        ownership: Ownership,
    },
    /// It could not be opened.
    #[error("cannot open {}", path.display())]
    Open {
        /// The directory, or the one above it that is meant.
        path: PathBuf,
        /// Why.
        source: OpenError,
    },
}

/// The names in a directory, see [`Directory::entries`].
#[derive(Debug)]
pub struct Entries(Dir);

impl Iterator for Entries {
    /// A name, and what stands under it if the file system tells that with the name.
    type Item = Result<(OsString, Option<Kind>), OpenError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let entry = match self.0.read()? {
                Ok(entry) => entry,
                Err(errno) => return Some(Err(errno.into())),
            };
            let name = OsStr::from_bytes(entry.file_name().to_bytes());
            if name != "." && name != ".." {
                let kind = match entry.file_type() {
                    FileType::Unknown => None,
                    known => Some(known.into()),
                };
                return Some(Ok((name.to_owned(), kind)));
            }
        }
    }
}

/// The segments of a relative path of plain names; no segments are an empty path.
fn plain_names(relative: &Path) -> Result<Vec<&OsStr>, OpenError> {
    relative
        .components()
        .map(|component| match component {
            Component::Normal(name) => Ok(name),
            _ => Err(OpenError::NotBeneath),
        })
        .collect()
}

/// Opens one segment, and finds out what stood in the way.
fn open_at(at: BorrowedFd<'_>, name: &OsStr, flags: OFlags) -> Result<OwnedFd, OpenError> {
    openat(at, name, flags, Mode::empty()).map_err(|errno| match errno {
        // Linux says ENOTDIR for a link too when a directory is demanded.
        Errno::NOTDIR | Errno::LOOP => match facts_at(at, name) {
            Ok(facts) if facts.kind == Kind::Symlink => OpenError::Symlink,
            Ok(_) if flags.contains(OFlags::DIRECTORY) => OpenError::NotDirectory,
            // It was a link a moment ago.
            Ok(_) => OpenError::Symlink,
            Err(error) => error,
        },
        // A socket cannot be opened, nor can a device without a driver.
        Errno::NXIO | Errno::NODEV => match facts_at(at, name) {
            Ok(facts) if facts.kind != Kind::File => OpenError::NotRegular(facts.kind),
            _ => errno.into(),
        },
        errno => errno.into(),
    })
}

fn facts_at(at: BorrowedFd<'_>, name: &OsStr) -> Result<Facts, OpenError> {
    Ok(Facts::of(&statat(at, name, AtFlags::SYMLINK_NOFOLLOW)?))
}
