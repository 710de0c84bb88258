//! What others than root and this user could change, as faults of a plugin's tree.

use std::path::PathBuf;

use apex_files::{Exposure, Ownership};

use crate::TreeError;

/// That somebody else could change what stands at a path.
pub(crate) fn exposed(path: PathBuf, exposure: Exposure, ownership: Ownership) -> TreeError {
    match exposure {
        Exposure::Foreign => TreeError::InsecureOwner { path, owner: ownership.uid },
        Exposure::ToEverybody | Exposure::ToGroup => {
            TreeError::InsecurePermissions { path, mode: ownership.permissions() }
        }
    }
}
