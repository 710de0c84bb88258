//! One writer at a time, and a file that is replaced as a whole.

use std::{
    ffi::{OsStr, OsString},
    fs::{self, DirBuilder, File, OpenOptions, TryLockError},
    io::{self, Write},
    path::{Path, PathBuf},
};

#[cfg(test)]
mod tests;

/// The right to replace one file, which no other process or thread has meanwhile.
///
/// The lock is taken on a hidden file beside it, `.NAME.lock`, since the file itself is another one after each
/// replacement, and ends when this value is dropped or its process dies.
#[derive(Debug)]
pub struct SoleWriter {
    directory: PathBuf,
    name: OsString,
    lock: File,
}

impl SoleWriter {
    /// Waits until no other writer of the file is at work.
    ///
    /// # Errors
    /// The lock beside the file cannot be made or taken, or the path does not end in a name.
    pub fn lock(path: &Path) -> Result<Self, ReplaceError> {
        let (writer, lock) = Self::open(path)?;
        writer.lock.lock().map_err(failure("lock", &lock))?;
        Ok(writer)
    }

    /// As [`SoleWriter::lock_making_directory`], but waits for nobody: none, if another writer of the file is at work.
    ///
    /// # Errors
    /// As [`SoleWriter::lock_making_directory`].
    pub fn try_lock(path: &Path) -> Result<Option<Self>, ReplaceError> {
        make_directory_of(path)?;
        let (writer, lock) = Self::open(path)?;
        match writer.lock.try_lock() {
            Ok(()) => Ok(Some(writer)),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(source)) => Err(failure("lock", &lock)(source)),
        }
    }

    /// The writer before it has the lock, and where that is.
    fn open(path: &Path) -> Result<(Self, PathBuf), ReplaceError> {
        let (directory, name) = split(path)?;
        let lock = directory.join(beside(&name, "lock"));
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let file = owner_only::file(&mut options).open(&lock).map_err(failure("open", &lock))?;
        Ok((Self { directory, name, lock: file }, lock))
    }

    /// As [`SoleWriter::lock`], but makes the file's directory if there is none, with mode 0700.
    ///
    /// # Errors
    /// As [`SoleWriter::lock`], or the directory cannot be made.
    pub fn lock_making_directory(path: &Path) -> Result<Self, ReplaceError> {
        make_directory_of(path)?;
        Self::lock(path)
    }

    /// Replaces the file as a whole: with mode 0600, durably, and so that after a crash at any point the old or the new
    /// content is there.
    ///
    /// # Errors
    /// Something could not be written, renamed or made durable. Unless it was the very last step, the old content is
    /// still there.
    pub fn replace(&self, content: &[u8]) -> Result<(), ReplaceError> {
        self.replace_with(|file| {
            file.write_all(content)?;
            file.sync_all()
        })?;
        owner_only::sync_directory(&self.directory).map_err(failure("sync", &self.directory))
    }

    /// Replaces the file as a whole, but leaves it to the system when that reaches the disk.
    ///
    /// For what says itself whether it is whole, and can be made again: after a crash of the system there may be
    /// anything, after one of this process the old or the new content.
    ///
    /// # Errors
    /// Something could not be written or renamed; the old content is still there.
    pub fn replace_undurably(&self, write: impl FnOnce(&mut File) -> io::Result<()>) -> Result<(), ReplaceError> {
        self.replace_with(write)
    }

    fn replace_with(&self, write: impl FnOnce(&mut File) -> io::Result<()>) -> Result<(), ReplaceError> {
        let path = self.directory.join(&self.name);
        let fresh = self.directory.join(beside(&self.name, "new"));
        // Whoever left it there died before it counted.
        match fs::remove_file(&fresh) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failure("remove", &fresh)(error)),
            _ => {}
        }
        let mut options = OpenOptions::new();
        let opened = owner_only::file(options.write(true).create_new(true)).open(&fresh);
        if let Err(error) = opened.and_then(|mut file| write(&mut file)) {
            // What matters is why it could not be written; a rest of it is removed by the next writer at the latest.
            let _ = fs::remove_file(&fresh);
            return Err(failure("write", &fresh)(error));
        }
        #[expect(
            clippy::disallowed_methods,
            reason = "this is the atomic replace, with both fsyncs around it where it is to be durable"
        )]
        fs::rename(&fresh, &path).map_err(failure("replace", &path))
    }
}

/// Why a file could not be locked or replaced.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} {}", path.display())]
pub struct ReplaceError {
    /// What was tried, as a verb: `open`, `lock`, `create`, `remove`, `write`, `replace`, `sync`, `name`.
    pub action: &'static str,
    /// With which file or directory.
    pub path: PathBuf,
    /// What the system says.
    pub source: io::Error,
}

fn make_directory_of(path: &Path) -> Result<(), ReplaceError> {
    let (directory, _) = split(path)?;
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    owner_only::directory(&mut builder);
    builder.create(&directory).map_err(failure("create", &directory))
}

fn split(path: &Path) -> Result<(PathBuf, OsString), ReplaceError> {
    let name = path.file_name().ok_or_else(|| failure("name", path)(io::ErrorKind::InvalidFilename.into()))?;
    let directory = path.parent().filter(|parent| *parent != Path::new("")).unwrap_or(Path::new("."));
    Ok((directory.to_owned(), name.to_owned()))
}

/// The name of a companion file: hidden, and next to it, so that a rename stays within one file system.
fn beside(name: &OsStr, suffix: &str) -> OsString {
    let mut companion = OsString::from(".");
    companion.push(name);
    companion.push(".");
    companion.push(suffix);
    companion
}

fn failure(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> ReplaceError {
    let path = path.to_owned();
    move |source| ReplaceError { action, path, source }
}

#[cfg(unix)]
mod owner_only {
    use std::{
        fs::{DirBuilder, File, OpenOptions},
        io,
        os::unix::fs::{DirBuilderExt, OpenOptionsExt},
        path::Path,
    };

    use rustix::fs::OFlags;

    pub(super) fn directory(builder: &mut DirBuilder) {
        builder.mode(0o700);
    }

    /// Non-blocking, so that a FIFO in its place does not hang the writer.
    pub(super) fn file(options: &mut OpenOptions) -> &mut OpenOptions {
        options.mode(0o600).custom_flags((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed())
    }

    pub(super) fn sync_directory(path: &Path) -> io::Result<()> {
        File::open(path)?.sync_all()
    }
}

#[cfg(not(unix))]
mod owner_only {
    use std::{
        fs::{DirBuilder, OpenOptions},
        io,
        path::Path,
    };

    pub(super) fn directory(_builder: &mut DirBuilder) {}

    pub(super) fn file(options: &mut OpenOptions) -> &mut OpenOptions {
        options
    }

    pub(super) fn sync_directory(_path: &Path) -> io::Result<()> {
        Ok(())
    }
}
