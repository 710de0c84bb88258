//! What protects the file of a private key.

use std::{fmt, path::Path};

use zeroize::Zeroizing;

use super::{KeyError, file};

/// A passphrase, wiped from memory when it is dropped, and never shown.
///
/// ```
/// use apex_trust::Passphrase;
/// let passphrase = Passphrase::new("correct horse battery staple".to_owned())?;
/// assert_eq!(format!("{passphrase:?}"), "Passphrase(..)");
/// assert_eq!(Passphrase::new(String::new()).unwrap_err().code(), "WrongPassphrase");
/// # Ok::<(), apex_trust::KeyError>(())
/// ```
#[derive(PartialEq, Eq)]
pub struct Passphrase(Zeroizing<String>);

impl Passphrase {
    /// Takes a text over, which must not be copied before.
    ///
    /// # Errors
    /// [`KeyError::EmptyPassphrase`] if it is empty: that would protect nothing.
    pub fn new(text: String) -> Result<Self, KeyError> {
        let text = Zeroizing::new(text);
        if text.is_empty() { Err(KeyError::EmptyPassphrase) } else { Ok(Self(text)) }
    }

    /// Reads a file whose first line is the passphrase.
    ///
    /// # Errors
    /// As for the file of a private key: [`KeyError::InsecureKeyFile`] if anybody else may read it, and so on.
    pub fn read(path: &Path) -> Result<Self, KeyError> {
        let text = file::read_private(path)?;
        let line = text.lines().next().unwrap_or_default();
        Self::new(line.to_owned())
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passphrase(..)")
    }
}
