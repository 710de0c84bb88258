//! A version that crashes again and again soon after it became active gives way to the one before it.

use std::sync::Arc;

use apex_install::{Change, Consent, Ledger};
use apex_meta::PluginVersion;

use super::{UpdateError, UpdateOptions};
use crate::{event::Event, instances::InstanceKey, manager::Inner};

impl Inner {
    /// Goes back to the version before, if this one is on probation and was just put into quarantine.
    pub(crate) fn end_probation(self: &Arc<Self>, key: &InstanceKey, crashes: &str) {
        match self.fall_back(key, crashes) {
            Ok(Some(to)) => {
                let (plugin, from) = (key.id.clone(), key.version.clone());
                tracing::warn!(%plugin, %from, %to, "a new version crashed too often, and the one before it is back");
                self.events.send(Event::RolledBack { plugin, from, to, crashes: crashes.to_owned() });
            }
            Ok(None) => {}
            Err(error) => {
                let (plugin, version) = (&key.id, &key.version);
                tracing::error!(%plugin, %version, error = &error as &dyn std::error::Error, "no way back to the version before");
            }
        }
    }

    fn fall_back(self: &Arc<Self>, key: &InstanceKey, crashes: &str) -> Result<Option<PluginVersion>, UpdateError> {
        let Some(store) = self.installed.store() else { return Ok(None) };
        let ledger = store.ledger()?;
        if !self.is_on_probation(&ledger, key) {
            return Ok(None);
        }
        let because = format!("it crashed too often soon after the update: {crashes}");
        let plan = self.plan_rollback(&key.id, None, &because)?;
        let to = plan.steps.first().and_then(|step| step.to.clone());
        let (consent, drain) = (Consent::to_all(), super::switch::UNATTENDED_DRAIN);
        self.switch(&plan, &UpdateOptions { consent, drain, ..UpdateOptions::default() })?;
        Ok(to)
    }

    /// Whether the last thing that happened to a plugin is an update to this version, not long ago.
    fn is_on_probation(&self, ledger: &Ledger, key: &InstanceKey) -> bool {
        let Some(record) = ledger.get(&key.id).filter(|record| record.active.as_ref() == Some(&key.version)) else {
            return false;
        };
        let is_same = record.active_tree().is_some_and(|tree| Some(tree.digest) == key.digest);
        let last = record.history.last().filter(|last| last.what == Change::Update);
        let age = last.and_then(|last| (self.settings.clock)().duration_since(last.at.to_system_time()).ok());
        is_same && last.is_some() && age.is_none_or(|age| age <= self.settings.probation)
    }
}
