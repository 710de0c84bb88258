//! Signatures over manifests: which bytes are signed, and whether a signature holds.

use std::sync::Arc;

use apex_meta::{Document, Signature};
use base64::{Engine, prelude::BASE64_STANDARD};

use crate::{KeyId, PublicKey};

#[cfg(test)]
mod tests;
#[cfg(test)]
mod vectors;

/// The payload type that signatures bind, so that no signature made for another purpose fits a manifest.
pub const PAYLOAD_TYPE: &str = "application/vnd.apex.plugin.v1+json";

/// The bytes that a publisher signs.
///
/// They are the pre-authentication encoding of [DSSE](https://github.com/secure-systems-lab/dsse/blob/v1.0.2/protocol.md),
///
/// ```text
/// "DSSEv1" SP len(t) SP t SP len(b) SP b
/// ```
///
/// where `t` is [`PAYLOAD_TYPE`] and `b` the canonical JSON (RFC 8785) of the manifest without its `signature`.
///
/// # Errors
/// The manifest has no canonical form, which no manifest that was read strictly lacks.
pub fn signed_payload(document: &Document) -> Result<Vec<u8>, SignatureError> {
    let mut value = document.value().clone();
    if let Some(members) = value.as_object_mut() {
        members.remove("signature");
    }
    let body = serde_json_canonicalizer::to_vec(&value)
        .map_err(|source| SignatureError::NotCanonical { source: Arc::new(source) })?;
    Ok(pre_authentication_encoding(PAYLOAD_TYPE, &body))
}

fn pre_authentication_encoding(payload_type: &str, body: &[u8]) -> Vec<u8> {
    let mut encoded = format!("DSSEv1 {} {payload_type} {} ", payload_type.len(), body.len()).into_bytes();
    encoded.extend_from_slice(body);
    encoded
}

/// A `signature` member whose form is right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Decoded {
    /// The key that is said to have signed.
    pub(crate) key_id: KeyId,
    bytes: [u8; 64],
}

impl Decoded {
    pub(crate) fn from_signature(signature: &Signature) -> Result<Self, SignatureError> {
        if signature.method != Signature::ED25519 {
            return Err(SignatureError::UnsupportedMethod { method: signature.method.chars().take(80).collect() });
        }
        let key_id = signature
            .key_id
            .parse()
            .map_err(|_| SignatureError::Malformed { fault: "its key_id is not 64 hex digits" })?;
        let bytes = BASE64_STANDARD
            .decode(&signature.value)
            .map_err(|_| SignatureError::Malformed { fault: "its value is not standard, padded, canonical Base64" })?;
        let bytes =
            bytes.try_into().map_err(|_| SignatureError::Malformed { fault: "an Ed25519 signature has 64 bytes" })?;
        Ok(Self { key_id, bytes })
    }

    /// Whether the key made this signature over the document.
    pub(crate) fn holds(&self, document: &Document, key: &PublicKey) -> bool {
        signed_payload(document).is_ok_and(|payload| key.verifies(&payload, &self.bytes))
    }
}

/// Checks a manifest's signature against one key, leaving aside whom the key belongs to and whether files match.
///
/// # Errors
/// There is no signature, its form or method is wrong, or the key did not make it.
pub fn verify_signature(document: &Document, key: &PublicKey) -> Result<(), SignatureError> {
    check_signature(document, document.manifest().signature.as_ref().ok_or(SignatureError::Missing)?, key)
}

/// Checks a signature over a manifest, which may or may not hold it.
pub(crate) fn check_signature(
    document: &Document,
    signature: &Signature,
    key: &PublicKey,
) -> Result<(), SignatureError> {
    if document.manifest().checksum.is_none() {
        return Err(SignatureError::NothingToBind);
    }
    let decoded = Decoded::from_signature(signature)?;
    if decoded.key_id == key.key_id() && decoded.holds(document, key) {
        Ok(())
    } else {
        Err(SignatureError::Invalid { key_id: key.key_id() })
    }
}

/// The key that is said to have signed a manifest, if the signature is well formed: a hint, never proof.
///
/// # Errors
/// There is a signature, but its form or method is wrong, or the manifest has no checksum that it could bind.
pub fn signing_key_id(document: &Document) -> Result<Option<KeyId>, SignatureError> {
    let manifest = document.manifest();
    match &manifest.signature {
        None => Ok(None),
        Some(_) if manifest.checksum.is_none() => Err(SignatureError::NothingToBind),
        Some(signature) => Decoded::from_signature(signature).map(|decoded| Some(decoded.key_id)),
    }
}

/// Why a signature does not speak for a manifest.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum SignatureError {
    /// There is none.
    #[error("it is not signed")]
    Missing,
    /// There is none where there must be one: somebody may have taken it away.
    #[error("it is not signed, but {because}")]
    Stripped {
        /// Why it should be.
        because: ExpectedSigned,
    },
    /// Not an Ed25519 signature in form.
    #[error("malformed signature: {fault}")]
    Malformed {
        /// What is wrong with it.
        fault: &'static str,
    },
    /// A signature method that is not known here.
    #[error("signature method `{}` is not supported; ed25519 is", method.escape_debug())]
    UnsupportedMethod {
        /// The method as named, cut after 80 characters.
        method: String,
    },
    /// The manifest has no checksum, so that a signature covers none of the plugin's files.
    #[error("malformed signature: the manifest has no checksum that it could bind")]
    NothingToBind,
    /// The named key did not make it: the manifest was edited after signing, or another key signed.
    #[error("the signature does not match: key {key_id} did not sign this manifest")]
    Invalid {
        /// The key.
        key_id: KeyId,
    },
    /// The manifest has no canonical form.
    #[error("the manifest has no canonical JSON form")]
    NotCanonical {
        /// What the encoder says.
        source: Arc<serde_json::Error>,
    },
}

/// Why an unsigned plugin is expected to be signed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ExpectedSigned {
    /// Its id lies under a prefix of a trusted publisher.
    Publisher {
        /// The publisher.
        name: String,
    },
    /// A plugin of this id was signed before.
    SignedBefore,
    /// Another find of the same id is signed.
    SignedSibling,
}

impl std::fmt::Display for ExpectedSigned {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Publisher { name } => write!(f, "its id belongs to the publisher `{name}`"),
            Self::SignedBefore => f.write_str("a plugin of this id was signed before"),
            Self::SignedSibling => f.write_str("another plugin of this id is signed"),
        }
    }
}

impl SignatureError {
    /// The stable error code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Missing => "SignatureMissing",
            Self::Stripped { .. } => "SignatureStripped",
            Self::Malformed { .. } => "MalformedSignature",
            Self::UnsupportedMethod { .. } => "UnsupportedAlgorithm",
            Self::NothingToBind => "MissingChecksum",
            Self::Invalid { .. } | Self::NotCanonical { .. } => "SignatureInvalid",
        }
    }

    /// What the reader can do about it.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Missing | Self::Stripped { .. } => {
                "get the signed package from its publisher; an author signs with: apex package DIR --sign KEY".into()
            }
            Self::NothingToBind => "fill in the checksum first: apex package DIR --sign KEY".into(),
            Self::Malformed { .. } | Self::UnsupportedMethod { .. } | Self::Invalid { .. } => {
                "get the package from its publisher again; an author signs anew with: apex sign PATH --key KEY".into()
            }
            Self::NotCanonical { .. } => return None,
        })
    }
}
