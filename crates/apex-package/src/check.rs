//! Checking a finished plugin without a trust store: checksum, and signature as far as a key is at hand.

use std::path::Path;

use apex_meta::{Digest, Document};
use apex_trust::{KeyId, LibraryError, PublicKey, SignatureError, Tree, TrustError, check_elf, verify_signature};

use crate::{LayoutError, read_document};

/// What a check found; the checksum holds, and the library for this platform is fit to be loaded.
#[derive(Debug, Clone)]
pub struct Checked {
    /// The manifest.
    pub document: Document,
    /// The digest of the files, which is the manifest's checksum.
    pub digest: Digest,
    /// What became of the signature.
    pub signature: SignatureCheck,
}

/// What became of a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignatureCheck {
    /// There is none.
    Unsigned,
    /// There is one by the named key, but there was no key to check it with.
    NotChecked {
        /// The key that is said to have signed.
        key_id: KeyId,
    },
    /// The key made it.
    Holds {
        /// The key.
        key_id: KeyId,
    },
}

/// Checks that a plugin's files match its checksum, that its library for this platform, if there is one, keeps the rules
/// of [`check_elf`], and, given a key, that this key signed it.
///
/// So an author meets what an operator's host would refuse. Whether the key may sign such an id, is revoked or trusted at all, is for [`apex_trust::Verifier`] to say.
///
/// # Errors
/// The directory is not a plugin's tree, the checksum is missing or does not match, a library is none or asks the
/// dynamic linker for more than a plugin may, or the signature is malformed or was not made by the key; with a key, also
/// if there is no signature.
pub fn check_directory(directory: &Path, key: Option<&PublicKey>) -> Result<Checked, CheckError> {
    let document = read_document(directory)?;
    let id = document.id().clone();
    let stated = document.manifest().checksum.ok_or_else(|| TrustError::MissingChecksum { id: id.clone() })?;
    let tree = Tree::open(directory).map_err(LayoutError::Tree)?;
    let computed = tree.digest(stated.algorithm()).map_err(LayoutError::Tree)?;
    if stated != computed {
        return Err(TrustError::ChecksumMismatch { id, stated, computed }.into());
    }
    check_libraries(&tree, &document)?;
    let signature = check_signature(&document, key).map_err(|source| TrustError::Signature { id, source })?;
    Ok(Checked { document, digest: computed, signature })
}

/// Checks the library in each of the places where a host of this platform would look for it.
fn check_libraries(tree: &Tree, document: &Document) -> Result<(), CheckError> {
    // Elsewhere libraries have another format.
    if !cfg!(target_os = "linux") {
        return Ok(());
    }
    for path in document.manifest().entry_point.library_paths() {
        let Some(file) = tree.file(&path) else { continue };
        let library = tree.open_file(&file.path).map_err(LayoutError::Tree)?;
        check_elf(library.file).map_err(|source| TrustError::Library {
            id: document.id().clone(),
            source: LibraryError::Elf { path: file.path.clone(), source },
        })?;
    }
    Ok(())
}

fn check_signature(document: &Document, key: Option<&PublicKey>) -> Result<SignatureCheck, SignatureError> {
    if let Some(key) = key {
        verify_signature(document, key)?;
        return Ok(SignatureCheck::Holds { key_id: key.key_id() });
    }
    match apex_trust::signing_key_id(document)? {
        Some(key_id) => Ok(SignatureCheck::NotChecked { key_id }),
        None => Ok(SignatureCheck::Unsigned),
    }
}

/// Why a finished plugin does not pass.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CheckError {
    /// The directory cannot be read as a plugin.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// Checksum or signature are missing or wrong.
    #[error(transparent)]
    Trust(#[from] TrustError),
}

impl CheckError {
    /// The stable error code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Layout(source) => source.code(),
            Self::Trust(source) => source.code(),
        }
    }

    /// What the reader can do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Layout(source) => source.hint(),
            Self::Trust(source) => source.hint(),
        }
    }
}
