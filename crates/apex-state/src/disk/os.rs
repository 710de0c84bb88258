//! The disk of the operating system.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, TryLockError},
    io::{self, Read as _, Seek as _, Write as _},
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use super::{Content, Disk, Listed};
use crate::{FileStep, StateError};

/// The real thing.
#[derive(Debug)]
pub(crate) struct OsDisk;

/// A note is this many decimal digits: enough for any `u64`, and always overwritten as a whole.
const NOTE_DIGITS: usize = 20;

impl Disk for OsDisk {
    type Lock = File;
    type File = File;

    fn lock(&self, path: &Path, patience: Duration) -> io::Result<Option<File>> {
        let mut options = options();
        let file = options.read(true).write(true).create(true).open(path)?;
        // Waiting in the kernel has no limit, and a process that hangs with the lock must not hang all others.
        let (start, mut pause) = (Instant::now(), Duration::from_micros(50));
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Some(file)),
                Err(TryLockError::Error(error)) => return Err(error),
                Err(TryLockError::WouldBlock) if start.elapsed() >= patience => return Ok(None),
                Err(TryLockError::WouldBlock) => thread::sleep(pause),
            }
            pause = (pause * 2).min(Duration::from_millis(5));
        }
    }

    fn note(&self, mut lock: &File) -> io::Result<Option<u64>> {
        let mut text = String::with_capacity(NOTE_DIGITS + 1);
        lock.rewind()?;
        match lock.take(NOTE_DIGITS as u64 + 1).read_to_string(&mut text) {
            Err(error) if error.kind() == io::ErrorKind::InvalidData => return Ok(None),
            read => read?,
        };
        Ok(if text.len() == NOTE_DIGITS { text.parse().ok() } else { None })
    }

    fn set_note(&self, mut lock: &File, number: u64) -> io::Result<()> {
        lock.rewind()?;
        lock.write_all(format!("{number:0NOTE_DIGITS$}").as_bytes())
    }

    fn read(&self, path: &Path, limit: u64) -> io::Result<Content> {
        let file = match options().read(true).open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Content::Absent),
            opened => opened?,
        };
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
        }
        let mut bytes = Vec::with_capacity(usize::try_from(metadata.len().min(limit)).unwrap_or(0) + 1);
        file.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > limit {
            return Ok(Content::TooLarge(metadata.len().max(bytes.len() as u64)));
        }
        Ok(Content::Bytes(bytes))
    }

    fn list(&self, path: &Path) -> io::Result<Vec<Listed>> {
        let entries = match fs::read_dir(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        let mut listed = Vec::new();
        for entry in entries {
            let entry = entry?;
            // Not through a symlink: what it leads to is none of ours.
            let metadata = match entry.metadata() {
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                metadata => metadata?,
            };
            listed.push(Listed {
                name: entry.file_name(),
                is_directory: metadata.is_dir(),
                bytes: if metadata.is_file() { metadata.len() } else { 0 },
            });
        }
        Ok(listed)
    }

    fn create_directory(&self, path: &Path) -> io::Result<bool> {
        match private_directory().create(path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && is_own_directory(path) => Ok(false),
            created => created.map(|()| true),
        }
    }

    fn sync_directory(&self, path: &Path) -> io::Result<()> {
        // Only where directories can be opened as files is there such a thing.
        if cfg!(unix) { File::open(path)?.sync_all() } else { Ok(()) }
    }

    fn create(&self, path: &Path) -> io::Result<File> {
        options().write(true).create_new(true).open(path)
    }

    fn write(&self, file: &mut File, bytes: &[u8]) -> io::Result<()> {
        file.write_all(bytes)
    }

    fn sync(&self, file: &File) -> io::Result<()> {
        file.sync_all()
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::hard_link(from, to)
    }

    #[expect(clippy::disallowed_methods, reason = "this is the wrapper: the store syncs file and directory around it")]
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        match fs::remove_file(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => removed,
        }
    }
}

/// Makes the directory of all states if it is not there, and returns its one true path.
///
/// A directory that is there keeps its mode, which may be somebody's choice; but one that others can write is refused.
pub(crate) fn open_root(path: &Path) -> Result<PathBuf, StateError> {
    create_root(path)?;
    let real = fs::canonicalize(path).map_err(StateError::io(FileStep::Read, path))?;
    check_root(&real)?;
    Ok(real)
}

/// Makes a directory and those above it, each durable before this returns.
fn create_root(path: &Path) -> Result<(), StateError> {
    if path.is_dir() {
        return Ok(());
    }
    let parent = match path.parent() {
        Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
        Some(parent) => parent,
        None => path,
    };
    if parent != path {
        create_root(parent)?;
    }
    match private_directory().create(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => {}
        created => created.map_err(StateError::io(FileStep::CreateDirectory, path))?,
    }
    OsDisk.sync_directory(parent).map_err(StateError::io(FileStep::SyncDirectory, parent))
}

#[cfg(unix)]
fn check_root(path: &Path) -> Result<(), StateError> {
    use std::os::unix::fs::MetadataExt as _;

    let metadata = fs::metadata(path).map_err(StateError::io(FileStep::Read, path))?;
    if !metadata.is_dir() {
        let source = io::Error::from(io::ErrorKind::NotADirectory);
        return Err(StateError::Io { step: FileStep::CreateDirectory, path: path.to_owned(), source });
    }
    let user = rustix::process::geteuid().as_raw();
    if metadata.uid() != user {
        return Err(StateError::InsecureOwner { path: path.to_owned(), owner: metadata.uid() });
    }
    // A umask of 002 makes directories that the owner's group can write; where every user has a group of their own,
    // which then has the user's number, that is nobody else.
    let others = if metadata.gid() == user { 0o002 } else { 0o022 };
    if metadata.mode() & others != 0 {
        return Err(StateError::InsecurePermissions { path: path.to_owned(), mode: metadata.mode() & 0o7777 });
    }
    Ok(())
}

#[cfg(not(unix))]
fn check_root(_path: &Path) -> Result<(), StateError> {
    Ok(())
}

fn is_own_directory(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_dir())
}

#[cfg(unix)]
fn private_directory() -> DirBuilder {
    use std::os::unix::fs::DirBuilderExt as _;

    let mut builder = DirBuilder::new();
    builder.mode(0o700);
    builder
}

#[cfg(not(unix))]
fn private_directory() -> DirBuilder {
    DirBuilder::new()
}

/// Opens for this user alone, through no symlink, and without waiting where a FIFO has been put.
#[cfg(unix)]
fn options() -> OpenOptions {
    use std::os::unix::fs::OpenOptionsExt as _;

    let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
    let mut options = OpenOptions::new();
    options.mode(0o600).custom_flags(flags.bits().cast_signed());
    options
}

#[cfg(not(unix))]
fn options() -> OpenOptions {
    OpenOptions::new()
}
