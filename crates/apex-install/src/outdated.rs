//! Which installed plugins there are newer versions of, as data.

use apex_meta::{PluginId, PluginVersion, VersionSpecifier};
use serde::Serialize;

use crate::{Index, Ledger, Plan, Source, Update, UpdatePolicy};

/// An installed plugin of which a source has a newer version (R5.1, R5.8).
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Outdated {
    /// The plugin.
    pub id: PluginId,
    /// The version that is active.
    pub installed: PluginVersion,
    /// The version that would go together with all that is installed, if there is a newer one that does.
    pub available: Option<PluginVersion>,
    /// The highest version that a source has.
    pub latest: PluginVersion,
    /// When it is updated unasked.
    pub policy: UpdatePolicy,
    /// The versions that the operator keeps it to.
    pub pin: Option<VersionSpecifier>,
    /// Whether somebody went back from the available version, so that no policy returns to it.
    pub rolled_back: bool,
    /// What the available version would change.
    pub update: Option<Update>,
}

impl Outdated {
    /// Every active plugin that there is a newer version of, by id.
    ///
    /// `plan` is one for the newest versions, and `updates` what it would change.
    pub fn all(ledger: &Ledger, plan: &Plan, updates: &[Update], offered: &[(Source, Index)]) -> Vec<Self> {
        let outdated = ledger.active().filter_map(|(id, tree)| {
            let announced = offered.iter().flat_map(|(_, index)| &index.packages);
            let candidates = announced.filter(|package| package.id == *id && package.yanked.is_none());
            let latest = candidates.map(|package| &package.version).max().filter(|latest| **latest > tree.version)?;
            let available = plan.steps.iter().find(|step| step.plugin == *id).and_then(|step| step.to.clone());
            let record = ledger.get(id)?;
            Some(Self {
                id: id.clone(),
                installed: tree.version.clone(),
                rolled_back: available.as_ref().is_some_and(|version| record.was_rolled_back(version)),
                available,
                latest: latest.clone(),
                policy: ledger.update_policy(id),
                pin: record.pin.clone(),
                update: updates.iter().find(|update| update.plugin == *id).cloned(),
            })
        });
        outdated.collect()
    }

    /// Whether a policy may carry the update out unasked: nothing of it concerns anybody, and nobody went back from it.
    pub fn is_automatic(&self) -> bool {
        !self.rolled_back && self.update.as_ref().is_some_and(|update| update.concerns.is_empty())
    }
}
