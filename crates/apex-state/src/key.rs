//! Which state: of which plugin, which version, for whom, and on whose word.

use std::fmt;

use apex_meta::{Owner, PluginId, PluginVersion};

use crate::Scope;

/// Names one state.
///
/// The host makes keys; a plugin never does, so it cannot name another plugin's state.
///
/// ```
/// use apex_state::{Scope, StateKey};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let key = StateKey::new("com.acme.counter".parse()?, "1.0.2".parse()?)
///     .with_scope(Scope::Tenant("acme".parse()?));
/// assert_eq!(key.to_string(), "com.acme.counter 1.0.2 (tenant `acme`)");
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StateKey {
    /// The plugin.
    pub plugin: PluginId,
    /// Its version; each has a state of its own. Build metadata does not count.
    pub version: PluginVersion,
    /// For whom the state is kept.
    pub scope: Scope,
    /// To whom the state belongs; `None` if the host does not bind states to what it verified.
    pub owner: Option<Owner>,
}

impl StateKey {
    /// The global state of a plugin's version, bound to nobody.
    pub fn new(plugin: PluginId, version: PluginVersion) -> Self {
        Self { plugin, version, scope: Scope::Global, owner: None }
    }

    /// The same for another scope.
    #[must_use]
    pub fn with_scope(mut self, scope: Scope) -> Self {
        self.scope = scope;
        self
    }

    /// The same bound to an owner.
    #[must_use]
    pub fn with_owner(mut self, owner: Owner) -> Self {
        self.owner = Some(owner);
        self
    }

    /// Whether both name the same place, whoever owns it.
    pub(crate) fn is_same_place(&self, other: &Self) -> bool {
        (&self.plugin, &self.version, &self.scope) == (&other.plugin, &other.version, &other.scope)
    }
}

impl fmt::Display for StateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.plugin, self.version)?;
        if self.scope.is_global() { Ok(()) } else { write!(f, " ({})", self.scope) }
    }
}
