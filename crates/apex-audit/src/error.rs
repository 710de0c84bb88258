//! Why a record was not kept.

use std::{io, path::PathBuf};

use crate::Broken;

/// Why a record was not kept, or a log cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuditError {
    /// The file could not be opened, locked, read or written.
    #[error("the audit log {} cannot be {doing}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What was tried, such as `written`.
        doing: &'static str,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// Another process held the lock all the time.
    #[error("the audit log {} is locked by another process", path.display())]
    Locked {
        /// The file.
        path: PathBuf,
    },
    /// It belongs to somebody else, or others may write to it.
    #[error("the audit log {} could be changed by others: owner {owner}, mode {mode:04o}", path.display())]
    Insecure {
        /// The file.
        path: PathBuf,
        /// The number of the user who owns it.
        owner: u32,
        /// Its permission bits.
        mode: u32,
    },
    /// Its last line is unsound, so that nothing can be bound to it.
    #[error("the audit log {} cannot be continued: {broken}", path.display())]
    Unsound {
        /// The file.
        path: PathBuf,
        /// What is wrong with it; the line's number is not known and stands as 0.
        broken: Broken,
    },
    /// The record would make a line that is too long.
    #[error("a record of {bytes} bytes is too long for the audit log")]
    TooLong {
        /// Its length.
        bytes: usize,
    },
    /// Another kind of sink failed.
    #[error("the audit sink failed: {message}")]
    Other {
        /// Why.
        message: String,
    },
}

impl AuditError {
    /// The stable error code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unsound { .. } => Broken::CODE,
            Self::Insecure { .. } => "InsecurePermissions",
            Self::Io { .. } | Self::Locked { .. } | Self::TooLong { .. } | Self::Other { .. } => "AuditIo",
        }
    }

    /// What the reader can do about it.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Io { path, .. } => format!("check {} and the directory that it is in", path.display()),
            Self::Locked { .. } => "see which process holds it with: fuser FILE".into(),
            Self::Insecure { path, .. } => format!("take it over and run: chmod 600 {}", path.display()),
            Self::Unsound { .. } => {
                "move the file away, so that a new log begins; keep it for whoever looks into it".into()
            }
            Self::TooLong { .. } | Self::Other { .. } => return None,
        })
    }
}
