//! What can be wrong with a trust store or its file.

use std::{fmt, io, path::PathBuf};

use apex_meta::{InvalidDigest, InvalidId, JsonError, PluginId};

use crate::{KeyError, KeyId, Timestamp};

/// Why a trust store cannot be read, changed or saved.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrustStoreError {
    /// The text is not strict JSON.
    #[error("the trust store is not valid JSON")]
    Json(#[source] JsonError),
    /// A member is missing, unknown or of the wrong type.
    #[error("the trust store does not have the shape of format apex-trust/1")]
    Shape(#[source] serde_json::Error),
    /// The format is another one.
    #[error("the trust store has format `{}`; apex-trust/1 is supported", found.escape_debug())]
    Format {
        /// The format as named, cut after 80 characters.
        found: String,
    },
    /// A publisher does not make sense.
    #[error("publisher `{}` of the trust store: {fault}", name.escape_debug())]
    Publisher {
        /// The publisher.
        name: String,
        /// What is wrong with it.
        fault: PublisherFault,
    },
    /// A publisher's key does not make sense.
    #[error("key {position} of publisher `{}` of the trust store: {fault}", publisher.escape_debug())]
    Key {
        /// The publisher.
        publisher: String,
        /// Which of its keys, from 0.
        position: usize,
        /// What is wrong with it.
        fault: KeyFault,
    },
    /// A denied digest is none.
    #[error("the deny list of the trust store")]
    Deny(#[source] InvalidDigest),
    /// A root is not absolute, so that it would be another directory for each working directory.
    #[error("root {} of the trust store is not an absolute path", path.display())]
    RelativeRoot {
        /// The root.
        path: PathBuf,
    },
    /// No publisher has this name.
    #[error("the trust store has no publisher `{}`", name.escape_debug())]
    UnknownPublisher {
        /// The name.
        name: String,
    },
    /// No publisher has this key.
    #[error("the trust store has no key {id}")]
    UnknownKey {
        /// The key.
        id: KeyId,
    },
    /// Others can write to the file or to a directory above it.
    #[error("others could change the trust store: {} has mode {mode:o}", path.display())]
    InsecurePermissions {
        /// The file or directory.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The file or a directory above it belongs to somebody else.
    #[error("others could change the trust store: {} belongs to user {owner}, neither to root nor to this user", path.display())]
    InsecureOwner {
        /// The file or directory.
        path: PathBuf,
        /// The numeric user id of its owner.
        owner: u32,
    },
    /// The file cannot be read.
    #[error("cannot read the trust store {}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The file cannot be replaced; the old one is still there.
    #[error("cannot save the trust store {}", path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

/// What is wrong with a publisher of a trust store.
#[derive(Debug)]
#[non_exhaustive]
pub enum PublisherFault {
    /// The name is not made of letters, digits, `.`, `_` and `-`, or too long.
    Name,
    /// A prefix is not an id.
    Prefix(InvalidId),
    /// A prefix covers ids that another publisher's prefix covers as well.
    Overlap {
        /// The prefix.
        prefix: PluginId,
        /// The other publisher.
        owner: String,
        /// Its prefix.
        other: PluginId,
    },
    /// The key stands in the store already.
    SharedKey {
        /// The key.
        id: KeyId,
        /// The publisher that has it.
        owner: String,
    },
    /// Only the host's builder can link a plugin in.
    Linked,
}

impl fmt::Display for PublisherFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name => {
                f.write_str("a name has 1 to 64 letters, digits, `.`, `_` and `-`, and starts with a letter or digit")
            }
            Self::Prefix(source) => write!(f, "prefix: {source}"),
            Self::Overlap { prefix, owner, other } => {
                write!(f, "prefix `{prefix}` overlaps with `{other}` of publisher `{owner}`")
            }
            Self::SharedKey { id, owner } => write!(f, "key {id} is already a key of publisher `{owner}`"),
            Self::Linked => f.write_str("placement is `process` or `in-process`"),
        }
    }
}

/// What is wrong with a key of a trust store.
#[derive(Debug)]
#[non_exhaustive]
pub enum KeyFault {
    /// The key or its id is not one, or the key is weak.
    Key(KeyError),
    /// The algorithm is not `ed25519`.
    Algorithm {
        /// The algorithm as named, cut after 80 characters.
        name: String,
    },
    /// It would never count: its time ends before it begins.
    NeverValid {
        /// The first second.
        not_before: Timestamp,
        /// The last second, which is an earlier one.
        not_after: Timestamp,
    },
    /// The id belongs to another key.
    WrongId {
        /// The id as stated.
        stated: KeyId,
        /// The id of the key.
        computed: KeyId,
    },
}

impl fmt::Display for KeyFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(source) => source.fmt(f),
            Self::Algorithm { name } => {
                write!(f, "algorithm `{}` is not supported; ed25519 is", name.escape_debug())
            }
            Self::NeverValid { not_before, not_after } => {
                write!(f, "it never counts: it begins at {not_before}, but ends at {not_after}")
            }
            Self::WrongId { stated, computed } => write!(f, "its id is {computed}, not {stated}"),
        }
    }
}

impl TrustStoreError {
    /// The stable error code: `TrustStoreInvalid` for everything that is wrong with the content.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Json(_)
            | Self::Shape(_)
            | Self::Format { .. }
            | Self::Publisher { .. }
            | Self::Key { .. }
            | Self::RelativeRoot { .. }
            | Self::Deny(_) => "TrustStoreInvalid",
            Self::UnknownPublisher { .. } => "UnknownPublisher",
            Self::UnknownKey { .. } => "UnknownKey",
            Self::InsecurePermissions { .. } => "InsecurePermissions",
            Self::InsecureOwner { .. } => "InsecureOwner",
            Self::Unreadable { .. } => "Unreadable",
            Self::Unwritable { .. } => "Unwritable",
        }
    }

    /// What the reader can do about it.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::UnknownPublisher { .. } | Self::UnknownKey { .. } => {
                "list what is trusted with: apex trust list".into()
            }
            Self::InsecurePermissions { path, .. } => {
                format!("look at what it says, then: chmod go-w {}", path.display())
            }
            Self::InsecureOwner { path, .. } => {
                format!("look at what it says, then: chown \"$(id -u)\" {}", path.display())
            }
            Self::Publisher { fault: PublisherFault::Overlap { .. }, .. } => {
                "give each publisher its own prefix: apex trust add NAME --key FILE --prefix P".into()
            }
            Self::RelativeRoot { path } => format!("write the whole path of {}", path.display()),
            Self::Json(_) | Self::Shape(_) | Self::Format { .. } | Self::Key { .. } | Self::Deny(_) => {
                "write it with `apex trust` rather than by hand".into()
            }
            Self::Publisher { .. } | Self::Unreadable { .. } | Self::Unwritable { .. } => return None,
        })
    }

    /// Whether there is no file at all.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::Unreadable { source, .. } if source.kind() == io::ErrorKind::NotFound)
    }
}
