//! Why the operator's grants could not be read or stored.

use std::{io, path::PathBuf};

use apex_meta::JsonError;

/// Why the operator's grants could not be read or stored.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GrantsError {
    /// The file is not strict JSON.
    #[error("the stored grants are not strict JSON")]
    Json(#[source] JsonError),
    /// A member is missing, unknown or of the wrong type, or a permission is none.
    #[error("the stored grants do not have the shape of format apex-grants/1")]
    Shape(#[source] serde_json::Error),
    /// The file is of another format, perhaps of a later release.
    #[error("the stored grants have format `{}`; apex-grants/1 is supported", found.escape_debug())]
    Format {
        /// The format as named, cut after 80 characters.
        found: String,
    },
    /// There is more to write than would be read again.
    #[error("{bytes} bytes of grants, at most {limit} can be stored")]
    TooLarge {
        /// How much there is.
        bytes: usize,
        /// How much there may be.
        limit: usize,
    },
    /// Others can write to the file or to a directory above it.
    #[error("others could change the stored grants: {} has mode {mode:o}", path.display())]
    InsecurePermissions {
        /// The file or directory.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The file or a directory above it belongs to somebody else.
    #[error("others could change the stored grants: {} belongs to user {owner}, neither to root nor to this user", path.display())]
    InsecureOwner {
        /// The file or directory.
        path: PathBuf,
        /// The numeric user id of its owner.
        owner: u32,
    },
    /// The file system refused.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// What was attempted, as a verb.
        action: &'static str,
        /// With which file or directory.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

impl GrantsError {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Json(_) | Self::Shape(_) | Self::Format { .. } | Self::TooLarge { .. } => "GrantsInvalid",
            Self::InsecurePermissions { .. } => "InsecurePermissions",
            Self::InsecureOwner { .. } => "InsecureOwner",
            Self::Io { .. } => "GrantsIo",
        }
    }

    /// What the reader can do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Json(error) => error.hint(),
            Self::Shape(_) => Some("mend the file, or remove it so that nothing is granted".to_owned()),
            Self::Format { .. } => Some("use the release that wrote the file, or remove it".to_owned()),
            Self::TooLarge { .. } => Some("take back grants that are not needed any more".to_owned()),
            Self::InsecurePermissions { path, .. } => {
                Some(format!("look at the file, then `chmod go-w {}`", path.display()))
            }
            Self::InsecureOwner { path, .. } => {
                Some(format!("look at the file, then `chown $(id -u) {}`", path.display()))
            }
            Self::Io { .. } => None,
        }
    }
}
