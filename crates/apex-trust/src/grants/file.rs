//! The stored grants: one file, read with care, replaced as a whole, one writer at a time.

use std::{io::Read as _, path::Path};

use apex_files::{ReplaceError, SoleWriter};

use super::{Grants, GrantsError, LIMITS};
use crate::guarded_file::{self, Refused};

pub(super) fn load(path: &Path) -> Result<Grants, GrantsError> {
    let unreadable = |source| GrantsError::Io { action: "read", path: path.to_owned(), source };
    let file = match guarded_file::open(path) {
        Ok(file) => file,
        Err(refused) if refused.is_not_found() => return Ok(Grants::empty()),
        Err(Refused::Foreign { path, owner }) => return Err(GrantsError::InsecureOwner { path, owner }),
        Err(Refused::Exposed { path, mode }) => return Err(GrantsError::InsecurePermissions { path, mode }),
        Err(Refused::Unreadable(source)) => return Err(unreadable(source)),
    };
    let mut bytes = Vec::new();
    file.take(LIMITS.max_bytes as u64 + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    Grants::parse(&bytes)
}

pub(super) fn edit<R, E: From<GrantsError>>(
    path: &Path,
    change: impl FnOnce(&mut Grants) -> Result<R, E>,
) -> Result<R, E> {
    let writer = SoleWriter::lock_making_directory(path).map_err(unwritten)?;
    let before = load(path)?;
    let mut after = before.clone();
    let result = change(&mut after)?;
    if after != before {
        writer.replace(&after.to_bytes()?).map_err(unwritten)?;
    }
    Ok(result)
}

fn unwritten(ReplaceError { action, path, source }: ReplaceError) -> GrantsError {
    GrantsError::Io { action, path, source }
}
