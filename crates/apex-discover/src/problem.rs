//! What went wrong with a root as a whole, apart from any one plugin.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use apex_meta::Reason;

/// What went wrong with a root, or with a part of it, that is no plugin of its own.
///
/// Codes: `RootMissing`, `RootNotDirectory`, `RootIsPlugin`, `DuplicateRoot`, `HiddenPlugin`, `NotInLedger`,
/// `TooManyEntries`, `PermissionDenied`, `InsecurePermissions`, `InsecureOwner`, `Unreadable`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    path: PathBuf,
    reason: Reason,
}

impl Problem {
    pub(crate) fn new(path: impl Into<PathBuf>, reason: Reason) -> Self {
        Self { path: path.into(), reason }
    }

    /// The file or directory that it is about.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What is wrong, and what to do.
    pub fn reason(&self) -> &Reason {
        &self.reason
    }

    /// The stable code.
    pub fn code(&self) -> &str {
        &self.reason.code
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.reason.fmt(f)
    }
}
