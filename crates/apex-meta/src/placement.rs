//! Where a plugin's code runs.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Where a plugin's code runs, from the tightest to the loosest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Placement {
    /// In a sandboxed child process of its own; the default.
    Process,
    /// Inside the host's process: only for publishers trusted with it.
    InProcess,
    /// Linked into the host program by its builder.
    Linked,
}

impl Placement {
    /// The name as written in the trust store and on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Process => "process",
            Self::InProcess => "in-process",
            Self::Linked => "linked",
        }
    }
}

impl fmt::Display for Placement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
