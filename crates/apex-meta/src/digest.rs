//! Digests as they stand in manifests, deny lists and locks.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// A hash function that a digest can be taken with; both give 32 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DigestAlgorithm {
    /// [BLAKE3](https://github.com/BLAKE3-team/BLAKE3-specs), the default.
    #[default]
    Blake3,
    /// SHA-256 after FIPS 180-4.
    Sha256,
}

impl DigestAlgorithm {
    /// The name as written in manifests, in lower case.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Blake3 => "blake3",
            Self::Sha256 => "sha256",
        }
    }
}

impl fmt::Display for DigestAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for DigestAlgorithm {
    type Err = InvalidDigest;

    fn from_str(text: &str) -> Result<Self, InvalidDigest> {
        match text {
            "blake3" => Ok(Self::Blake3),
            "sha256" => Ok(Self::Sha256),
            _ => Err(InvalidDigest::UnsupportedAlgorithm { name: text.to_owned() }),
        }
    }
}

/// An algorithm and 32 bytes, written `blake3:<64 lower-case hex digits>`.
///
/// In a manifest's `checksum` it stands as `{"algorithm": "blake3", "value": "<hex>"}`, which is also its serde form.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest {
    algorithm: DigestAlgorithm,
    bytes: [u8; 32],
}

impl Digest {
    /// A digest from the raw output of its hash function.
    pub const fn new(algorithm: DigestAlgorithm, bytes: [u8; 32]) -> Self {
        Self { algorithm, bytes }
    }

    /// Parses the two members of a manifest's `checksum`.
    ///
    /// # Errors
    /// The algorithm is unknown, or the value is not exactly 64 lower-case hexadecimal digits.
    pub fn from_parts(algorithm: &str, hex: &str) -> Result<Self, InvalidDigest> {
        let algorithm = algorithm.parse()?;
        let malformed = || InvalidDigest::Malformed { value: hex.chars().take(80).collect() };
        let digits = hex.as_bytes();
        if digits.len() != 64 {
            return Err(malformed());
        }
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            let (high, low) = (hex_digit(pair[0]), hex_digit(pair[1]));
            *byte = high.zip(low).map(|(high, low)| high << 4 | low).ok_or_else(malformed)?;
        }
        Ok(Self { algorithm, bytes })
    }

    /// The hash function.
    pub const fn algorithm(&self) -> DigestAlgorithm {
        self.algorithm
    }

    /// The raw output of the hash function.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.bytes
    }

    /// The output as 64 lower-case hexadecimal digits.
    pub fn to_hex(&self) -> String {
        self.bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

fn hex_digit(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.algorithm, self.to_hex())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({self})")
    }
}

impl FromStr for Digest {
    type Err = InvalidDigest;

    fn from_str(text: &str) -> Result<Self, InvalidDigest> {
        let (algorithm, hex) =
            text.split_once(':').ok_or_else(|| InvalidDigest::Malformed { value: text.chars().take(80).collect() })?;
        Self::from_parts(algorithm, hex)
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Parts {
    algorithm: String,
    value: String,
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Parts { algorithm: self.algorithm.to_string(), value: self.to_hex() }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Parts { algorithm, value } = crate::member::from_object(deserializer)?;
        Self::from_parts(&algorithm, &value).map_err(D::Error::custom)
    }
}

/// Why a checksum is not one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidDigest {
    /// The algorithm is neither `blake3` nor `sha256`.
    #[error("digest algorithm `{}` is not supported; use blake3 or sha256", name.escape_debug())]
    UnsupportedAlgorithm {
        /// The name found.
        name: String,
    },
    /// The value is not 64 lower-case hexadecimal digits.
    #[error("expected a digest of 64 lower-case hexadecimal digits, found {}", shown(value))]
    Malformed {
        /// The value found, cut after 80 characters.
        value: String,
    },
}

fn shown(value: &str) -> String {
    if value.is_empty() { "an empty string".to_owned() } else { format!("`{}`", value.escape_debug()) }
}

impl InvalidDigest {
    /// The stable error code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::UnsupportedAlgorithm { .. } => "UnsupportedAlgorithm",
            Self::Malformed { .. } => "MalformedChecksum",
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

    use proptest::prelude::*;
    use serde_json::json;

    use super::{Digest, DigestAlgorithm};

    /// Attack rows 7 and 8
    #[test]
    fn only_known_algorithms_and_64_lower_case_digits_are_taken() {
        let zeros = "0".repeat(64);
        assert!(Digest::from_parts("blake3", &zeros).is_ok() && Digest::from_parts("sha256", &zeros).is_ok());
        for algorithm in ["md5", "BLAKE3", "sha-256", "", "sha512"] {
            assert_eq!(
                Digest::from_parts(algorithm, &zeros).unwrap_err().code(),
                "UnsupportedAlgorithm",
                "{algorithm}"
            );
        }
        for value in [
            "",
            "0",
            &"A".repeat(64),
            &"0".repeat(63),
            &"0".repeat(65),
            &"g".repeat(64),
            &"ä".repeat(32),
            &format!("{} ", "0".repeat(63)),
        ] {
            assert_eq!(Digest::from_parts("blake3", value).unwrap_err().code(), "MalformedChecksum", "{value}");
        }
        assert_eq!("blake3".parse::<Digest>().unwrap_err().code(), "MalformedChecksum");
    }

    #[test]
    fn its_json_is_an_object_of_two_members_and_nothing_else() {
        let digest = Digest::new(DigestAlgorithm::Sha256, [0xab; 32]);
        let json = json!({"algorithm": "sha256", "value": "ab".repeat(32)});
        assert_eq!(serde_json::to_value(digest).unwrap(), json);
        assert_eq!(serde_json::from_value::<Digest>(json).unwrap(), digest);
        for other in [
            json!(["sha256", "ab".repeat(32)]),
            json!({"algorithm": "sha256", "value": "ab".repeat(32), "x": 1}),
            json!(null),
        ] {
            assert!(serde_json::from_value::<Digest>(other).is_err());
        }
    }

    proptest! {
        #[test]
        fn it_prints_and_parses_to_the_same(bytes in any::<[u8; 32]>(), sha in any::<bool>()) {
            let digest = Digest::new(if sha { DigestAlgorithm::Sha256 } else { DigestAlgorithm::Blake3 }, bytes);
            prop_assert_eq!(digest.to_string().parse::<Digest>().unwrap(), digest);
            prop_assert_eq!(Digest::from_parts(digest.algorithm().as_str(), &digest.to_hex()).unwrap(), digest);
        }

        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,80}") {
            _ = text.parse::<Digest>().map_err(|error| error.to_string());
        }
    }
}
