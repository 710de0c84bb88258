//! The facts about a plugin, before policy and time have their say.

use apex_meta::Digest;

use super::Claims;
use crate::{KeyId, LibraryError, SignatureError, TreeError, TreePath, Verifier, signature::Decoded};

/// The facts about a plugin: what its files hash to, where its library is and if it is fit, and which key signed it.
///
/// They hold as long as files and manifest stay as they are, whatever becomes of policy, trust store and clock.
#[derive(Debug, Clone)]
pub struct Examination {
    digest: Result<Digest, TreeError>,
    library: Result<TreePath, LibraryError>,
    signature: SignatureFact,
}

/// What was found out about a signature; what its form tells is read off the manifest again when it is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SignatureFact {
    /// There is none.
    Absent,
    /// Its form is wrong, or it binds no files.
    Unfit,
    /// The key that it names was not known when it was looked at.
    Unknown,
    /// It was checked with the key that it names.
    Checked {
        /// The key.
        key_id: KeyId,
        /// Whether the key made it.
        holds: bool,
    },
}

/// What is known of a signature at the moment of a judgement.
#[derive(Debug, Clone)]
pub(super) enum SignatureFinding {
    /// There is none.
    Absent,
    /// Its form is wrong, or it binds no files.
    Unfit(SignatureError),
    /// The key that it names was not known when it was looked at.
    Unknown(Decoded),
    /// It was checked with the key that it names.
    Checked {
        /// The key.
        key_id: KeyId,
        /// Whether the key made it.
        holds: bool,
    },
}

impl Examination {
    pub(super) fn new(
        digest: Result<Digest, TreeError>,
        library: Result<TreePath, LibraryError>,
        signature: SignatureFact,
    ) -> Self {
        Self { digest, library, signature }
    }

    /// The tree digest, by the algorithm of the manifest's checksum, or BLAKE3 if there is none.
    ///
    /// # Errors
    /// Why the directory is not a plugin's tree.
    pub fn digest(&self) -> Result<&Digest, &TreeError> {
        self.digest.as_ref()
    }

    /// The library for this platform.
    ///
    /// # Errors
    /// Why there is none, or why it cannot be accepted.
    pub fn library(&self) -> Result<&TreePath, &LibraryError> {
        self.library.as_ref()
    }

    /// Whether the plugin carries a signature that may be genuine: well formed, and not found to be wrong.
    pub fn is_signed(&self) -> bool {
        matches!(self.signature, SignatureFact::Unknown | SignatureFact::Checked { holds: true, .. })
    }

    pub(super) fn signature(&self) -> &SignatureFact {
        &self.signature
    }
}

impl From<SignatureFinding> for SignatureFact {
    fn from(finding: SignatureFinding) -> Self {
        match finding {
            SignatureFinding::Absent => Self::Absent,
            SignatureFinding::Unfit(_) => Self::Unfit,
            SignatureFinding::Unknown(_) => Self::Unknown,
            SignatureFinding::Checked { key_id, holds } => Self::Checked { key_id, holds },
        }
    }
}

impl Verifier {
    /// Checks a signature with the key that it names, if the store has that key.
    pub(super) fn try_signature(&self, claims: &dyn Claims) -> SignatureFinding {
        let Some(signature) = claims.signature() else { return SignatureFinding::Absent };
        let decoded = match Decoded::from_signature(signature) {
            Ok(decoded) => decoded,
            Err(error) => return SignatureFinding::Unfit(error),
        };
        if claims.checksum().is_none() {
            return SignatureFinding::Unfit(SignatureError::NothingToBind);
        }
        match self.store().key(&decoded.key_id).map(|(_, _, trusted)| (trusted, claims.document())) {
            Some((trusted, Some(document))) => {
                SignatureFinding::Checked { key_id: decoded.key_id, holds: decoded.holds(document, &trusted.key) }
            }
            // What cannot be checked counts for nothing.
            Some((_, None)) | None => SignatureFinding::Unknown(decoded),
        }
    }
}
