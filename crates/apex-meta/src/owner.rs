//! To whom decisions and data belong that are kept under a plugin's id.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::Digest;

/// To whom decisions and data belong that are kept under a plugin's id.
///
/// An id alone is a claim that anybody can make. What an operator decides and what a plugin saves is bound to this, so
/// that whoever takes an id over inherits nothing.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Owner {
    /// A publisher that the operator trusts, by name.
    Publisher(String),
    /// An unsigned plugin, by the digest of its files: other bytes are another owner.
    Digest(Digest),
    /// The host itself, for a plugin that is linked into it.
    Linked,
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Publisher(name) => write!(f, "publisher `{}`", name.escape_debug()),
            Self::Digest(digest) => write!(f, "the unsigned plugin {digest}"),
            Self::Linked => f.write_str("the host itself"),
        }
    }
}
