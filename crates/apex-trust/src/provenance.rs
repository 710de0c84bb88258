//! Where a loaded plugin's trust came from, so that a later trust store can be asked whether it still stands.

use apex_meta::{Digest, PluginId};

use crate::{KeyId, TrustError, TrustStore, Verified, signing_key_id};

/// What the trust in a plugin rests on: its id, the digests of its files, and who signed it with which key.
///
/// It is small and can be kept beside a running instance; [`TrustStore::objection_to`] weighs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provenance {
    id: PluginId,
    digest: Option<Digest>,
    stated_digest: Option<Digest>,
    publisher: Option<String>,
    key_id: Option<KeyId>,
    stated_key_id: Option<KeyId>,
}

impl Provenance {
    /// The plugin's id.
    pub fn id(&self) -> &PluginId {
        &self.id
    }

    /// The digest of the files that were verified; none if trust was assumed.
    pub fn digest(&self) -> Option<&Digest> {
        self.digest.as_ref()
    }

    /// The trusted publisher who signed it, if one did.
    pub fn publisher(&self) -> Option<&str> {
        self.publisher.as_deref()
    }

    /// The publisher's key that signed it, if one did.
    pub fn key_id(&self) -> Option<&KeyId> {
        self.key_id.as_ref()
    }
}

impl Verified {
    /// What the trust in this plugin rests on.
    pub fn provenance(&self) -> Provenance {
        Provenance {
            id: self.id().clone(),
            digest: self.digest().copied(),
            stated_digest: self.manifest().checksum,
            publisher: self.publisher().map(str::to_owned),
            key_id: self.key_id().copied(),
            // A malformed signature names no key that could be revoked.
            stated_key_id: signing_key_id(self.document()).ok().flatten(),
        }
    }
}

impl TrustStore {
    /// Why a plugin that was accepted before, by another state of this store, must not go on running; none, if it may.
    ///
    /// Denied digests and revoked keys always count, also for a plugin whose signature was not needed; so does the
    /// removal of its publisher, of the key that signed it, or of the prefix that covers its id. The end of a key's
    /// time does not: an expiring key stops new acceptance and never a running fleet. What would merely be judged
    /// otherwise today, such as an unsigned plugin whose id now belongs to a publisher, or a placement that became
    /// narrower, counts when it is verified for the next time.
    pub fn objection_to(&self, provenance: &Provenance) -> Option<TrustError> {
        let Provenance { id, digest, stated_digest, publisher, key_id, stated_key_id } = provenance;
        if let Some(digest) = digest.iter().chain(stated_digest).find(|digest| self.is_denied(digest)) {
            return Some(TrustError::DigestDenied { id: id.clone(), digest: *digest });
        }
        if let Some(revoked) = key_id.iter().chain(stated_key_id).find_map(|key_id| self.revocation_of(id, key_id)) {
            return Some(revoked);
        }
        let (publisher, key_id) = (publisher.as_deref()?, (*key_id)?);
        match self.key(&key_id) {
            Some((name, owner, _)) if name == publisher => (!owner.covers(id)).then(|| owner.reaches_not(name, id)),
            // Whoever has the key now, what was granted to the plugin was bound to the publisher of that time.
            _ => Some(TrustError::UntrustedKey { id: id.clone(), key_id }),
        }
    }

    /// That a key is revoked, as the error of a plugin that it signed.
    pub(crate) fn revocation_of(&self, id: &PluginId, key_id: &KeyId) -> Option<TrustError> {
        let (publisher, _, trusted) = self.key(key_id)?;
        trusted.revoked.as_ref().map(|revocation| TrustError::KeyRevoked {
            id: id.clone(),
            publisher: publisher.to_owned(),
            key_id: *key_id,
            at: revocation.at,
            reason: revocation.reason.clone(),
        })
    }
}
