//! Why nothing could be chosen.

use apex_meta::ErrorKind;

use super::Conflict;
use crate::NoCandidate;

/// Why there is no solution.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Unsolvable {
    /// Nothing satisfies a request, even by itself.
    #[error(transparent)]
    Request(NoCandidate),
    /// The requests and what they depend on do not go together.
    #[error(transparent)]
    Conflict(Box<Conflict>),
}

impl Unsolvable {
    /// The kind that a call ends in when this error stops it.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Request(error) => error.kind(),
            Self::Conflict(_) => ErrorKind::Dependency,
        }
    }

    /// The stable error code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Request(error) => error.code(),
            Self::Conflict(conflict) => conflict.code(),
        }
    }

    /// What the reader can do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Request(error) => error.hint(),
            Self::Conflict(conflict) => conflict.hint(),
        }
    }
}
