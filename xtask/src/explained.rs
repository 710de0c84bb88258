//! Errors of the library crates with their hints, as `anyhow` shows them.

use std::{error::Error, fmt};

use apex_package::{ArchiveError, CheckError, LayoutError, PackageError};
use apex_trust::KeyError;

/// An error with its hint on a line of its own.
#[derive(Debug)]
struct Explained<E> {
    error: E,
    code: &'static str,
    hint: Option<String>,
}

impl<E: fmt::Display> fmt::Display for Explained<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.error)?;
        self.hint.as_ref().map_or(Ok(()), |hint| write!(f, "\n  help: {hint}"))
    }
}

impl<E: Error> Error for Explained<E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.error.source()
    }
}

/// Turns an error into one that tells its code and its hint.
pub(crate) trait Explain {
    /// The error for `main`.
    fn explained(self) -> anyhow::Error;
}

macro_rules! explain {
    ($($error:ty),*) => {
        $(impl Explain for $error {
            fn explained(self) -> anyhow::Error {
                let (code, hint) = (self.code(), self.hint());
                anyhow::Error::new(Explained { error: self, code, hint })
            }
        })*
    };
}

explain!(ArchiveError, CheckError, KeyError, LayoutError, PackageError);
