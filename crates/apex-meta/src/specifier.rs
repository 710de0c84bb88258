//! Version specifiers: which versions of a plugin will do.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// Which versions of a plugin will do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionSpecifier(String);

impl VersionSpecifier {
    /// Whether the version satisfies every clause.
    pub fn matches(&self, version: &semver::Version) -> bool {
        semver::VersionReq::parse(&self.0).is_ok_and(|req| req.matches(version))
    }
}

impl FromStr for VersionSpecifier {
    type Err = InvalidSpecifier;
    fn from_str(text: &str) -> Result<Self, InvalidSpecifier> {
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for VersionSpecifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for VersionSpecifier {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for VersionSpecifier {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// Why a text is not a version specifier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid version specifier: {message}")]
pub struct InvalidSpecifier {
    message: String,
}
