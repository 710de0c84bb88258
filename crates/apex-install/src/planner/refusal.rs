//! Why a plan cannot be made, by the error that says most.

use apex_meta::PluginId;
use apex_resolve::{Request, Unsolvable};

use super::Planner;
use crate::{InstallError, Mismatch, Republished, Seen, offer::Offer};

impl Planner<'_> {
    /// That a lock names something with other files than are to be had has an error of its own.
    pub(super) fn check_locked(&self, plugin: &PluginId) -> Result<(), InstallError> {
        let Some(locked) = self.lock.as_ref().and_then(|lock| lock.get(plugin)) else { return Ok(()) };
        let offers = self.offers.get(plugin).map_or(&[] as &[_], Vec::as_slice);
        if offers.iter().any(|offer| self.locks(offer)) {
            return Ok(());
        }
        match offers.iter().find(|offer| offer.version == locked.version) {
            Some(offer) => Err(InstallError::Mismatch(Box::new(Mismatch {
                plugin: plugin.clone(),
                version: locked.version.clone(),
                announced_by: "the lock",
                what: if offer.digest == locked.digest { "manifest" } else { "digest" },
                expected: if offer.digest == locked.digest { locked.manifest } else { locked.digest }.to_string(),
                found: if offer.digest == locked.digest { offer.manifest } else { offer.digest }.to_string(),
            }))),
            None => Ok(()),
        }
    }

    /// The error that says most about why a request fails.
    pub(super) fn refusal(&self, error: Unsolvable, requests: &[Request]) -> InstallError {
        for request in requests {
            if let Err(mismatch) = self.check_locked(&request.plugin) {
                return mismatch;
            }
        }
        let Unsolvable::Request(none) = &error else { return error.into() };
        let plugin = &none.explanation().plugin;
        let offer = none.nearest().and_then(|nearest| self.offers.get(plugin)?.get(nearest.index));
        let record = self.ledger.get(plugin);
        match (none.reason().map(|reason| &*reason.code), offer, record) {
            (Some("RollbackRefused"), Some(offer), Some(record)) => InstallError::RollbackRefused {
                plugin: plugin.clone(),
                offered: offer.version.clone(),
                highest: record.highest.clone().unwrap_or_else(|| offer.version.clone()),
            },
            (Some("VersionRepublished"), Some(offer), Some(record)) => match record.seen(&offer.version) {
                Some(seen) => republished(offer, seen),
                None => error.into(),
            },
            _ => error.into(),
        }
    }
}

/// That a version is known with other files or another manifest, whichever differs.
fn republished(offer: &Offer, seen: &Seen) -> InstallError {
    let (known, offered) = match seen.digest == offer.digest {
        true => (seen.manifest, offer.manifest),
        false => (seen.digest, offer.digest),
    };
    let (plugin, version) = (offer.plugin.clone(), offer.version.clone());
    InstallError::VersionRepublished(Box::new(Republished { plugin, version, known, offered }))
}
