//! The `signature` member of a manifest, as far as its form goes.

use serde::{Deserialize, Deserializer, Serialize};

use crate::member;

/// A detached signature over the canonical manifest without its `signature` member.
///
/// Only the form is known here; `apex-trust` decodes and verifies it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(title = "Signature", deny_unknown_fields))]
#[cfg_attr(
    feature = "schema",
    schemars(
        description = "A detached signature over the canonical manifest without its `signature` member; it needs a `checksum`."
    )
)]
pub struct Signature {
    /// The signature scheme; `ed25519` is the only one.
    #[cfg_attr(feature = "schema", schemars(extend("examples" = ["ed25519"])))]
    pub method: String,
    /// Which key is said to have signed, 64 lower-case hexadecimal digits: a hint, never proof.
    #[cfg_attr(feature = "schema", schemars(extend("examples" = ["21fe31dfa154a261626bf854046fd2271b7bed4b6abe45aa58877ef47f9721b9"])))]
    pub key_id: String,
    /// The signature, 64 bytes in standard, padded, canonical Base64 (RFC 4648, section 4).
    #[cfg_attr(feature = "schema", schemars(extend("examples" = ["5VZDAMNgrHKQhuLMgG6CihSHfxZ80gOwbBzLPPBG8bNcQe3xOgPLbSBDnHqUlhbEFUfEGNkDQRXWA06ybeYNCA=="])))]
    pub value: String,
}

impl Signature {
    /// The only signature scheme: Ed25519 after RFC 8032.
    pub const ED25519: &'static str = "ed25519";
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Members {
    method: String,
    key_id: String,
    value: String,
}

impl<'de> Deserialize<'de> for Signature {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Members { method, key_id, value } = member::from_object(deserializer)?;
        Ok(Self { method, key_id, value })
    }
}
