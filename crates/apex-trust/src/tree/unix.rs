//! Reading a tree through descriptors, on Unix.

use std::{
    ffi::{OsStr, OsString},
    io,
    path::{Path, PathBuf},
};

use apex_files::{Directory, Facts, GuardedError, Kind, OpenError, Part, StrictModes};

use super::{OpenedFile, TreeError, TreeFile, TreeLimit};
use crate::{TreePath, ownership::exposed};

/// The open directory of a plugin.
#[derive(Debug)]
pub(super) struct Root {
    directory: Directory,
    /// Who may change what is in it, if that is asked.
    guard: Option<StrictModes>,
}

impl Root {
    /// Opens a directory, whoever may change it.
    pub(super) fn open(path: &Path) -> Result<Self, TreeError> {
        let directory = Directory::open(path).map_err(|source| refused(path.to_owned(), source))?;
        Ok(Self { directory, guard: None })
    }

    /// Opens a directory that others than root and this user could change no more than those above it, once and for
    /// all resolved.
    pub(super) fn open_guarded(path: &Path) -> Result<Self, TreeError> {
        let guard = StrictModes::of_this_process();
        let directory = match Directory::open_guarded(&resolve(path)?, Part::Own, &guard) {
            Ok(directory) => directory,
            Err(GuardedError::Open { path, source }) => return Err(refused(path, source)),
            Err(GuardedError::Exposed { path, exposure, ownership }) => {
                return Err(exposed(path, exposure, ownership));
            }
            Err(other) => return Err(TreeError::unreadable(path, io::Error::other(other))),
        };
        Ok(Self { directory, guard: Some(guard) })
    }

    /// The way of looking up that kernels without `openat2` leave.
    #[cfg(test)]
    pub(super) fn looking_up_each_segment(self) -> Self {
        Self { directory: self.directory.looking_up_each_segment(), ..self }
    }

    /// Every regular file below, in no particular order.
    pub(super) fn list(&self, path: &Path) -> Result<Vec<TreeFile>, TreeError> {
        let mut walk = Walk { path, guard: self.guard.as_ref(), files: Vec::new(), directories: 0 };
        walk.directory(&self.directory, None)?;
        Ok(walk.files)
    }

    pub(super) fn open_file(&self, directory: &Path, path: &TreePath) -> Result<OpenedFile, TreeError> {
        let full_path = || directory.join(path.as_str());
        let opened = self.directory.file(Path::new(path.as_str()));
        let (file, facts) = opened.map_err(|source| refused(full_path(), source))?;
        check_file(full_path, &facts)?;
        Ok(OpenedFile { file, size: facts.length, executable: is_executable(&facts) })
    }
}

/// Resolves what leads to a directory, but not its last name: were that a link, it is refused and not followed.
fn resolve(path: &Path) -> Result<PathBuf, TreeError> {
    let unreadable = |path: &Path, source| TreeError::unreadable(path, source);
    match (path.parent(), path.file_name()) {
        (Some(parent), Some(name)) => {
            let parent = if parent == Path::new("") { Path::new(".") } else { parent };
            Ok(parent.canonicalize().map_err(|source| unreadable(parent, source))?.join(name))
        }
        _ => path.canonicalize().map_err(|source| unreadable(path, source)),
    }
}

struct Walk<'a> {
    path: &'a Path,
    guard: Option<&'a StrictModes>,
    files: Vec<TreeFile>,
    directories: u64,
}

impl Walk<'_> {
    /// Goes through one directory; paths have at most [`TreePath::MAX_DEPTH`] segments, which bounds the recursion.
    fn directory(&mut self, directory: &Directory, relative: Option<&TreePath>) -> Result<(), TreeError> {
        let here = || relative.map_or_else(|| self.path.to_owned(), |path| self.path.join(path.as_str()));
        let mut names = Vec::new();
        for entry in directory.entries().map_err(|source| refused(here(), source))? {
            let (name, _) = entry.map_err(|source| refused(here(), source))?;
            names.push(name);
            if names.len() as u64 > 2 * TreeLimit::Entries.value() {
                return Err(self.too_many());
            }
        }
        // In order, so that of several faults the same one is reported each time.
        names.sort_unstable();
        names.iter().try_for_each(|name: &OsString| self.entry(directory, relative, name))
    }

    fn entry(&mut self, parent: &Directory, relative: Option<&TreePath>, name: &OsStr) -> Result<(), TreeError> {
        let path = self.tree_path(relative, name)?;
        let root = self.path;
        let full_path = || root.join(path.as_str());
        let facts = parent.facts_of(name).map_err(|source| refused(full_path(), source))?;
        match facts.kind {
            Kind::File => {
                self.check_count(self.files.len() as u64 + 1)?;
                check_file(full_path, &facts)?;
                self.check_exposure(full_path, &facts)?;
                self.files.push(TreeFile { path, size: facts.length, executable: is_executable(&facts) });
                Ok(())
            }
            Kind::Directory => {
                self.directories += 1;
                self.check_count(self.directories)?;
                let child = parent.directory(Path::new(name)).map_err(|source| refused(full_path(), source))?;
                // Of what was opened, which need not be what stood there a moment ago.
                let facts = child.facts().map_err(|source| refused(full_path(), source))?;
                self.check_exposure(full_path, &facts)?;
                self.directory(&child, Some(&path))
            }
            kind => Err(refuse_kind(full_path(), kind)),
        }
    }

    fn check_exposure(&self, path: impl Fn() -> PathBuf, facts: &Facts) -> Result<(), TreeError> {
        let exposure = self.guard.and_then(|guard| guard.exposure(facts.ownership, Part::Own));
        exposure.map_or(Ok(()), |exposure| Err(exposed(path(), exposure, facts.ownership)))
    }

    fn tree_path(&self, relative: Option<&TreePath>, name: &OsStr) -> Result<TreePath, TreeError> {
        let name = name.to_string_lossy();
        let text = relative.map_or_else(|| name.to_string(), |parent| format!("{parent}/{name}"));
        text.parse().map_err(|source| TreeError::Path { directory: self.path.to_owned(), source })
    }

    fn check_count(&self, count: u64) -> Result<(), TreeError> {
        if count > TreeLimit::Entries.value() { Err(self.too_many()) } else { Ok(()) }
    }

    fn too_many(&self) -> TreeError {
        TreeError::TooLarge { directory: self.path.to_owned(), limit: TreeLimit::Entries }
    }
}

/// Refuses a regular file that has another name or a mode that a plugin's file may not have.
fn check_file(path: impl Fn() -> PathBuf, facts: &Facts) -> Result<(), TreeError> {
    let mode = facts.ownership.permissions();
    if facts.links > 1 {
        return Err(TreeError::HardlinkRejected { path: path(), links: facts.links });
    }
    if mode & 0o6000 != 0 {
        return Err(TreeError::SetIdBit { path: path(), mode });
    }
    Ok(())
}

fn is_executable(facts: &Facts) -> bool {
    facts.ownership.mode & 0o100 != 0
}

/// Why something was not opened, as a fault of the tree.
fn refused(path: PathBuf, source: OpenError) -> TreeError {
    match source {
        OpenError::Symlink => TreeError::SymlinkRejected { path },
        OpenError::NotRegular(kind) => refuse_kind(path, kind),
        other => TreeError::unreadable(path, other.into_io()),
    }
}

fn refuse_kind(path: PathBuf, kind: Kind) -> TreeError {
    let kind = match kind {
        Kind::Symlink => return TreeError::SymlinkRejected { path },
        Kind::Directory => "directory",
        Kind::Fifo => "FIFO",
        Kind::Socket => "socket",
        Kind::Device => "device",
        Kind::File | Kind::Unknown => "special file",
    };
    TreeError::NotRegularFile { path, kind }
}
