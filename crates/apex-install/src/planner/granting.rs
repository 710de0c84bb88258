//! What the operator grants with a plan, and whether a lock agrees with what is granted then.

use std::collections::{BTreeMap, BTreeSet};

use apex_meta::{Owner, Permission, PluginId};
use apex_trust::Grants;

use super::Planner;
use crate::{GrantsDiffer, InstallError, Locked, Plan, PlannedGrant, ledger::owner};

impl Planner<'_> {
    /// Adds to a plan what is granted with it, and to each step what of its permissions that leaves out.
    pub(super) fn with_grants(&self, mut plan: Plan) -> Result<Plan, InstallError> {
        let mut all = self.grants.clone();
        for (plugin, permission) in &self.granting {
            let absent =
                || InstallError::NotInstalled { what: format!("plugin `{plugin}`, which is to be granted something,") };
            let owner = self.owner_afterwards(&plan, plugin).ok_or_else(absent)?;
            if all.grant(plugin.clone(), owner.clone(), permission.clone()) {
                let asked = self.asked_afterwards(&plan, plugin).iter().any(|asked| permission.meet(asked).is_some());
                let (plugin, permission) = (plugin.clone(), permission.clone());
                plan.grants.push(PlannedGrant { plugin, owner, permission, asked });
            }
        }
        for step in plan.steps.iter_mut().filter(|step| step.to.is_some()) {
            let Some(digest) = step.digest else { continue };
            let granted = all.of(&step.plugin, &owner(step.publisher.as_deref(), digest));
            step.granted = granted.cloned().collect();
            let is_granted = |asked: &Permission| step.granted.iter().any(|granted| granted.covers(asked));
            step.not_granted = read(&step.permissions).filter(|asked| !is_granted(asked)).collect();
        }
        match self.lock.as_ref().map(|lock| self.differences(lock, &plan, &all)) {
            Some(differences) if !differences.is_empty() => Err(InstallError::GrantsDiffer(differences)),
            _ => Ok(plan),
        }
    }

    /// Where a lock names other grants than there would be; of plugins that would be active, and of none else.
    fn differences(&self, lock: &BTreeMap<PluginId, Locked>, plan: &Plan, all: &Grants) -> Vec<GrantsDiffer> {
        let differs = |locked: &Locked| {
            let owner = self.owner_afterwards(plan, &locked.id)?;
            let granted: BTreeSet<_> = all.of(&locked.id, &owner).cloned().collect();
            let missing: Vec<_> = locked.grants.difference(&granted).cloned().collect();
            let surplus: Vec<_> = granted.difference(&locked.grants).cloned().collect();
            let differs = GrantsDiffer { plugin: locked.id.clone(), missing, surplus };
            (!differs.missing.is_empty() || !differs.surplus.is_empty()).then_some(differs)
        };
        lock.values().filter_map(differs).collect()
    }

    /// What a plugin of the store asks for once a plan was carried out.
    fn asked_afterwards(&self, plan: &Plan, plugin: &PluginId) -> Vec<Permission> {
        if let Some(step) = plan.steps.iter().find(|step| step.plugin == *plugin) {
            return read(&step.permissions).collect();
        }
        let active = self.ledger.get(plugin).and_then(|record| record.active.as_ref());
        let mut offers = self.offers.get(plugin).into_iter().flatten();
        let offer = offers.find(|offer| offer.is_in_store() && Some(&offer.version) == active);
        offer.map(|offer| read(&offer.permissions).collect()).unwrap_or_default()
    }

    /// To whom a plugin of the store belongs once a plan was carried out; nobody, if it is not active then.
    fn owner_afterwards(&self, plan: &Plan, plugin: &PluginId) -> Option<Owner> {
        let is_switched = |step: &&crate::Step| step.plugin == *plugin;
        match plan.steps.iter().find(is_switched) {
            Some(step) => step.to.as_ref().and(step.digest).map(|digest| owner(step.publisher.as_deref(), digest)),
            None => self.ledger.get(plugin)?.active_tree().map(crate::Installed::owner),
        }
    }
}

/// What the texts of a manifest ask for; what this release does not know is never granted, and for `check` to tell.
fn read(texts: &[String]) -> impl Iterator<Item = Permission> {
    texts.iter().filter_map(|text| Permission::named(text).ok()).flatten()
}
