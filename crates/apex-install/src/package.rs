//! A package as it is offered: what its manifest and files say, before anybody decides about it.

use std::{
    fs,
    path::{Path, PathBuf},
};

use apex_meta::{Digest, DigestAlgorithm, Document};
use apex_trust::{KeyId, Tree, TrustError, signed_payload, signing_key_id};

use crate::InstallError;

/// A package's manifest and files, unpacked into a directory of ours.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Package {
    /// The archive.
    pub path: PathBuf,
    /// Its manifest.
    pub document: Document,
    /// The digest of its files.
    pub digest: Digest,
    /// The BLAKE3 hash of its manifest as it is signed.
    pub manifest: Digest,
    /// The key that is said to have signed it; a claim, no proof.
    pub signer: Option<KeyId>,
    /// The length of the archive, in bytes.
    pub bytes: u64,
    /// The length of its files together, in bytes.
    pub files_bytes: u64,
}

impl Package {
    /// Reads a package by unpacking it below `scratch`; nothing is left there.
    ///
    /// # Errors
    /// The archive is refused, or holds no valid manifest.
    pub fn read(archive: &Path, scratch: &Path) -> Result<Self, InstallError> {
        let directory = tempfile::Builder::new()
            .prefix(".apex-package-")
            .tempdir_in(scratch)
            .map_err(InstallError::io("create a directory in", scratch))?;
        let tree = directory.path().join("tree");
        let refused = |source| InstallError::Archive { path: archive.to_owned(), source };
        apex_package::unpack(archive, &tree).map_err(refused)?;
        Self::of_tree(archive, &tree)
    }

    /// What an unpacked tree says.
    pub(crate) fn of_tree(archive: &Path, tree: &Path) -> Result<Self, InstallError> {
        let refused = |source| InstallError::Manifest { path: archive.to_owned(), source: Box::new(source) };
        let document = apex_package::read_document(tree).map_err(refused)?;
        let wrong = |source| TrustError::Tree { id: document.id().clone(), source };
        let algorithm = document.manifest().checksum.map(|checksum| checksum.algorithm()).unwrap_or_default();
        let opened = Tree::open(tree).map_err(wrong)?;
        let files_bytes = opened.files().iter().chain(opened.manifest()).map(|file| file.size).sum();
        let digest = opened.digest(algorithm).map_err(wrong)?;
        let bytes = fs::metadata(archive).map_err(InstallError::io("read", archive))?.len();
        let manifest = manifest_digest(&document)?;
        // A malformed signature names no key; that it is malformed is for verification to say.
        let signer = signing_key_id(&document).ok().flatten();
        Ok(Self { path: archive.to_owned(), digest, manifest, signer, bytes, files_bytes, document })
    }
}

/// Reads the manifest of an unpacked tree.
///
/// # Errors
/// There is none, or it is not valid.
pub fn read_document(tree: &Path) -> Result<Document, InstallError> {
    let refused = |source| InstallError::Manifest { path: tree.to_owned(), source: Box::new(source) };
    apex_package::read_document(tree).map_err(refused)
}

/// The BLAKE3 hash of a manifest as it is signed: all of it but the signature.
pub(crate) fn manifest_digest(document: &Document) -> Result<Digest, InstallError> {
    let payload =
        signed_payload(document).map_err(|source| TrustError::Signature { id: document.id().clone(), source })?;
    Ok(Digest::new(DigestAlgorithm::Blake3, *blake3::hash(&payload).as_bytes()))
}
