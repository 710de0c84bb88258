//! Facts that can be kept from one run of a program to the next.

use apex_meta::Digest;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use super::{Examination, examination::SignatureFact};
use crate::{KeyId, LibraryError, TreePath};

/// The facts of an [`Examination`] in a form for a cache, with any format of serde.
///
/// Only what lasts is kept: the faults of a tree or a library may lie outside the plugin's files, such as rights, and
/// are looked for again each time. It holds no verdict, and nothing is loaded on the strength of it:
/// [`Verifier::judge`](crate::Verifier::judge) applies trust store, policy and clock anew, and
/// [`Verifier::verify`](crate::Verifier::verify) does not take facts at all but reads the files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredExamination {
    #[serde(with = "as_bytes")]
    digest: Digest,
    library: StoredLibrary,
    signature: StoredSignature,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
enum StoredLibrary {
    /// Where it is.
    Found(#[serde(serialize_with = "as_text", deserialize_with = "from_text")] TreePath),
    /// The places where it is not.
    Missing(Vec<String>),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
enum StoredSignature {
    Absent,
    Unfit,
    Unknown,
    Checked {
        #[serde(serialize_with = "as_text", deserialize_with = "from_text")]
        key_id: KeyId,
        holds: bool,
    },
}

impl Examination {
    /// The facts in a form for a cache; none, if they may change while the plugin's files stay the same.
    pub fn to_stored(&self) -> Option<StoredExamination> {
        let library = match self.library() {
            Ok(path) => StoredLibrary::Found(path.clone()),
            Err(LibraryError::LibraryMissing { expected }) => StoredLibrary::Missing(expected.clone()),
            Err(_) => return None,
        };
        let signature = match *self.signature() {
            SignatureFact::Absent => StoredSignature::Absent,
            SignatureFact::Unfit => StoredSignature::Unfit,
            SignatureFact::Unknown => StoredSignature::Unknown,
            SignatureFact::Checked { key_id, holds } => StoredSignature::Checked { key_id, holds },
        };
        Some(StoredExamination { digest: *self.digest().ok()?, library, signature })
    }
}

impl From<StoredExamination> for Examination {
    fn from(StoredExamination { digest, library, signature }: StoredExamination) -> Self {
        let library = match library {
            StoredLibrary::Found(path) => Ok(path),
            StoredLibrary::Missing(expected) => Err(LibraryError::LibraryMissing { expected }),
        };
        let signature = match signature {
            StoredSignature::Absent => SignatureFact::Absent,
            StoredSignature::Unfit => SignatureFact::Unfit,
            StoredSignature::Unknown => SignatureFact::Unknown,
            StoredSignature::Checked { key_id, holds } => SignatureFact::Checked { key_id, holds },
        };
        Self::new(Ok(digest), library, signature)
    }
}

/// As text where people read it, else as algorithm and bytes, which are read without a look at each.
mod as_bytes {
    use apex_meta::{Digest, DigestAlgorithm};
    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer};

    pub(super) fn serialize<S: Serializer>(digest: &Digest, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            return super::as_text(digest, serializer);
        }
        (digest.algorithm(), *digest.as_bytes()).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Digest, D::Error> {
        if deserializer.is_human_readable() {
            return super::from_text(deserializer);
        }
        let (algorithm, bytes) = <(DigestAlgorithm, [u8; 32])>::deserialize(deserializer)?;
        Ok(Digest::new(algorithm, bytes))
    }
}

/// As text, which every format has and which is checked on the way back.
fn as_text<S: Serializer>(value: &impl std::fmt::Display, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

fn from_text<'de, D: Deserializer<'de>, T>(deserializer: D) -> Result<T, D::Error>
where
    T: std::str::FromStr<Err: std::fmt::Display>,
{
    String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
}
