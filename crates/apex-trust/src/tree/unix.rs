//! Reading a tree through descriptors, on Unix.

use std::{
    fs::File,
    io,
    os::fd::OwnedFd,
    path::{Path, PathBuf},
};

use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, Stat, fstat, openat, statat};

use super::{OpenedFile, TreeError, TreeFile, TreeLimit};
use crate::{TreePath, ownership};

/// The open directory of a plugin.
#[derive(Debug)]
pub(super) struct Root(OwnedFd);

/// What is found in a directory, before anything is concluded from it.
struct Found<'a> {
    /// From the plugin's directory.
    path: &'a TreePath,
    stat: &'a Stat,
}

impl Root {
    pub(super) fn open(directory: &Path) -> Result<Self, TreeError> {
        let unreadable = |errno| TreeError::unreadable(directory, errno);
        let kind = kind_of(&statat(CWD, directory, AtFlags::SYMLINK_NOFOLLOW).map_err(unreadable)?);
        if kind == FileType::Symlink {
            return Err(TreeError::SymlinkRejected { path: directory.to_owned() });
        }
        openat(CWD, directory, DIRECTORY_FLAGS, Mode::empty()).map(Self).map_err(unreadable)
    }

    /// Every regular file below, in no particular order.
    pub(super) fn list(&self, directory: &Path) -> Result<Vec<TreeFile>, TreeError> {
        let mut files = Vec::new();
        self.walk(directory, &mut |found| {
            if kind_of(found.stat) == FileType::RegularFile {
                let facts = check_file(&directory.join(found.path.as_str()), found.stat)?;
                files.push(TreeFile { path: found.path.clone(), size: facts.size, executable: facts.executable });
            }
            Ok(())
        })?;
        Ok(files)
    }

    pub(super) fn open_file(&self, directory: &Path, path: &TreePath) -> Result<OpenedFile, TreeError> {
        let full_path = || directory.join(path.as_str());
        let mut parent: Option<OwnedFd> = None;
        let mut segments = path.segments().peekable();
        while let Some(segment) = segments.next() {
            let at = parent.as_ref().unwrap_or(&self.0);
            let flags = if segments.peek().is_some() { DIRECTORY_FLAGS } else { FILE_FLAGS };
            let opened = openat(at, segment, flags, Mode::empty()).map_err(|errno| match errno {
                rustix::io::Errno::LOOP => TreeError::SymlinkRejected { path: full_path() },
                errno => TreeError::unreadable(full_path(), errno),
            })?;
            parent = Some(opened);
        }
        let Some(file) = parent else {
            return Err(TreeError::unreadable(full_path(), io::Error::from(io::ErrorKind::NotFound)));
        };
        let stat = fstat(&file).map_err(|errno| TreeError::unreadable(full_path(), errno))?;
        let facts = check_file(&full_path(), &stat)?;
        Ok(OpenedFile { file: File::from(file), size: facts.size, executable: facts.executable })
    }

    pub(super) fn check_modes(&self, directory: &Path) -> Result<(), TreeError> {
        let mut groups = ownership::PrivateGroups::default();
        let stat = fstat(&self.0).map_err(|errno| TreeError::unreadable(directory, errno))?;
        ownership::check(directory, &stat, &mut groups)?;
        self.walk(directory, &mut |found| {
            ownership::check(&directory.join(found.path.as_str()), found.stat, &mut groups)
        })
    }

    fn walk(
        &self,
        directory: &Path,
        visit: &mut dyn FnMut(Found<'_>) -> Result<(), TreeError>,
    ) -> Result<(), TreeError> {
        let mut walk = Walk { directory, visit, files: 0, directories: 0 };
        walk.directory(&self.0, None)
    }
}

const DIRECTORY_FLAGS: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// Non-blocking, so that a FIFO that takes a file's place meanwhile does not hang the reader.
const FILE_FLAGS: OFlags =
    OFlags::RDONLY.union(OFlags::NOFOLLOW).union(OFlags::NONBLOCK).union(OFlags::NOCTTY).union(OFlags::CLOEXEC);

struct Walk<'a> {
    directory: &'a Path,
    visit: &'a mut dyn FnMut(Found<'_>) -> Result<(), TreeError>,
    files: u64,
    directories: u64,
}

impl Walk<'_> {
    /// Goes through one directory; paths have at most [`TreePath::MAX_DEPTH`] segments, which bounds the recursion.
    fn directory(&mut self, descriptor: &OwnedFd, relative: Option<&TreePath>) -> Result<(), TreeError> {
        let here = || relative.map_or_else(|| self.directory.to_owned(), |path| self.directory.join(path.as_str()));
        let unreadable = |errno| TreeError::unreadable(here(), errno);
        let mut names = Vec::new();
        for entry in Dir::read_from(descriptor).map_err(unreadable)? {
            let entry = entry.map_err(unreadable)?;
            let name = entry.file_name().to_bytes();
            if name != b"." && name != b".." {
                names.push(name.to_owned());
            }
            if names.len() as u64 > 2 * TreeLimit::Entries.value() {
                return Err(self.too_many());
            }
        }
        // In order, so that of several faults the same one is reported each time.
        names.sort_unstable();
        names.iter().try_for_each(|name| self.entry(descriptor, relative, name))
    }

    fn entry(&mut self, parent: &OwnedFd, relative: Option<&TreePath>, name: &[u8]) -> Result<(), TreeError> {
        let path = self.tree_path(relative, name)?;
        let full_path = || self.directory.join(path.as_str());
        let unreadable = |errno| TreeError::unreadable(full_path(), errno);
        let stat = statat(parent, path.file_name(), AtFlags::SYMLINK_NOFOLLOW).map_err(unreadable)?;
        match kind_of(&stat) {
            FileType::RegularFile => {
                self.files += 1;
                self.check_count(self.files)?;
                (self.visit)(Found { path: &path, stat: &stat })
            }
            FileType::Directory => {
                self.directories += 1;
                self.check_count(self.directories)?;
                (self.visit)(Found { path: &path, stat: &stat })?;
                let child = openat(parent, path.file_name(), DIRECTORY_FLAGS, Mode::empty()).map_err(unreadable)?;
                self.directory(&child, Some(&path))
            }
            kind => Err(refuse_kind(full_path(), kind)),
        }
    }

    fn tree_path(&self, relative: Option<&TreePath>, name: &[u8]) -> Result<TreePath, TreeError> {
        let name = String::from_utf8_lossy(name);
        let text = relative.map_or_else(|| name.to_string(), |parent| format!("{parent}/{name}"));
        text.parse().map_err(|source| TreeError::Path { directory: self.directory.to_owned(), source })
    }

    fn check_count(&self, count: u64) -> Result<(), TreeError> {
        if count > TreeLimit::Entries.value() { Err(self.too_many()) } else { Ok(()) }
    }

    fn too_many(&self) -> TreeError {
        TreeError::TooLarge { directory: self.directory.to_owned(), limit: TreeLimit::Entries }
    }
}

struct Facts {
    size: u64,
    executable: bool,
}

#[allow(clippy::unnecessary_cast, reason = "the widths of these fields differ between platforms")]
fn check_file(path: &Path, stat: &Stat) -> Result<Facts, TreeError> {
    let kind = kind_of(stat);
    if kind != FileType::RegularFile {
        return Err(refuse_kind(path.to_owned(), kind));
    }
    let (links, mode) = (stat.st_nlink as u64, stat.st_mode as u32 & 0o7777);
    if links > 1 {
        return Err(TreeError::HardlinkRejected { path: path.to_owned(), links });
    }
    if mode & 0o6000 != 0 {
        return Err(TreeError::SetIdBit { path: path.to_owned(), mode });
    }
    Ok(Facts { size: u64::try_from(stat.st_size).unwrap_or(u64::MAX), executable: mode & 0o100 != 0 })
}

fn kind_of(stat: &Stat) -> FileType {
    FileType::from_raw_mode(stat.st_mode)
}

fn refuse_kind(path: PathBuf, kind: FileType) -> TreeError {
    let kind = match kind {
        FileType::Symlink => return TreeError::SymlinkRejected { path },
        FileType::Directory => "directory",
        FileType::Fifo => "FIFO",
        FileType::Socket => "socket",
        FileType::CharacterDevice | FileType::BlockDevice => "device",
        _ => "special file",
    };
    TreeError::NotRegularFile { path, kind }
}
