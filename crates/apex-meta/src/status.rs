//! The five outcomes of discovery.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What became of a find: every one ends in exactly one of these.
///
/// The order is the precedence: what is invalid is not also blocked, what is blocked is not also disabled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Its `plugin.json` or layout has faults.
    Invalid,
    /// A check of trust, policy or fitness failed; the reason names it.
    Blocked,
    /// Another find of the same id and version takes its place.
    Shadowed,
    /// Fit to run, but switched off by its manifest or by the operator.
    Disabled,
    /// Fit to run.
    Ready,
}

impl Status {
    /// The name as shown by `apex list`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Invalid => "invalid",
            Self::Blocked => "blocked",
            Self::Shadowed => "shadowed",
            Self::Disabled => "disabled",
            Self::Ready => "ready",
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
