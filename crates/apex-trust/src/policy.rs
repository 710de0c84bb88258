//! What the operator demands of plugins, and what is remembered of earlier ones.

use std::{fmt, str::FromStr};

use apex_meta::{Digest, PluginId};

use crate::KeyId;

/// How much proof a plugin must bring.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum PolicyLevel {
    /// Only plugins that a trusted publisher signed are ready.
    Strict,
    /// Unsigned plugins whose checksum holds are ready too, in a child process and with a warning, unless their id
    /// should be signed.
    #[default]
    Standard,
}

impl PolicyLevel {
    /// The name as written on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Strict => "strict",
            Self::Standard => "standard",
        }
    }
}

impl fmt::Display for PolicyLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for PolicyLevel {
    type Err = UnknownPolicyLevel;

    fn from_str(text: &str) -> Result<Self, UnknownPolicyLevel> {
        match text {
            "strict" => Ok(Self::Strict),
            "standard" => Ok(Self::Standard),
            _ => Err(UnknownPolicyLevel { text: text.chars().take(80).collect() }),
        }
    }
}

/// A text that names no [`PolicyLevel`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is not a policy; expected strict or standard", text.escape_debug())]
pub struct UnknownPolicyLevel {
    /// The text, cut after 80 characters.
    pub text: String,
}

/// The operator's policy, a named value, so that every place that loosens it can be searched for.
///
/// | outcome | strict | standard | in a development root, at either level |
/// |---|---|---|---|
/// | signed by a trusted key, id under the publisher's prefix, checksum holds | ready | ready | ready |
/// | checksum holds, no signature, id under no publisher's prefix | blocked | child, warning | child, warning |
/// | no checksum, no signature | blocked | blocked | child, warning |
/// | no signature, but one is expected | blocked | blocked | child, warning |
/// | signature by an unknown key | blocked | blocked | child, warning |
/// | checksum mismatch | blocked | blocked | child, warning |
/// | signature invalid, key revoked or out of its time, digest denied, id outside the prefix | blocked | blocked | blocked |
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Policy {
    level: PolicyLevel,
}

impl Policy {
    /// The policy of a level.
    pub const fn new(level: PolicyLevel) -> Self {
        Self { level }
    }

    /// Only what a trusted publisher signed.
    pub const fn strict() -> Self {
        Self::new(PolicyLevel::Strict)
    }

    /// The default.
    pub const fn standard() -> Self {
        Self::new(PolicyLevel::Standard)
    }

    /// The level.
    pub const fn level(self) -> PolicyLevel {
        self.level
    }
}

impl From<PolicyLevel> for Policy {
    fn from(level: PolicyLevel) -> Self {
        Self::new(level)
    }
}

/// What is remembered of plugins that were seen before.
pub trait History: Send + Sync {
    /// Whether a plugin of this id was ever accepted with a publisher's signature.
    fn ever_signed(&self, id: &PluginId) -> bool;

    /// Whether these very files were accepted with a signature of this key while the key was valid.
    ///
    /// It lets what runs go on when a key expires, and nothing new in.
    fn verified_while_valid(&self, digest: &Digest, key: &KeyId) -> bool;
}

/// No memory of anything.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoHistory;

impl History for NoHistory {
    fn ever_signed(&self, _id: &PluginId) -> bool {
        false
    }

    fn verified_while_valid(&self, _digest: &Digest, _key: &KeyId) -> bool {
        false
    }
}
