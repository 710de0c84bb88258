//! When updates are carried out, and to which versions: the operator's standing word, kept in the ledger.

use std::{fmt, str::FromStr};

use apex_meta::{PluginId, VersionSpecifier};
use serde::{Deserialize, Serialize};

use crate::{Done, InstallError, Ledger, Record, Store};

/// When an update that needs nobody's agreement is carried out without being asked for (R5.2).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UpdatePolicy {
    /// Never.
    #[default]
    Manual,
    /// When a host starts.
    OnRestart,
    /// As soon as a host learns of it.
    Immediate,
}

impl UpdatePolicy {
    /// Every policy.
    pub const ALL: [Self; 3] = [Self::Manual, Self::OnRestart, Self::Immediate];

    /// The name, as in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Manual => "manual",
            Self::OnRestart => "on-restart",
            Self::Immediate => "immediate",
        }
    }
}

impl fmt::Display for UpdatePolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for UpdatePolicy {
    type Err = UnknownUpdatePolicy;

    fn from_str(text: &str) -> Result<Self, UnknownUpdatePolicy> {
        Self::ALL.into_iter().find(|policy| policy.as_str() == text).ok_or_else(|| UnknownUpdatePolicy(text.to_owned()))
    }
}

/// A text that names no update policy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is none of the update policies manual, on-restart and immediate", .0.escape_debug())]
pub struct UnknownUpdatePolicy(String);

impl Ledger {
    /// The policy for a plugin: its own, else the one for all.
    pub fn update_policy(&self, plugin: &PluginId) -> UpdatePolicy {
        let own = self.get(plugin).and_then(|record| record.update_policy);
        own.or(self.update_policy_of_all()).unwrap_or_default()
    }
}

impl Store {
    /// Sets when a plugin is updated, or all that have no policy of their own; none takes the word back.
    ///
    /// # Errors
    /// The plugin was never installed; the disk fails. The store is then as it was.
    pub fn set_update_policy(
        &self,
        plugin: Option<&PluginId>,
        policy: Option<UpdatePolicy>,
    ) -> Result<Done, InstallError> {
        self.note_in_ledger(|ledger| {
            match plugin {
                Some(plugin) => known(ledger, plugin)?.update_policy = policy,
                None => ledger.set_update_policy_of_all(policy),
            }
            Ok(())
        })
    }

    /// Keeps a plugin to the versions that satisfy a specifier, in every later plan; none lets it go where it likes.
    ///
    /// What is active stays so, whether the specifier has it or not.
    ///
    /// # Errors
    /// The plugin was never installed; the disk fails. The store is then as it was.
    pub fn pin(&self, plugin: &PluginId, versions: Option<VersionSpecifier>) -> Result<Done, InstallError> {
        self.note_in_ledger(|ledger| {
            known(ledger, plugin)?.pin = versions;
            Ok(())
        })
    }
}

fn known<'a>(ledger: &'a mut Ledger, plugin: &PluginId) -> Result<&'a mut Record, InstallError> {
    match ledger.get(plugin).is_some_and(|record| record.active.is_some()) {
        true => Ok(ledger.record_mut(plugin)),
        false => Err(InstallError::NotInstalled { what: format!("plugin `{plugin}`") }),
    }
}
