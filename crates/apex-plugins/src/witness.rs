//! What this manager saw itself: which ids were signed, and what was verified while its key was valid.

use std::{
    collections::BTreeSet,
    sync::{Arc, PoisonError, RwLock},
};

use apex_meta::{Digest, PluginId};
use apex_trust::{History, KeyId, Verified};

/// The host's history, and what was seen since the manager was built: so an expiring key never ends what runs.
pub(crate) struct Witness {
    earlier: Arc<dyn History>,
    seen: RwLock<Seen>,
}

#[derive(Default)]
struct Seen {
    signed: BTreeSet<String>,
    verified: BTreeSet<(Digest, KeyId)>,
}

impl Witness {
    pub(crate) fn new(earlier: Arc<dyn History>) -> Self {
        Self { earlier, seen: RwLock::default() }
    }

    /// Remembers a plugin that was accepted.
    pub(crate) fn saw(&self, verified: &Verified) {
        let Some((digest, key)) = verified.digest().zip(verified.key_id()) else { return };
        let mut seen = self.seen.write().unwrap_or_else(PoisonError::into_inner);
        seen.signed.insert(verified.id().case_folded());
        seen.verified.insert((*digest, *key));
    }
}

impl History for Witness {
    fn ever_signed(&self, id: &PluginId) -> bool {
        let seen = || self.seen.read().unwrap_or_else(PoisonError::into_inner).signed.contains(&id.case_folded());
        self.earlier.ever_signed(id) || seen()
    }

    fn verified_while_valid(&self, digest: &Digest, key: &KeyId) -> bool {
        let seen = || self.seen.read().unwrap_or_else(PoisonError::into_inner).verified.contains(&(*digest, *key));
        self.earlier.verified_while_valid(digest, key) || seen()
    }
}
