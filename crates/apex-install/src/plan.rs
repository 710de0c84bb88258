//! Plans: what would be done to a store, as data.

use std::path::PathBuf;

use apex_meta::{Digest, Owner, Permission, PluginId, PluginVersion};
use apex_resolve::LeftOut;
use apex_trust::Grants;
use serde::Serialize;

use crate::strict;

/// What would be done to a store; nothing is done by making one.
///
/// It holds for the ledger that it was made from: a store that was changed since refuses it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Plan {
    /// The ledger's generation that it was made from.
    pub generation: u64,
    /// What would be done, in this order; dependencies come before what needs them.
    pub steps: Vec<Step>,
    /// Optional dependencies that are not installed.
    pub left_out: Vec<LeftOut>,
    /// Plugins that depend on each other in a circle.
    pub cycles: Vec<Vec<PluginId>>,
    /// The plugins that somebody asks for, and that were only there because others need them, or not at all.
    pub requested: Vec<PluginId>,
    /// What the operator grants with it, as far as it was not granted before.
    pub grants: Vec<PlannedGrant>,
}

/// A permission that the operator grants with a plan.
///
/// Carrying the plan out notes it in the ledger; what counts are the [`Grants`], which
/// [`Plan::grant`] adds it to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct PlannedGrant {
    /// The plugin.
    pub plugin: PluginId,
    /// To whose plugin of this id.
    pub owner: Owner,
    /// The permission.
    pub permission: Permission,
    /// Whether the version that is active then asks for it: what nobody asks for has no effect.
    pub asked: bool,
}

impl Plan {
    /// Whether nothing would be done.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty() && self.requested.is_empty() && self.grants.is_empty()
    }

    /// Grants what the operator grants with the plan; for once it was carried out, so that nothing is granted by one that
    /// fails.
    pub fn grant(&self, grants: &mut Grants) {
        for PlannedGrant { plugin, owner, permission, .. } in &self.grants {
            grants.grant(plugin.clone(), owner.clone(), permission.clone());
        }
    }

    /// How many bytes of packages would be read.
    pub fn bytes(&self) -> u64 {
        self.steps.iter().map(|step| step.bytes).sum()
    }
}

/// One thing that would be done.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Step {
    /// What.
    pub action: Action,
    /// With which plugin.
    pub plugin: PluginId,
    /// The version that is active before, if any.
    pub from: Option<PluginVersion>,
    /// The version that is active afterwards, if any.
    pub to: Option<PluginVersion>,
    /// The digest of its files, if it is to be installed.
    #[serde(with = "strict::optional_text")]
    pub digest: Option<Digest>,
    /// The BLAKE3 hash of its manifest as it is signed, if it is to be installed.
    #[serde(skip)]
    pub manifest: Option<Digest>,
    /// The trusted publisher who signed it, as far as is known before it is verified.
    pub publisher: Option<String>,
    /// The permissions that it asks for.
    pub permissions: Vec<String>,
    /// What is granted to whom it belongs to, with what the plan grants.
    pub granted: Vec<Permission>,
    /// What it asks for, and is not granted.
    pub not_granted: Vec<Permission>,
    /// The package that it comes from; none if its tree is in the store already.
    pub package: Option<PathBuf>,
    /// The source that offers the package; none if a file was named.
    pub source: Option<String>,
    /// The length of the package, in bytes.
    pub bytes: u64,
    /// Why, in words.
    pub because: String,
}

/// What a step does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Action {
    /// Installs a plugin of which no version is active.
    Install,
    /// Installs a higher version than the active one.
    Update,
    /// Makes a lower version active than was active before, on the operator's word.
    Downgrade,
    /// Brings the files of the active version back, which are missing or were changed.
    Reinstall,
    /// Makes a version active whose tree is in the store, and that is not lower than those that were active before.
    Activate,
    /// Removes a plugin.
    Remove,
}

impl Action {
    /// The name in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Install => "install",
            Self::Update => "update",
            Self::Downgrade => "downgrade",
            Self::Reinstall => "reinstall",
            Self::Activate => "activate",
            Self::Remove => "remove",
        }
    }
}
