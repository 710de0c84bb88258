//! Plugin ids: dot-separated labels such as `com.acme.greeter`.

use std::{fmt, str::FromStr, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::member;

/// A plugin's machine-readable identifier, 1 to 128 bytes of dot-separated ASCII labels.
///
/// Each label matches `[A-Za-z0-9][A-Za-z0-9_-]*`, so an id is safe as one path segment on every platform that
/// apex-plugins knows. Ids compare byte by byte; two ids that differ only in case are a conflict that discovery
/// reports, see [`PluginId::eq_ignore_case`].
///
/// ```
/// use apex_meta::PluginId;
/// let id: PluginId = "com.acme.greeter".parse().unwrap();
/// assert!(id.is_under("com.acme"));
/// assert!("../x".parse::<PluginId>().is_err());
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PluginId(Arc<str>);

impl PluginId {
    /// The longest id, in bytes.
    pub const MAX_BYTES: usize = 128;

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether two ids are equal but for ASCII case.
    pub fn eq_ignore_case(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }

    /// The key under which ids that differ only in ASCII case collide.
    pub fn case_folded(&self) -> String {
        self.0.to_ascii_lowercase()
    }

    /// The id with its ASCII case folded; the same text, where there is nothing to fold.
    ///
    /// ```
    /// use apex_meta::PluginId;
    /// let id: PluginId = "Com.Acme.x".parse().unwrap();
    /// assert_eq!(id.folded().as_str(), "com.acme.x");
    /// ```
    #[must_use]
    pub fn folded(&self) -> Self {
        if self.0.bytes().any(|byte| byte.is_ascii_uppercase()) {
            Self(self.case_folded().into())
        } else {
            self.clone()
        }
    }

    /// Whether the id lies under a prefix of whole labels, ignoring ASCII case.
    ///
    /// `com.acme` covers `com.acme` and `Com.Acme.x`, not `com.acmeevil`.
    pub fn is_under(&self, prefix: &str) -> bool {
        let (id, prefix) = (self.0.as_bytes(), prefix.as_bytes());
        id.len() >= prefix.len()
            && id[..prefix.len()].eq_ignore_ascii_case(prefix)
            && (id.len() == prefix.len() || id[prefix.len()] == b'.')
    }
}

impl FromStr for PluginId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        if text.is_empty() {
            return Err(InvalidId::Empty);
        }
        if text.len() > Self::MAX_BYTES {
            return Err(InvalidId::TooLong { bytes: text.len() });
        }
        let mut offset = 0;
        for label in text.as_bytes().split(|byte| *byte == b'.') {
            check_label(text, label, offset)?;
            offset += label.len() + 1;
        }
        Ok(Self(text.into()))
    }
}

fn check_label(text: &str, label: &[u8], offset: usize) -> Result<(), InvalidId> {
    let is_allowed = |(at, byte): (usize, &u8)| byte.is_ascii_alphanumeric() || (at > 0 && matches!(byte, b'_' | b'-'));
    if label.is_empty() {
        return Err(InvalidId::EmptyLabel { id: text.to_owned(), offset });
    }
    let Some(at) = label.iter().enumerate().position(|byte| !is_allowed(byte)) else { return Ok(()) };
    // All before it is ASCII, so that a character begins here.
    let found = text.get(offset + at..).and_then(|rest| rest.chars().next()).unwrap_or_default();
    Err(InvalidId::Character { id: text.to_owned(), offset: offset + at, found })
}

impl fmt::Display for PluginId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for PluginId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PluginId({})", self.0)
    }
}

impl Serialize for PluginId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for PluginId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        member::parsed(deserializer)
    }
}

/// Why a text is not a plugin id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidId {
    /// The text is empty.
    #[error("a plugin id must not be empty")]
    Empty,
    /// The text is longer than [`PluginId::MAX_BYTES`].
    #[error("a plugin id has at most {} bytes, this one has {bytes}", PluginId::MAX_BYTES)]
    TooLong {
        /// The length found, in bytes.
        bytes: usize,
    },
    /// Two dots follow each other, or a dot stands first or last.
    #[error("plugin id `{}` has an empty label at byte {offset}", id.escape_debug())]
    EmptyLabel {
        /// The text as given.
        id: String,
        /// Where the label should start, in bytes.
        offset: usize,
    },
    /// A character that the place does not allow.
    #[error("plugin id `{}` has {found:?} at byte {offset}; labels are letters, digits, `_` and `-`, and start with a letter or digit", id.escape_debug())]
    Character {
        /// The text as given.
        id: String,
        /// Where the character stands, in bytes.
        offset: usize,
        /// The character.
        found: char,
    },
}

impl InvalidId {
    /// The stable error code.
    pub const CODE: &'static str = "InvalidId";
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{InvalidId, PluginId};

    /// R1.3, attack row 73
    #[test]
    fn an_id_is_safe_as_one_segment_of_a_path() {
        for good in ["a", "0", "com.acme.greeter", "A-b_c.9", "test_plugin", &"a".repeat(128)] {
            assert_eq!(good.parse::<PluginId>().map(|id| id.to_string()).as_deref(), Ok(good));
        }
        for bad in [
            "", ".", "..", "../x", "a/b", "a\\b", "a..b", ".a", "a.", "-a", "_a", "a.-b", "a b", "a\0", "ä", "a:b",
            "a\n",
        ] {
            assert!(bad.parse::<PluginId>().is_err(), "{bad:?}");
        }
        assert_eq!("a".repeat(129).parse::<PluginId>(), Err(InvalidId::TooLong { bytes: 129 }));
        let error = "com.ac me".parse::<PluginId>();
        assert_eq!(error, Err(InvalidId::Character { id: "com.ac me".into(), offset: 6, found: ' ' }));
        let error = "com.a€".parse::<PluginId>();
        assert_eq!(error, Err(InvalidId::Character { id: "com.a€".into(), offset: 5, found: '€' }));
    }

    #[test]
    fn a_prefix_covers_whole_labels_whatever_their_case() {
        let is_under = |id: &str, prefix: &str| id.parse::<PluginId>().is_ok_and(|id| id.is_under(prefix));
        assert!(is_under("com.acme", "com.acme") && is_under("Com.Acme.x", "com.acme"));
        assert!(
            !is_under("com.acmeevil", "com.acme") && !is_under("com", "com.acme") && !is_under("xcom.acme", "com.acme")
        );
    }

    proptest! {
        #[test]
        fn whatever_parses_has_the_form_and_prints_as_it_was(text in "[A-Za-z0-9._/ -]{0,20}") {
            let well_formed = !text.is_empty() && text.split('.').all(|label| {
                label.starts_with(|c: char| c.is_ascii_alphanumeric()) && label.chars().all(|c| c.is_ascii_alphanumeric() || "_-".contains(c))
            });
            let parsed = text.parse::<PluginId>();
            prop_assert_eq!(parsed.is_ok(), well_formed);
            if let Ok(id) = parsed {
                prop_assert_eq!(id.to_string(), text);
            }
        }

        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,200}") {
            _ = text.parse::<PluginId>().map_err(|error| error.to_string());
        }
    }
}
