//! The stored overrides: one file, owner only, replaced as a whole, one writer at a time.

use std::{
    ffi::OsString,
    fs, io,
    path::{Path, PathBuf},
};

use apex_files::{ReplaceError, SoleWriter};

use super::{LIMITS, Overrides, OverridesError};
use crate::{
    directory::{Directory, Refusal},
    exposure::{Guard, Part},
};

pub(super) fn load(path: &Path) -> Result<Overrides, OverridesError> {
    let (parent, name) = split(path)?;
    let read = fs::canonicalize(&parent).map_err(Refusal::of).and_then(|parent| {
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
    Ok(SoleWriter::lock_making_directory(path)?.replace(&overrides.to_bytes()?)?)
}

pub(super) fn edit<R>(path: &Path, change: impl FnOnce(&mut Overrides) -> R) -> Result<R, OverridesError> {
    let writer = SoleWriter::lock_making_directory(path)?;
    let before = load(path)?;
    let mut after = before.clone();
    let result = change(&mut after);
    if after != before {
        writer.replace(&after.to_bytes()?)?;
    }
    Ok(result)
}

fn split(path: &Path) -> Result<(PathBuf, OsString), OverridesError> {
    let nameless =
        || OverridesError::Io { action: "name", path: path.to_owned(), source: io::ErrorKind::InvalidFilename.into() };
    let parent = path.parent().filter(|parent| *parent != Path::new("")).unwrap_or(Path::new("."));
    Ok((parent.to_owned(), path.file_name().ok_or_else(nameless)?.to_owned()))
}

impl From<ReplaceError> for OverridesError {
    fn from(ReplaceError { action, path, source }: ReplaceError) -> Self {
        Self::Io { action, path, source }
    }
}
