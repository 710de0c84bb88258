//! Which offers are no candidates, as far as that can be told before they are verified.

use apex_meta::{PluginId, PluginVersion, Reason, VersionSpecifier};
use apex_trust::PolicyLevel;

use super::Planner;
use crate::offer::Offer;

impl Planner<'_> {
    /// Whether the lock names these very files.
    pub(super) fn locks(&self, offer: &Offer) -> bool {
        let locked = self.lock.as_ref().and_then(|lock| lock.get(&offer.plugin));
        locked.is_some_and(|locked| {
            locked.version == offer.version && locked.digest == offer.digest && locked.manifest == offer.manifest
        })
    }

    /// Why an offer cannot be taken, as far as that can be told before it is verified.
    pub(super) fn exclusion(&self, offer: &Offer) -> Option<Reason> {
        let (plugin, version) = (&offer.plugin, &offer.version);
        let record = self.ledger.get(plugin);
        if self.lock.is_some() && !self.locks(offer) {
            return Some(Reason::new("NotLocked", format!("the lock does not name these files of {plugin} {version}")));
        }
        if let Some(highest) = self.rolled_back(offer) {
            return Some(Reason::new("RollbackRefused", format!("older than {highest}, which was installed before")));
        }
        if let Some(pin) = self.pinned(offer) {
            return Some(Reason::new("Pinned", format!("the operator pinned it to `{pin}`")));
        }
        if offer.is_in_store() {
            return None;
        }
        if let Some(other) = self.namesake(plugin).filter(|other| *other != plugin) {
            return Some(Reason::new("IdCaseConflict", format!("{other} differs from it in case only")));
        }
        if let Some(why) = offer.yanked.as_ref().filter(|_| !self.locks(offer)) {
            return Some(Reason::new("Yanked", format!("its source took it back: {}", why.escape_debug())));
        }
        let seen = record.and_then(|record| record.seen(version));
        if seen.is_some_and(|seen| seen.digest != offer.digest || seen.manifest != offer.manifest) {
            return Some(Reason::new("VersionRepublished", "it was published before with other files"));
        }
        self.distrust(offer)
    }

    /// The plugin of the ledger whose id is equal to this one but for ASCII case.
    fn namesake(&self, plugin: &PluginId) -> Option<&PluginId> {
        self.folded.get(&plugin.case_folded()).copied()
    }

    /// The pin that keeps an offer away; none keeps away what is active.
    fn pinned(&self, offer: &Offer) -> Option<&VersionSpecifier> {
        let record = self.ledger.get(&offer.plugin)?;
        let is_active = record.active.as_ref() == Some(&offer.version);
        record.pin.as_ref().filter(|pin| !is_active && !pin.matches(offer.version.as_semver()))
    }

    /// The version that was installed before an older one that is offered now, unless the operator, or the lock, means it.
    fn rolled_back(&self, offer: &Offer) -> Option<&PluginVersion> {
        let record = self.ledger.get(&offer.plugin)?;
        // Its files may have to be brought back, which are the same by the ledger's word.
        let is_active = record.active.as_ref() == Some(&offer.version);
        let is_meant = is_active || self.allow_downgrade || self.locks(offer);
        record.highest.as_ref().filter(|highest| offer.version < **highest && !is_meant)
    }

    /// Why the policy will refuse an offer that no trusted publisher signed.
    fn distrust(&self, offer: &Offer) -> Option<Reason> {
        if offer.publisher.is_some() {
            return None;
        }
        if self.trust.is_denied(&offer.digest) {
            return Some(Reason::new("DigestDenied", "its digest is denied"));
        }
        if offer.is_signed {
            return Some(Reason::new(
                "UntrustedKey",
                "it is signed with a key that no trusted publisher of its id has",
            ));
        }
        let known = self.namesake(&offer.plugin).and_then(|namesake| self.ledger.get(namesake));
        let was_signed = known.is_some_and(|record| record.ever_signed);
        if was_signed || self.trust.publisher_of_id(&offer.plugin).is_some() {
            return Some(Reason::new("SignatureStripped", "it is not signed, although its id is a publisher's"));
        }
        let is_strict = self.policy.level() == PolicyLevel::Strict;
        is_strict.then(|| Reason::new("SignatureMissing", "it is not signed, and the policy is strict"))
    }
}
