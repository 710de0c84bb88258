//! Signing with a key that never leaves where it lives, such as a key management service.
//!
//! [`signing_payload`] gives the bytes, the service signs them, and [`attach_signature`] puts the signature in its place.

use std::path::Path;

use apex_meta::Document;
use apex_trust::{PublicKey, TrustError, signed_payload, tree_digest};

use crate::{CheckError, LayoutError, manifest_file, read_document, seal_directory};

/// Fills in the checksum of the plugin in a directory, and gives the bytes that are to be signed, all of them by plain
/// Ed25519 (RFC 8032, neither prehashed nor with a context).
///
/// # Errors
/// As [`seal_directory`].
pub fn signing_payload(directory: &Path) -> Result<(Document, Vec<u8>), LayoutError> {
    let document = seal_directory(directory, None)?;
    let payload = signed_payload(&document).map_err(LayoutError::Signature)?;
    Ok((document, payload))
}

/// Writes a signature over [`signing_payload`] into the `plugin.json` of the same directory.
///
/// `signature` is its 64 bytes, or their Base64 as text.
///
/// # Errors
/// A file has changed since, so that the checksum does not match; the signature has another form, or the key did not
/// make it; or `plugin.json` cannot be written. Nothing is changed then.
pub fn attach_signature(directory: &Path, key: &PublicKey, signature: &[u8]) -> Result<Document, CheckError> {
    let document = read_document(directory)?;
    let id = document.id().clone();
    let stated = document.manifest().checksum.ok_or_else(|| TrustError::MissingChecksum { id: id.clone() })?;
    let computed = tree_digest(directory, stated.algorithm()).map_err(LayoutError::Tree)?;
    if stated != computed {
        return Err(TrustError::ChecksumMismatch { id, stated, computed }.into());
    }
    let signature = key.attest(&document, signature).map_err(|source| TrustError::Signature { id, source })?;
    let signed = manifest_file::with_signature(&document, &signature)?;
    manifest_file::write(&directory.join(manifest_file::NAME), &signed)?;
    Ok(signed)
}

#[cfg(all(test, unix))]
mod tests;
