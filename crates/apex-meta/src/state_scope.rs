//! For whom a plugin keeps state.

use std::{fmt, str::FromStr};

/// For whom a plugin asks to keep state.
///
/// A plugin names the kind only: tenant and user come from the call, so that it cannot reach those of others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum StateScope {
    /// One state for everybody.
    #[default]
    Global,
    /// One state for each tenant.
    Tenant,
    /// One state for each user.
    User,
}

impl StateScope {
    /// The name that crosses the boundary.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Global => "global",
            Self::Tenant => "tenant",
            Self::User => "user",
        }
    }
}

impl fmt::Display for StateScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for StateScope {
    type Err = UnknownStateScope;

    fn from_str(text: &str) -> Result<Self, UnknownStateScope> {
        [Self::Global, Self::Tenant, Self::User]
            .into_iter()
            .find(|scope| scope.as_str() == text)
            .ok_or_else(|| UnknownStateScope { text: text.chars().take(80).collect() })
    }
}

/// A text that names no scope.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is not a scope of state: `global`, `tenant` or `user`", text.escape_debug())]
pub struct UnknownStateScope {
    text: String,
}
