//! Private keys behind a passphrase: PKCS#8 in PBES2 (RFC 8018), as OpenSSL reads and writes them.

use ed25519_dalek::pkcs8::{DecodePrivateKey, EncodePrivateKey, KeypairBytes};
use getrandom::SysRng;
use pkcs8::{
    EncryptedPrivateKeyInfoRef, PrivateKeyInfoRef, SecretDocument,
    der::pem::{LineEnding, PemLabel},
    pkcs5::{EncryptionScheme, pbes2::Kdf},
};
use zeroize::Zeroizing;

use super::{KeyError, Passphrase};

/// How much work and memory an encrypted key may ask for before it opens; its file says what it asks.
///
/// The default is more than any tool asks for, so that only a file made to keep a program busy is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DecryptionEffort {
    /// Rounds of PBKDF2, each of which costs about half a microsecond.
    pub pbkdf2_rounds: u32,
    /// Memory for scrypt, in bytes.
    pub scrypt_bytes: u64,
}

impl Default for DecryptionEffort {
    fn default() -> Self {
        Self { pbkdf2_rounds: 20_000_000, scrypt_bytes: 1 << 30 }
    }
}

/// Encrypts a key pair with scrypt and AES-256-CBC.
pub(super) fn to_pem(pair: &KeypairBytes, passphrase: &Passphrase) -> Result<Zeroizing<String>, KeyError> {
    let malformed = || KeyError::MalformedKey { fault: "the key cannot be encoded as encrypted PKCS#8" };
    let der = pair.to_pkcs8_der().map_err(|_| malformed())?;
    let info = PrivateKeyInfoRef::try_from(der.as_bytes()).map_err(|_| malformed())?;
    let encrypted = info.encrypt_with_rng(&mut SysRng, passphrase.as_bytes()).map_err(|_| malformed())?;
    encrypted.to_pem(EncryptedPrivateKeyInfoRef::PEM_LABEL, LineEnding::LF).map_err(|_| malformed())
}

/// Whether a PEM says of itself that it is encrypted.
pub(super) fn is_encrypted(pem: &str) -> bool {
    pem.contains("BEGIN ENCRYPTED PRIVATE KEY")
}

/// Why an encrypted key does not open.
pub(super) enum Closed {
    /// It is not an Ed25519 key in a form that is known here.
    Malformed(&'static str),
    /// The passphrase is wrong, or the file is damaged: nothing tells the two apart.
    Refused,
}

pub(super) fn from_pem(pem: &str, passphrase: &Passphrase, effort: DecryptionEffort) -> Result<KeypairBytes, Closed> {
    let malformed = || Closed::Malformed("the file does not hold an encrypted private key as PKCS#8 PEM");
    let (label, document) = SecretDocument::from_pem(pem).map_err(|_| malformed())?;
    EncryptedPrivateKeyInfoRef::validate_pem_label(label).map_err(|_| malformed())?;
    let info = EncryptedPrivateKeyInfoRef::try_from(document.as_bytes())
        .map_err(|_| Closed::Malformed("its encryption is not PBES2"))?;
    check_effort(&info.encryption_algorithm, effort)?;
    let opened = info.decrypt(passphrase.as_bytes()).map_err(|error| match error {
        pkcs8::Error::EncryptedPrivateKey(
            pkcs8::pkcs5::Error::UnsupportedAlgorithm { .. } | pkcs8::pkcs5::Error::AlgorithmParametersInvalid { .. },
        ) => Closed::Malformed("its encryption is neither AES with PBKDF2 over SHA-2 nor AES with scrypt"),
        _ => Closed::Refused,
    })?;
    KeypairBytes::from_pkcs8_der(opened.as_bytes())
        .map_err(|_| Closed::Malformed("what it protects is not an Ed25519 private key"))
}

/// Refuses what would keep this program busy, or its memory full, for a long time.
fn check_effort(scheme: &EncryptionScheme, effort: DecryptionEffort) -> Result<(), Closed> {
    let EncryptionScheme::Pbes2(parameters) = scheme else {
        return Err(Closed::Malformed("its encryption is not PBES2"));
    };
    let is_bearable = match &parameters.kdf {
        Kdf::Pbkdf2(pbkdf2) => pbkdf2.iteration_count <= effort.pbkdf2_rounds,
        Kdf::Scrypt(scrypt) => {
            let memory = scrypt.cost_parameter.saturating_mul(128).saturating_mul(scrypt.block_size.into());
            memory.saturating_mul(scrypt.parallelization.into()) <= effort.scrypt_bytes
        }
        _ => false,
    };
    match is_bearable {
        true => Ok(()),
        false => Err(Closed::Malformed("to open it would take more time or memory than is allowed")),
    }
}
