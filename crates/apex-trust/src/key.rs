//! Ed25519 keys: the public half that is trusted, the private half that signs, and the id that names a pair.

use std::{fmt, path::Path, str::FromStr};

use apex_meta::{Document, Signature};
use base64::{Engine, prelude::BASE64_STANDARD};
use ed25519_dalek::{
    Signer,
    pkcs8::{DecodePrivateKey, DecodePublicKey, EncodePrivateKey, KeypairBytes, PublicKeyBytes},
};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::{
    SignatureError,
    signature::{check_signature, signed_payload},
};

mod encrypted;
mod error;
mod file;
mod passphrase;
#[cfg(test)]
mod tests;

pub use encrypted::DecryptionEffort;
pub use error::KeyError;
pub use passphrase::Passphrase;

/// The name of a key: SHA-256 over a label and its 32 public bytes, written as 64 lower-case hexadecimal digits.
///
/// It says which key is meant and proves nothing: verification always uses the key itself.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId([u8; 32]);

impl FromStr for KeyId {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let malformed = || KeyError::MalformedKeyId { text: text.chars().take(80).collect() };
        let digest = apex_meta::Digest::from_parts("sha256", text).map_err(|_| malformed())?;
        Ok(Self(*digest.as_bytes()))
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyId({self})")
    }
}

/// An Ed25519 public key (RFC 8032) in its one canonical encoding, and not of small order.
///
/// ```
/// use apex_trust::PublicKey;
/// let key = PublicKey::from_base64("11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=").unwrap();
/// assert_eq!(key.to_base64(), "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=");
/// assert_eq!(PublicKey::from_bytes(&[0; 32]).unwrap_err().code(), "WeakKey");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct PublicKey(ed25519_dalek::VerifyingKey);

impl PublicKey {
    /// Takes the 32 bytes of a key.
    ///
    /// # Errors
    /// The bytes are not a point of the curve or not its canonical encoding ([`KeyError::MalformedKey`]), or the
    /// point is of small order, so that one signature would fit many messages ([`KeyError::WeakKey`]).
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self, KeyError> {
        let key = ed25519_dalek::VerifyingKey::from_bytes(bytes)
            .map_err(|_| KeyError::MalformedKey { fault: "the bytes are not a point of the curve" })?;
        if key.is_weak() {
            return Err(KeyError::WeakKey);
        }
        // A y of 2^255 - 19 or more stands for a smaller one as well. (Of the other non-canonical encodings, a
        // negative zero x, both points are of small order.)
        if bytes[31] & 0x7f == 0x7f && bytes[1..31].iter().all(|byte| *byte == 0xff) && bytes[0] >= 0xed {
            return Err(KeyError::MalformedKey { fault: "the encoding is not canonical" });
        }
        Ok(Self(key))
    }

    /// Takes a key in standard, padded, canonical Base64 (RFC 4648, section 4).
    ///
    /// # Errors
    /// The text is not Base64 of 32 bytes; otherwise as [`PublicKey::from_bytes`].
    pub fn from_base64(text: &str) -> Result<Self, KeyError> {
        let bytes = BASE64_STANDARD
            .decode(text)
            .map_err(|_| KeyError::MalformedKey { fault: "the text is not standard, padded Base64" })?;
        let bytes = bytes
            .as_slice()
            .try_into()
            .map_err(|_| KeyError::MalformedKey { fault: "an Ed25519 public key has 32 bytes" })?;
        Self::from_bytes(bytes)
    }

    /// Reads a file that holds the key in Base64 on one line, or as PEM of an X.509 `SubjectPublicKeyInfo`
    /// (RFC 8410), as `openssl pkey -pubout` writes it.
    ///
    /// # Errors
    /// The file cannot be read or holds something else, such as a private key.
    pub fn read(path: &Path) -> Result<Self, KeyError> {
        let text = file::read_public(path)?;
        let text = text.trim();
        if text.contains("PRIVATE KEY-----") {
            return Err(KeyError::NotPublic { path: path.to_owned() });
        }
        if text.starts_with("-----BEGIN") {
            let key = PublicKeyBytes::from_public_key_pem(text)
                .map_err(|_| KeyError::MalformedKey { fault: "the PEM does not hold an Ed25519 public key" })?;
            return Self::from_bytes(&key.to_bytes());
        }
        Self::from_base64(text)
    }

    /// Writes the key in Base64 to a new file of mode 0644.
    ///
    /// # Errors
    /// The file exists or cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), KeyError> {
        file::create(path, 0o644, format!("{}\n", self.to_base64()).as_bytes())
    }

    /// The key in standard, padded Base64.
    pub fn to_base64(&self) -> String {
        BASE64_STANDARD.encode(self.0.as_bytes())
    }

    /// The 32 bytes of the key.
    pub fn as_bytes(&self) -> &[u8; 32] {
        self.0.as_bytes()
    }

    /// The key's name.
    pub fn key_id(&self) -> KeyId {
        let hash = Sha256::new().chain_update(b"apex-plugins/key/v1\0ed25519\0").chain_update(self.0.as_bytes());
        KeyId(hash.finalize().into())
    }

    /// The `signature` member for a signature that was made elsewhere, such as by a key management service, over
    /// [`signed_payload`]: 64 bytes, or their standard, padded Base64 as text.
    ///
    /// # Errors
    /// It has another form, this key did not make it over this manifest, or the manifest has no checksum to bind.
    pub fn attest(&self, document: &Document, signature: &[u8]) -> Result<Signature, SignatureError> {
        let text = std::str::from_utf8(signature).ok().filter(|_| signature.len() != 64);
        let signature = Signature {
            method: Signature::ED25519.to_owned(),
            key_id: self.key_id().to_string(),
            value: text.map_or_else(|| BASE64_STANDARD.encode(signature), |text| text.trim().to_owned()),
        };
        check_signature(document, &signature, self)?;
        Ok(signature)
    }

    /// Whether the signature holds, by the strict rules: no small-order or non-canonical points, no cofactor.
    pub(crate) fn verifies(&self, message: &[u8], signature: &[u8; 64]) -> bool {
        self.0.verify_strict(message, &ed25519_dalek::Signature::from_bytes(signature)).is_ok()
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({})", self.to_base64())
    }
}

/// An Ed25519 private key, wiped from memory when it is dropped.
///
/// Only the files that [`SigningKey::write_pem`] and [`SigningKey::write_encrypted_pem`] make, and what it signs, leave
/// this type.
pub struct SigningKey(ed25519_dalek::SigningKey);

impl SigningKey {
    /// Makes a key from the operating system's randomness.
    ///
    /// # Errors
    /// The system has no randomness to give.
    pub fn generate() -> Result<Self, KeyError> {
        let mut seed = Zeroizing::new([0; 32]);
        getrandom::fill(seed.as_mut()).map_err(|source| KeyError::NoRandomness { source })?;
        Ok(Self(ed25519_dalek::SigningKey::from_bytes(&seed)))
    }

    /// Reads a private key from PEM of PKCS#8 (RFC 5958, RFC 8410).
    ///
    /// # Errors
    /// [`KeyError::InsecureKeyFile`] if group or others may read the file or it belongs to somebody else;
    /// [`KeyError::EncryptedKey`] if it is behind a passphrase; [`KeyError::MalformedKey`] if it is not an Ed25519 key.
    pub fn read_pem(path: &Path) -> Result<Self, KeyError> {
        Self::read_pem_with(path, || Err(KeyError::EncryptedKey { path: path.to_owned() }))
    }

    /// [`read_pem`](Self::read_pem), asking for the passphrase if the key is behind one (PKCS#8 in PBES2, RFC 8018).
    ///
    /// # Errors
    /// As [`read_pem`](Self::read_pem); [`KeyError::WrongPassphrase`] if the passphrase does not open it; whatever
    /// `passphrase` ends in.
    pub fn read_pem_with<E: From<KeyError>>(
        path: &Path,
        passphrase: impl FnOnce() -> Result<Passphrase, E>,
    ) -> Result<Self, E> {
        Self::read_pem_within(path, DecryptionEffort::default(), passphrase)
    }

    /// [`read_pem_with`](Self::read_pem_with), refusing a key that asks for more effort than this.
    ///
    /// # Errors
    /// As [`read_pem_with`](Self::read_pem_with); [`KeyError::MalformedKey`] for one that asks for more.
    pub fn read_pem_within<E: From<KeyError>>(
        path: &Path,
        effort: DecryptionEffort,
        passphrase: impl FnOnce() -> Result<Passphrase, E>,
    ) -> Result<Self, E> {
        let text = file::read_private(path)?;
        let pem = text.trim_end();
        let pair = if encrypted::is_encrypted(pem) {
            encrypted::from_pem(pem, &passphrase()?, effort).map_err(|closed| match closed {
                encrypted::Closed::Malformed(fault) => KeyError::MalformedKey { fault },
                encrypted::Closed::Refused => KeyError::WrongPassphrase { path: path.to_owned() },
            })?
        } else {
            KeypairBytes::from_pkcs8_pem(pem).map_err(|_| KeyError::MalformedKey {
                fault: "the file does not hold an Ed25519 private key as PKCS#8 PEM",
            })?
        };
        let key = ed25519_dalek::SigningKey::try_from(&pair)
            .map_err(|_| KeyError::MalformedKey { fault: "its two halves do not belong together" })?;
        Ok(Self(key))
    }

    /// Writes the key to a new file of mode 0600 as PEM of PKCS#8 version 1, which OpenSSL reads as well.
    ///
    /// # Errors
    /// The file exists or cannot be written.
    pub fn write_pem(&self, path: &Path) -> Result<(), KeyError> {
        let pem = self
            .pair()
            .to_pkcs8_pem(ed25519_dalek::pkcs8::spki::der::pem::LineEnding::LF)
            .map_err(|_| KeyError::MalformedKey { fault: "the key cannot be encoded as PKCS#8" })?;
        file::create(path, 0o600, pem.as_bytes())
    }

    /// [`write_pem`](Self::write_pem), behind a passphrase: PBES2 with scrypt and AES-256-CBC, which OpenSSL reads as well.
    ///
    /// # Errors
    /// The file exists or cannot be written, or the system has no randomness to give.
    pub fn write_encrypted_pem(&self, path: &Path, passphrase: &Passphrase) -> Result<(), KeyError> {
        file::create(path, 0o600, encrypted::to_pem(&self.pair(), passphrase)?.as_bytes())
    }

    /// Without the public half: that would make it version 2 (RFC 5958), which OpenSSL 3.0 refuses.
    fn pair(&self) -> KeypairBytes {
        KeypairBytes { secret_key: self.0.to_bytes(), public_key: None }
    }

    /// The public half.
    pub fn public_key(&self) -> PublicKey {
        PublicKey(self.0.verifying_key())
    }

    /// Signs a manifest: everything in it but its `signature` member, the checksum above all.
    ///
    /// # Errors
    /// The manifest has no checksum, so that the signature would not cover the plugin's files.
    pub fn sign(&self, document: &Document) -> Result<Signature, SignatureError> {
        if document.manifest().checksum.is_none() {
            return Err(SignatureError::NothingToBind);
        }
        let signature = self.0.sign(&signed_payload(document)?);
        Ok(Signature {
            method: Signature::ED25519.to_owned(),
            key_id: self.public_key().key_id().to_string(),
            value: BASE64_STANDARD.encode(signature.to_bytes()),
        })
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey(of {:?})", self.public_key())
    }
}
