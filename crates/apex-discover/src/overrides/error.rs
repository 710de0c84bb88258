//! Why the operator's decisions could not be read or stored.

use std::{borrow::Cow, io, path::PathBuf};

use apex_meta::{JsonError, Reason};

/// Why the operator's decisions could not be read or stored.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OverridesError {
    /// The file is not a regular one, or must not be relied on.
    #[error("{}", reason.message)]
    Refused {
        /// Why, with its own code.
        reason: Reason,
    },
    /// The file is not strict JSON.
    #[error("the stored overrides are not strict JSON")]
    Json(#[from] JsonError),
    /// The JSON has not the form of overrides.
    #[error("the stored overrides have not the expected form")]
    Form(#[source] serde_json::Error),
    /// The file is of another format, perhaps of a later release.
    #[error("the stored overrides are of format `{}`, expected `apex-overrides/1`", found.escape_debug())]
    Format {
        /// The format that the file names.
        found: String,
    },
    /// There is more to write than would be read again.
    #[error("{bytes} bytes of overrides, at most {limit} can be stored")]
    TooLarge {
        /// How much there is.
        bytes: usize,
        /// How much there may be.
        limit: usize,
    },
    /// The file system refused.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// What was attempted.
        action: &'static str,
        /// With which file or directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl OverridesError {
    /// The stable error code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Refused { reason } => match reason.code {
                Cow::Borrowed(code) => code,
                Cow::Owned(_) => "OverridesRefused",
            },
            Self::Json(error) => error.code(),
            Self::Form(_) | Self::Format { .. } => "OverridesInvalid",
            Self::TooLarge { .. } => "OverridesTooLarge",
            Self::Io { .. } => "OverridesIo",
        }
    }

    /// What the reader can do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Refused { reason } => reason.hint.clone(),
            Self::Json(error) => error.hint(),
            Self::Form(_) => Some("mend the file, or remove it to start afresh".to_owned()),
            Self::Format { .. } => Some("use the release that wrote the file, or remove it to start afresh".to_owned()),
            Self::TooLarge { .. } => Some("clear overrides that are not needed any more".to_owned()),
            Self::Io { .. } => None,
        }
    }
}
