//! One writer at a time, and a file that is replaced as a whole.

use std::{
    ffi::{OsStr, OsString},
    fs::{self, DirBuilder, File, OpenOptions},
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
    _lock: File,
}

impl SoleWriter {
    /// Waits until no other writer of the file is at work.
    ///
    /// # Errors
    /// The lock beside the file cannot be made or taken, or the path does not end in a name.
    pub fn lock(path: &Path) -> Result<Self, ReplaceError> {
        let (directory, name) = split(path)?;
        let lock = directory.join(beside(&name, "lock"));
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let file = owner_only::file(&mut options).open(&lock).map_err(failure("open", &lock))?;
        file.lock().map_err(failure("lock", &lock))?;
        Ok(Self { directory, name, _lock: file })
    }

    /// As [`SoleWriter::lock`], but makes the file's directory if there is none, with mode 0700.
    ///
    /// # Errors
    /// As [`SoleWriter::lock`], or the directory cannot be made.
    pub fn lock_making_directory(path: &Path) -> Result<Self, ReplaceError> {
        let (directory, _) = split(path)?;
        let mut builder = DirBuilder::new();
        builder.recursive(true);
        owner_only::directory(&mut builder);
        builder.create(&directory).map_err(failure("create", &directory))?;
        Self::lock(path)
    }

    /// Replaces the file as a whole: with mode 0600, durably, and so that after a crash at any point the old or the new
    /// content is there.
    ///
    /// # Errors
    /// Something could not be written, renamed or made durable. Unless it was the very last step, the old content is
    /// still there.
    pub fn replace(&self, content: &[u8]) -> Result<(), ReplaceError> {
        let path = self.directory.join(&self.name);
        let fresh = self.directory.join(beside(&self.name, "new"));
        // Whoever left it there died before it counted.
        match fs::remove_file(&fresh) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failure("remove", &fresh)(error)),
            _ => {}
        }
        if let Err(error) = write_durably(&fresh, content) {
            // What matters is why it could not be written; a rest of it is removed by the next writer at the latest.
            let _ = fs::remove_file(&fresh);
            return Err(failure("write", &fresh)(error));
        }
        #[expect(clippy::disallowed_methods, reason = "this is the atomic replace: both fsyncs stand around it")]
        fs::rename(&fresh, &path).map_err(failure("replace", &path))?;
        owner_only::sync_directory(&self.directory).map_err(failure("sync", &self.directory))
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

fn split(path: &Path) -> Result<(PathBuf, OsString), ReplaceError> {
    let name = path.file_name().ok_or_else(|| failure("name", path)(io::ErrorKind::InvalidFilename.into()))?;
    let directory = path.parent().filter(|parent| *parent != Path::new("")).unwrap_or(Path::new("."));
    Ok((directory.to_owned(), name.to_owned()))
}

fn write_durably(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    let mut file = owner_only::file(options.write(true).create_new(true)).open(path)?;
    file.write_all(content)?;
    file.sync_all()
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
