//! For whom a state is kept: everybody, one tenant, or one user.

use std::{fmt, str::FromStr, sync::Arc};

use apex_meta::{CallContext, StateScope};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// For whom a state is kept.
///
/// In JSON it is an object of names: `{}` is global, `{"tenant": "t"}` and `{"user": "u"}` are what they say, and
/// `{"tenant": "t", "user": "u"}` is a user of a tenant, who is somebody else than the user `u` of no tenant.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(from = "ScopeNames", into = "ScopeNames")]
pub enum Scope {
    /// One state for everybody.
    #[default]
    Global,
    /// One state for each tenant.
    Tenant(ScopeName),
    /// One state for each user.
    User {
        /// The tenant that the user belongs to, in an installation that serves several.
        tenant: Option<ScopeName>,
        /// The user.
        user: ScopeName,
    },
}

impl Scope {
    /// The scope that a plugin asks for, with the names of those whom the call is made for.
    ///
    /// # Errors
    /// When the context names no tenant or user where one is asked for, or a name that is empty or too long.
    pub fn of(asked: StateScope, context: &CallContext) -> Result<Self, InvalidScope> {
        let named = |name: &Option<String>| name.as_deref().map(ScopeName::new).transpose();
        let missing = InvalidScope::Unnamed { asked };
        match asked {
            StateScope::Global => Ok(Self::Global),
            StateScope::Tenant => Ok(Self::Tenant(named(&context.tenant)?.ok_or(missing)?)),
            StateScope::User => {
                Ok(Self::User { tenant: named(&context.tenant)?, user: named(&context.user)?.ok_or(missing)? })
            }
        }
    }

    /// Whether this is [`Scope::Global`].
    pub fn is_global(&self) -> bool {
        matches!(self, Self::Global)
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Global => f.write_str("global"),
            Self::Tenant(tenant) => write!(f, "tenant {tenant}"),
            Self::User { tenant: None, user } => write!(f, "user {user}"),
            Self::User { tenant: Some(tenant), user } => write!(f, "user {user} of tenant {tenant}"),
        }
    }
}

/// The shape of a scope in JSON.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ScopeNames {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tenant: Option<ScopeName>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    user: Option<ScopeName>,
}

impl From<ScopeNames> for Scope {
    fn from(names: ScopeNames) -> Self {
        match names {
            ScopeNames { tenant, user: Some(user) } => Self::User { tenant, user },
            ScopeNames { tenant: Some(tenant), user: None } => Self::Tenant(tenant),
            ScopeNames { tenant: None, user: None } => Self::Global,
        }
    }
}

impl From<Scope> for ScopeNames {
    fn from(scope: Scope) -> Self {
        match scope {
            Scope::Global => Self { tenant: None, user: None },
            Scope::Tenant(tenant) => Self { tenant: Some(tenant), user: None },
            Scope::User { tenant, user } => Self { tenant, user: Some(user) },
        }
    }
}

/// The name of a tenant or user, 1 to 512 bytes of any text.
///
/// Names compare byte by byte. They need not be fit for file names: stores encode them.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ScopeName(Arc<str>);

impl ScopeName {
    /// The longest name, in bytes.
    pub const MAX_BYTES: usize = 512;

    /// Takes a text as a name.
    ///
    /// # Errors
    /// When the text is empty or longer than [`ScopeName::MAX_BYTES`].
    pub fn new(text: &str) -> Result<Self, InvalidScope> {
        match text.len() {
            0 => Err(InvalidScope::Empty),
            1..=Self::MAX_BYTES => Ok(Self(text.into())),
            bytes => Err(InvalidScope::TooLong { bytes }),
        }
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ScopeName {
    type Err = InvalidScope;

    fn from_str(text: &str) -> Result<Self, InvalidScope> {
        Self::new(text)
    }
}

impl fmt::Display for ScopeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Names come from elsewhere: what they hold must not steer a terminal.
        write!(f, "`{}`", self.0.escape_debug())
    }
}

impl fmt::Debug for ScopeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl Serialize for ScopeName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for ScopeName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(&String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

/// Why there is no such scope.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidScope {
    /// The name is empty.
    #[error("the name of a tenant or user must not be empty")]
    Empty,
    /// The name is longer than [`ScopeName::MAX_BYTES`].
    #[error("the name of a tenant or user has at most {} bytes, this one has {bytes}", ScopeName::MAX_BYTES)]
    TooLong {
        /// The length found, in bytes.
        bytes: usize,
    },
    /// The call is made for nobody of this kind.
    #[error("state of scope `{asked}` is asked for, but the call context names no {asked}")]
    Unnamed {
        /// What was asked for.
        asked: StateScope,
    },
}

impl InvalidScope {
    /// The stable error code.
    pub fn code(&self) -> &'static str {
        "InvalidScope"
    }

    /// What the reader can do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Unnamed { asked } => Some(format!("set `{asked}` in the call context, or keep the state globally")),
            Self::Empty | Self::TooLong { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

    use serde_json::json;

    use super::*;

    fn context(tenant: Option<&str>, user: Option<&str>) -> CallContext {
        let owned = |name: Option<&str>| name.map(str::to_owned);
        CallContext { tenant: owned(tenant), user: owned(user), ..CallContext::default() }
    }

    #[test]
    fn the_names_of_a_scope_come_from_the_call_context() {
        // R7.6, R6.15
        let both = context(Some("acme"), Some("ada"));
        assert_eq!(Scope::of(StateScope::Global, &both), Ok(Scope::Global));
        assert_eq!(Scope::of(StateScope::Tenant, &both), Ok(Scope::Tenant("acme".parse().unwrap())));
        let user = "ada".parse().unwrap();
        assert_eq!(Scope::of(StateScope::User, &both), Ok(Scope::User { tenant: Some("acme".parse().unwrap()), user }));
    }

    #[test]
    fn a_call_for_nobody_has_no_tenant_or_user_state() {
        let nobody = context(None, None);
        for asked in [StateScope::Tenant, StateScope::User] {
            assert_eq!(Scope::of(asked, &nobody), Err(InvalidScope::Unnamed { asked }));
        }
        assert_eq!(Scope::of(StateScope::User, &context(None, Some(""))), Err(InvalidScope::Empty));
        let long = "x".repeat(ScopeName::MAX_BYTES + 1);
        assert_eq!(
            Scope::of(StateScope::Tenant, &context(Some(&long), None)),
            Err(InvalidScope::TooLong { bytes: 513 })
        );
    }

    #[test]
    fn scopes_are_objects_of_names_in_json() {
        let table = [
            (Scope::Global, json!({})),
            (Scope::Tenant("t".parse().unwrap()), json!({"tenant": "t"})),
            (Scope::User { tenant: None, user: "u".parse().unwrap() }, json!({"user": "u"})),
            (
                Scope::User { tenant: Some("t".parse().unwrap()), user: "u".parse().unwrap() },
                json!({"tenant": "t", "user": "u"}),
            ),
        ];
        for (scope, value) in table {
            assert_eq!(serde_json::to_value(&scope).unwrap(), value);
            assert_eq!(serde_json::from_value::<Scope>(value).unwrap(), scope);
        }
        assert!(serde_json::from_value::<Scope>(json!({"plugin": "com.acme.other"})).is_err());
    }
}
