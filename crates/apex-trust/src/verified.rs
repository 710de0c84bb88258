//! The proof that a plugin was verified, which loading takes and nothing else can make.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use apex_meta::{Digest, Document, Manifest, Placement, PluginId, PluginVersion};

use crate::{Acceptance, KeyId, Resources, SealedFile, TrustError, verifier::take};

/// A plugin that was verified, together with the very bytes of its library that were.
///
/// Only [`crate::Verifier::verify`] and, named and logged, [`Verified::assume_trusted`] make one.
#[derive(Debug)]
pub struct Verified {
    directory: PathBuf,
    document: Document,
    digest: Option<Digest>,
    publisher: Option<String>,
    key_id: Option<KeyId>,
    placement: Placement,
    library: SealedFile,
    resources: Arc<Resources>,
}

impl Verified {
    pub(crate) fn new(
        directory: &Path,
        document: &Document,
        acceptance: Acceptance,
        library: SealedFile,
        resources: Resources,
    ) -> Self {
        Self {
            directory: directory.to_owned(),
            document: document.clone(),
            digest: acceptance.digest,
            publisher: acceptance.publisher,
            key_id: acceptance.key_id,
            placement: acceptance.placement,
            library,
            resources: Arc::new(resources),
        }
    }

    /// Takes a plugin without any check of checksum, signature or policy, and logs a warning that says why.
    ///
    /// The library is sealed all the same and the other files hashed, so that later edits do not reach what is loaded or
    /// read, and it must keep the rules of
    /// [`crate::check_elf`], since its constructors run before anything else could be asked of it.
    ///
    /// # Errors
    /// The directory is not a plugin's tree, or has no library for this platform that keeps the rules.
    pub fn assume_trusted(
        directory: &Path,
        document: &Document,
        placement: Placement,
        reason: &str,
    ) -> Result<Self, TrustError> {
        let (library, resources) = take(directory, document)?;
        tracing::warn!(
            plugin = %document.id(), version = %document.version(), directory = %directory.display(), %placement, reason,
            "plugin is assumed to be trusted without verification"
        );
        Ok(Self {
            directory: directory.to_owned(),
            document: document.clone(),
            digest: None,
            publisher: None,
            key_id: None,
            placement,
            library,
            resources: Arc::new(resources),
        })
    }

    /// The plugin's id.
    pub fn id(&self) -> &PluginId {
        self.document.id()
    }

    /// The plugin's version.
    pub fn version(&self) -> &PluginVersion {
        self.document.version()
    }

    /// The manifest with the JSON that was verified.
    pub fn document(&self) -> &Document {
        &self.document
    }

    /// The typed manifest.
    pub fn manifest(&self) -> &Manifest {
        self.document.manifest()
    }

    /// The plugin's directory; nothing in it is to be loaded from there.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The digest of the files that were verified; none if trust was assumed.
    pub fn digest(&self) -> Option<&Digest> {
        self.digest.as_ref()
    }

    /// The trusted publisher who signed it, if one did.
    pub fn publisher(&self) -> Option<&str> {
        self.publisher.as_deref()
    }

    /// The publisher's key that signed it, if one did.
    pub fn key_id(&self) -> Option<&KeyId> {
        self.key_id.as_ref()
    }

    /// Where it may run at most.
    pub fn placement(&self) -> Placement {
        self.placement
    }

    /// Its files, to be read as they were verified.
    pub fn resources(&self) -> &Arc<Resources> {
        &self.resources
    }

    /// The bytes of its library.
    pub fn library(&self) -> &SealedFile {
        &self.library
    }
}
