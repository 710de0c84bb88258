//! How far an update has come.

use std::fmt;

use apex_meta::Reason;

/// How far the replacement of one version by another has come, for whoever watches it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum UpdateStage {
    /// The new version was accepted; the calls under way of the old one are waited for.
    Draining,
    /// The old one's state is carried over to the new one, on copies.
    Migrating,
    /// The new one is started, and asked for its health.
    Checking,
    /// The new one is active.
    Done,
    /// Nothing was changed: the old one goes on.
    Failed(Reason),
}

impl UpdateStage {
    /// The name in lower case.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Draining => "draining",
            Self::Migrating => "migrating",
            Self::Checking => "checking",
            Self::Done => "done",
            Self::Failed(_) => "failed",
        }
    }
}

impl fmt::Display for UpdateStage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
