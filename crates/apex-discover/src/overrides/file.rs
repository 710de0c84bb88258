//! The stored overrides: one file, owner only, replaced as a whole, one writer at a time.

use std::{
    ffi::{OsStr, OsString},
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
};

use super::{LIMITS, Overrides, OverridesError};
use crate::{
    directory::{Directory, Refusal},
    exposure::{Guard, Part},
};

pub(super) fn load(path: &Path) -> Result<Overrides, OverridesError> {
    let (parent, name) = split(path)?;
    let read = resolve(&parent).and_then(|parent| {
        let bytes = Directory::open_resolved(&parent)?.read(&name, LIMITS.max_bytes as u64 + 1)?;
        Ok((parent, bytes))
    });
    let (parent, (bytes, ownership)) = match read {
        Ok(read) => read,
        Err(Refusal::Missing) => return Ok(Overrides::empty()),
        Err(Refusal::Io(source)) => return Err(OverridesError::Io { action: "read", path: path.to_owned(), source }),
        Err(refusal) => return Err(OverridesError::Refused { reason: refusal.reason(path) }),
    };
    let exposure = ownership.and_then(|own| Guard::new().exposure(&parent.join(&name), own, Part::Own));
    match exposure {
        Some(reason) => Err(OverridesError::Refused { reason }),
        None => Overrides::parse(&bytes),
    }
}

pub(super) fn save(overrides: &Overrides, path: &Path) -> Result<(), OverridesError> {
    let _lock = lock(path)?;
    replace(path, &overrides.to_bytes()?)
}

pub(super) fn edit<R>(path: &Path, change: impl FnOnce(&mut Overrides) -> R) -> Result<R, OverridesError> {
    let _lock = lock(path)?;
    let before = load(path)?;
    let mut after = before.clone();
    let result = change(&mut after);
    if after != before {
        replace(path, &after.to_bytes()?)?;
    }
    Ok(result)
}

fn split(path: &Path) -> Result<(PathBuf, OsString), OverridesError> {
    let name = path.file_name().ok_or_else(|| failure("name", path)(io::ErrorKind::InvalidFilename.into()))?;
    let parent = path.parent().filter(|parent| *parent != Path::new("")).unwrap_or(Path::new("."));
    Ok((parent.to_owned(), name.to_owned()))
}

fn resolve(parent: &Path) -> Result<PathBuf, Refusal> {
    fs::canonicalize(parent).map_err(Refusal::of)
}

/// Waits until no other writer is at work; the lock ends with the file.
///
/// It is taken on a file of its own, since the file itself is another one after each writing.
fn lock(path: &Path) -> Result<File, OverridesError> {
    let (parent, name) = split(path)?;
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    owner_only::directory(&mut builder);
    builder.create(&parent).map_err(failure("create", &parent))?;
    let path = parent.join(beside(&name, "lock"));
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    let file = owner_only::file(&mut options).open(&path).map_err(failure("open", &path))?;
    file.lock().map_err(failure("lock", &path))?;
    Ok(file)
}

/// Replaces a file as a whole; the lock must be held. A crash at any point leaves the old file or the new one.
fn replace(path: &Path, bytes: &[u8]) -> Result<(), OverridesError> {
    let (parent, name) = split(path)?;
    let fresh = parent.join(beside(&name, "new"));
    // Whoever left it there died before it counted.
    match fs::remove_file(&fresh) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failure("remove", &fresh)(error)),
        _ => {}
    }
    write_durably(&fresh, bytes).map_err(failure("write", &fresh))?;
    #[expect(clippy::disallowed_methods, reason = "this is the atomic replace: both fsyncs stand around it")]
    fs::rename(&fresh, path).map_err(failure("replace", path))?;
    owner_only::sync_directory(&parent).map_err(failure("sync", &parent))
}

fn write_durably(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    let mut file = owner_only::file(options.write(true).create_new(true)).open(path)?;
    file.write_all(bytes)?;
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

fn failure(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> OverridesError {
    let path = path.to_owned();
    move |source| OverridesError::Io { action, path, source }
}

#[cfg(unix)]
mod owner_only {
    use std::{
        fs::{DirBuilder, File, OpenOptions},
        io,
        os::unix::fs::{DirBuilderExt, OpenOptionsExt},
        path::Path,
    };

    pub(super) fn directory(builder: &mut DirBuilder) {
        builder.mode(0o700);
    }

    pub(super) fn file(options: &mut OpenOptions) -> &mut OpenOptions {
        options.mode(0o600).custom_flags(rustix::fs::OFlags::NOFOLLOW.bits().cast_signed())
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
