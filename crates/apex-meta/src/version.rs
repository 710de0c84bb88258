//! Plugin versions: SemVer 2.0.0 with bounded numbers and the standard's precedence.

use std::{
    cmp::Ordering,
    fmt,
    hash::{Hash, Hasher},
    str::FromStr,
};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::member;

/// A plugin's version after [SemVer 2.0.0](https://semver.org/spec/v2.0.0.html), each number at most 999,999,999.
///
/// Two versions that differ only in build metadata are the same version: equality, order and hash follow the
/// standard's precedence (section 11), unlike those of [`semver::Version`]. The text, with its build metadata, is kept.
///
/// ```
/// use apex_meta::PluginVersion;
/// let one: PluginVersion = "1.0.0+linux".parse().unwrap();
/// assert_eq!(one, "1.0.0".parse().unwrap());
/// assert_eq!(one.to_string(), "1.0.0+linux");
/// ```
#[derive(Clone)]
pub struct PluginVersion(semver::Version);

impl PluginVersion {
    /// The largest major, minor or patch number.
    pub const MAX_NUMBER: u64 = 999_999_999;

    /// The longest version, in bytes: it has to fit the name of a file.
    pub const MAX_BYTES: usize = 128;

    /// A version that is known to be short enough.
    fn within_range(version: semver::Version) -> Result<Self, InvalidVersion> {
        for (name, number) in [("major", version.major), ("minor", version.minor), ("patch", version.patch)] {
            if number > Self::MAX_NUMBER {
                return Err(InvalidVersion::OutOfRange { version: version.to_string(), name, number });
            }
        }
        Ok(Self(version))
    }

    pub(crate) const fn new_const(major: u64, minor: u64, patch: u64) -> Self {
        Self(semver::Version::new(major, minor, patch))
    }

    /// The parsed version.
    pub fn as_semver(&self) -> &semver::Version {
        &self.0
    }

    /// Whether the first number that is not 0, with those before it, is the same in both: then SemVer lets nothing that
    /// worked break on the way from the lower to the higher one.
    ///
    /// ```
    /// use apex_meta::PluginVersion;
    /// let version = |text: &str| text.parse::<PluginVersion>().unwrap();
    /// assert!(version("1.0.0").is_same_major(&version("1.9.0")));
    /// assert!(!version("0.1.0").is_same_major(&version("0.2.0")));
    /// ```
    pub fn is_same_major(&self, other: &Self) -> bool {
        let numbers = |version: &semver::Version| match (version.major, version.minor) {
            (0, 0) => (0, 0, version.patch),
            (0, minor) => (0, minor, 0),
            (major, _) => (major, 0, 0),
        };
        numbers(&self.0) == numbers(&other.0)
    }

    /// Whether this is a pre-release, such as `1.0.0-rc.1`.
    pub fn is_prerelease(&self) -> bool {
        !self.0.pre.is_empty()
    }
}

impl TryFrom<semver::Version> for PluginVersion {
    type Error = InvalidVersion;

    fn try_from(version: semver::Version) -> Result<Self, InvalidVersion> {
        match version.to_string().len() {
            bytes if bytes > Self::MAX_BYTES => Err(InvalidVersion::TooLong { bytes }),
            _ => Self::within_range(version),
        }
    }
}

impl FromStr for PluginVersion {
    type Err = InvalidVersion;

    fn from_str(text: &str) -> Result<Self, InvalidVersion> {
        if text.len() > Self::MAX_BYTES {
            return Err(InvalidVersion::TooLong { bytes: text.len() });
        }
        let version = semver::Version::parse(text).map_err(|source| {
            huge_number(text).unwrap_or_else(|| InvalidVersion::Syntax { version: text.to_owned(), source })
        })?;
        Self::within_range(version)
    }
}

/// A number that does not even fit 64 bits is out of range like any other large one, not a mistake in writing.
fn huge_number(text: &str) -> Option<InvalidVersion> {
    let core = text.split(['-', '+']).next()?;
    let numbers: Vec<_> = core.split('.').collect();
    let is_number = |text: &&str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if numbers.len() != 3 || !numbers.iter().all(is_number) {
        return None;
    }
    let (name, _) = ["major", "minor", "patch"]
        .into_iter()
        .zip(numbers)
        .find(|(_, number)| number.len() > 20 || number.parse::<u64>().is_err())?;
    Some(InvalidVersion::OutOfRange { version: text.to_owned(), name, number: u64::MAX })
}

impl PartialEq for PluginVersion {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for PluginVersion {}

impl PartialOrd for PluginVersion {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for PluginVersion {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.cmp_precedence(&other.0)
    }
}

impl Hash for PluginVersion {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.0.major, self.0.minor, self.0.patch, &self.0.pre).hash(state);
    }
}

impl fmt::Display for PluginVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for PluginVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PluginVersion({})", self.0)
    }
}

impl Serialize for PluginVersion {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for PluginVersion {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        member::parsed(deserializer)
    }
}

/// Why a text is not a plugin version.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidVersion {
    /// The text is not SemVer 2.0.0.
    #[error("`{}` is not a version after SemVer 2.0.0 (such as 1.2.3 or 2.0.0-rc.1)", version.escape_debug())]
    Syntax {
        /// The text as given.
        version: String,
        /// What the parser says.
        source: semver::Error,
    },
    /// A number is larger than [`PluginVersion::MAX_NUMBER`], which would block every later update.
    #[error("the {name} number of version {version} is too large, at most {} is allowed", PluginVersion::MAX_NUMBER)]
    OutOfRange {
        /// The version as given.
        version: String,
        /// `major`, `minor` or `patch`.
        name: &'static str,
        /// The number found; the largest of 64 bits if it is larger still.
        number: u64,
    },
    /// Longer than [`PluginVersion::MAX_BYTES`].
    #[error("a version has at most {} bytes, this one has {bytes}", PluginVersion::MAX_BYTES)]
    TooLong {
        /// The length found, in bytes.
        bytes: usize,
    },
}

impl InvalidVersion {
    /// The stable error code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Syntax { .. } | Self::TooLong { .. } => "InvalidVersion",
            Self::OutOfRange { .. } => "VersionOutOfRange",
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::PluginVersion;

    fn version(text: &str) -> PluginVersion {
        text.parse().unwrap_or_else(|error| panic!("{error}"))
    }

    /// R1.4, attack row 65
    #[test]
    fn numbers_are_bounded_and_anything_but_semver_is_refused() {
        for good in ["0.0.0", "1.2.3", "999999999.999999999.999999999", "1.0.0-rc.1+b.01", "1.0.0--", "1.0.0-0a"] {
            assert_eq!(version(good).to_string(), good);
        }
        for (bad, code) in [
            ("1000000000.0.0", "VersionOutOfRange"),
            ("0.0.1000000000", "VersionOutOfRange"),
            ("18446744073709551615.0.0", "VersionOutOfRange"),
            ("0.18446744073709551616.0-rc.1", "VersionOutOfRange"),
            ("99999999999999999999999999999.0.0+b", "VersionOutOfRange"),
            ("", "InvalidVersion"),
            ("1", "InvalidVersion"),
            ("1.2", "InvalidVersion"),
            ("v1.2.3", "InvalidVersion"),
            ("01.2.3", "InvalidVersion"),
            ("1.2.3-", "InvalidVersion"),
            ("1.2.3-01", "InvalidVersion"),
            ("1.2.3 ", "InvalidVersion"),
            ("1.2.3.4", "InvalidVersion"),
            ("../1.2.3", "InvalidVersion"),
            ("1.2.3-ä", "InvalidVersion"),
        ] {
            assert_eq!(bad.parse::<PluginVersion>().unwrap_err().code(), code, "{bad}");
        }
        assert!(format!("1.0.0+{}", "a".repeat(122)).parse::<PluginVersion>().is_ok());
        assert_eq!(format!("1.0.0+{}", "a".repeat(123)).parse::<PluginVersion>().unwrap_err().code(), "InvalidVersion");
    }

    /// SemVer 2.0.0, section 11
    #[test]
    fn order_is_precedence() {
        let ascending = [
            "0.9.9",
            "1.0.0-0",
            "1.0.0-1",
            "1.0.0-10",
            "1.0.0-alpha",
            "1.0.0-alpha.1",
            "1.0.0-alpha.beta",
            "1.0.0-beta",
            "1.0.0-beta.2",
            "1.0.0-beta.11",
            "1.0.0-rc.1",
            "1.0.0",
            "1.0.1",
            "1.2.0",
            "1.10.0",
            "2.0.0",
        ];
        for pair in ascending.windows(2) {
            assert!(version(pair[0]) < version(pair[1]), "{pair:?}");
        }
    }

    #[test]
    fn versions_that_differ_in_build_metadata_alone_are_the_same() {
        let same: HashSet<_> = ["1.0.0", "1.0.0+a", "1.0.0+b"].map(version).into();
        assert_eq!(same.len(), 1);
        assert!(version("1.0.0-rc.1").is_prerelease() && !version("1.0.0+rc.1").is_prerelease());
    }

    proptest! {
        #[test]
        fn whatever_parses_prints_and_agrees_with_semver(text in "[0-9]{1,10}\\.[0-9]{1,2}\\.[0-9]{1,2}(-[0-9a-z.-]{0,5})?(\\+[0-9a-z.-]{0,5})?") {
            let (ours, theirs) = (text.parse::<PluginVersion>(), semver::Version::parse(&text));
            match (ours, theirs) {
                (Ok(ours), Ok(theirs)) => {
                    prop_assert_eq!(ours.to_string(), text);
                    prop_assert_eq!(ours.as_semver(), &theirs);
                }
                (Err(error), Ok(theirs)) => {
                    prop_assert_eq!(error.code(), "VersionOutOfRange");
                    prop_assert!(theirs.major > PluginVersion::MAX_NUMBER);
                }
                (ours, theirs) => prop_assert!(ours.is_err() && theirs.is_err()),
            }
        }

        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,150}") {
            _ = text.parse::<PluginVersion>().map_err(|error| error.to_string());
        }
    }
}
