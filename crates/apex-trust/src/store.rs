//! The trust store: which publishers' keys are trusted for which ids, and what is denied.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use apex_meta::{Digest, Placement, PluginId};

use crate::{KeyId, PublicKey, Timestamp, TrustError};

mod error;
mod file;
mod json;
#[cfg(test)]
mod tests;

pub use error::{KeyFault, PublisherFault, TrustStoreError};

/// Whom the operator trusts: publishers with their keys and id prefixes, denied digests, and project roots.
///
/// It is a value; [`TrustStore::load`] and [`TrustStore::save`] tie it to a file (format `apex-trust/1`), and
/// [`TrustStore::update`] changes that file under a lock.
///
/// ```
/// use apex_meta::Placement;
/// use apex_trust::{SigningKey, TrustStore};
///
/// let key = SigningKey::generate()?.public_key();
/// let mut store = TrustStore::empty();
/// store.add_publisher("acme", key, &["com.acme"], Placement::Process)?;
/// assert!(store.publisher_of_id(&"com.acme.greeter".parse()?).is_some());
/// assert!(store.publisher_of_id(&"com.acmeevil.greeter".parse()?).is_none());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TrustStore {
    version: u64,
    publishers: BTreeMap<String, Publisher>,
    deny: BTreeSet<Digest>,
    roots: Vec<PathBuf>,
    dev_roots: Vec<PathBuf>,
}

/// A publisher that the operator trusts with some ids.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Publisher {
    prefixes: Vec<PluginId>,
    placement: Placement,
    keys: Vec<TrustedKey>,
}

/// A publisher's key with the time that it counts in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustedKey {
    /// The key.
    pub key: PublicKey,
    /// The first second in which it counts; always, if there is none.
    pub not_before: Option<Timestamp>,
    /// The last second in which it counts; for ever, if there is none.
    pub not_after: Option<Timestamp>,
    /// When and why it was revoked, which voids every signature that it ever made.
    pub revoked: Option<Revocation>,
}

/// When and why a key was revoked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revocation {
    /// When the operator revoked it.
    pub at: Timestamp,
    /// Why, for people.
    pub reason: String,
}

impl Publisher {
    /// The ids that it may sign: these and everything below them, in whole labels.
    pub fn prefixes(&self) -> &[PluginId] {
        &self.prefixes
    }

    /// Where its plugins may run at most: [`Placement::Process`] or [`Placement::InProcess`].
    pub fn placement(&self) -> Placement {
        self.placement
    }

    /// Its keys, in the order in which they were added.
    pub fn keys(&self) -> &[TrustedKey] {
        &self.keys
    }

    /// Whether an id lies under one of its prefixes, in whole labels and ignoring ASCII case.
    pub fn covers(&self, id: &PluginId) -> bool {
        self.prefixes.iter().any(|prefix| id.is_under(prefix.as_str()))
    }

    /// That this publisher, of the name given, is not trusted with an id.
    pub(crate) fn reaches_not(&self, name: &str, id: &PluginId) -> TrustError {
        let prefixes = self.prefixes.iter().map(ToString::to_string).collect();
        TrustError::PublisherNotAllowed { id: id.clone(), publisher: name.to_owned(), prefixes }
    }
}

impl TrustStore {
    /// A store that trusts nobody.
    pub fn empty() -> Self {
        Self::default()
    }

    /// Reads a store from its JSON text.
    ///
    /// # Errors
    /// [`TrustStoreError`] with the code `TrustStoreInvalid`: not strict JSON, unknown or missing members, weak or
    /// malformed keys, key ids that do not belong to their keys, or publishers whose prefixes overlap.
    pub fn parse(bytes: &[u8]) -> Result<Self, TrustStoreError> {
        json::parse(bytes)
    }

    /// Reads a store from a file.
    ///
    /// # Errors
    /// The file cannot be read; it or a directory above it belongs to others or can be written by them; otherwise as
    /// [`TrustStore::parse`].
    pub fn load(path: &Path) -> Result<Self, TrustStoreError> {
        file::load(path)
    }

    /// Replaces a file by this store, atomically and with mode 0600, and counts its version up.
    ///
    /// What others saved meanwhile is lost; [`TrustStore::update`] changes a file without losing anything.
    ///
    /// # Errors
    /// The directory cannot be written; the old file is then still there.
    pub fn save(&mut self, path: &Path) -> Result<(), TrustStoreError> {
        let writer = file::lock(path)?;
        file::save(self, path, &writer)
    }

    /// Loads a store, changes it and saves it, while no other `update` of the same file runs.
    ///
    /// A file that is not there counts as an empty store. The lock is a hidden file beside it, `.NAME.lock`.
    ///
    /// # Errors
    /// As [`TrustStore::load`] and [`TrustStore::save`], and whatever the change itself returns; then nothing is saved.
    pub fn update<T, E: From<TrustStoreError>>(
        path: &Path,
        change: impl FnOnce(&mut Self) -> Result<T, E>,
    ) -> Result<T, E> {
        let writer = file::lock(path)?;
        let mut store = match Self::load(path) {
            Err(error) if error.is_not_found() => Self::empty(),
            other => other?,
        };
        let result = change(&mut store)?;
        file::save(&mut store, path, &writer)?;
        Ok(result)
    }

    /// How often the store was saved.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// The publishers with their names, in the order of their names.
    pub fn publishers(&self) -> impl Iterator<Item = (&str, &Publisher)> {
        self.publishers.iter().map(|(name, publisher)| (name.as_str(), publisher))
    }

    /// The publisher of a name.
    pub fn publisher(&self, name: &str) -> Option<&Publisher> {
        self.publishers.get(name)
    }

    /// The publisher that an id is reserved for.
    pub fn publisher_of_id(&self, id: &PluginId) -> Option<(&str, &Publisher)> {
        self.publishers().find(|(_, publisher)| publisher.covers(id))
    }

    /// A key with the publisher that it belongs to.
    pub fn key(&self, id: &KeyId) -> Option<(&str, &Publisher, &TrustedKey)> {
        self.publishers().find_map(|(name, publisher)| {
            let key = publisher.keys.iter().find(|trusted| trusted.key.key_id() == *id)?;
            Some((name, publisher, key))
        })
    }

    /// Trusts a key of a publisher for prefixes of ids, for all time.
    ///
    /// For a publisher that is known already, key and prefixes are added to what it has, and the placement replaces
    /// its old one. Adding the same again changes nothing; a revoked key stays revoked.
    ///
    /// # Errors
    /// The name or a prefix is malformed, a prefix overlaps with another publisher's, the key belongs to another
    /// publisher, or the placement is [`Placement::Linked`].
    pub fn add_publisher(
        &mut self,
        name: &str,
        key: PublicKey,
        prefixes: &[&str],
        placement: Placement,
    ) -> Result<(), TrustStoreError> {
        let invalid = |fault| TrustStoreError::Publisher { name: name.chars().take(80).collect(), fault };
        let mut changed = self.clone();
        let publisher = changed.publishers.entry(name.to_owned()).or_insert_with(|| Publisher {
            prefixes: Vec::new(),
            placement,
            keys: Vec::new(),
        });
        publisher.placement = placement;
        for prefix in prefixes {
            let prefix = prefix.parse().map_err(|source| invalid(PublisherFault::Prefix(source)))?;
            if !publisher.prefixes.contains(&prefix) {
                publisher.prefixes.push(prefix);
            }
        }
        if publisher.keys.iter().all(|trusted| trusted.key != key) {
            publisher.keys.push(TrustedKey { key, not_before: None, not_after: None, revoked: None });
        }
        changed.check()?;
        *self = changed;
        Ok(())
    }

    /// Limits the time that a key counts in.
    ///
    /// # Errors
    /// There is no such key, or its time would end before it begins.
    pub fn set_validity(
        &mut self,
        key: &KeyId,
        not_before: Option<Timestamp>,
        not_after: Option<Timestamp>,
    ) -> Result<(), TrustStoreError> {
        let mut changed = self.clone();
        let trusted = changed.key_mut(key)?;
        (trusted.not_before, trusted.not_after) = (not_before, not_after);
        changed.check()?;
        *self = changed;
        Ok(())
    }

    /// Forgets a publisher; its ids are then free for anybody.
    ///
    /// # Errors
    /// There is no such publisher.
    pub fn remove_publisher(&mut self, name: &str) -> Result<Publisher, TrustStoreError> {
        self.publishers.remove(name).ok_or_else(|| TrustStoreError::UnknownPublisher { name: name.to_owned() })
    }

    /// Revokes a key: no signature that it ever made counts any more, whatever time the signature claims.
    ///
    /// # Errors
    /// There is no such key.
    pub fn revoke(&mut self, key: &KeyId, at: Timestamp, reason: &str) -> Result<(), TrustStoreError> {
        self.key_mut(key)?.revoked.get_or_insert_with(|| Revocation { at, reason: reason.to_owned() });
        Ok(())
    }

    /// Denies a digest, whoever signed it; returns whether it was not denied before.
    pub fn deny(&mut self, digest: Digest) -> bool {
        self.deny.insert(digest)
    }

    /// Allows a digest again; returns whether it was denied.
    pub fn allow(&mut self, digest: &Digest) -> bool {
        self.deny.remove(digest)
    }

    /// The denied digests.
    pub fn denied(&self) -> impl Iterator<Item = &Digest> {
        self.deny.iter()
    }

    /// Whether a digest is denied.
    pub fn is_denied(&self, digest: &Digest) -> bool {
        self.deny.contains(digest)
    }

    /// Adds a directory of plugins that the operator wants searched; the caller makes it absolute.
    pub fn add_root(&mut self, root: impl Into<PathBuf>) {
        push_new(&mut self.roots, root.into());
    }

    /// Adds a directory whose plugins are under development, see [`crate::Policy`].
    pub fn add_dev_root(&mut self, root: impl Into<PathBuf>) {
        push_new(&mut self.dev_roots, root.into());
    }

    /// Forgets a root or development root; returns whether it was one.
    pub fn remove_root(&mut self, root: &Path) -> bool {
        let before = self.roots.len() + self.dev_roots.len();
        self.roots.retain(|known| known != root);
        self.dev_roots.retain(|known| known != root);
        self.roots.len() + self.dev_roots.len() < before
    }

    /// The directories of plugins that the operator wants searched.
    pub fn roots(&self) -> &[PathBuf] {
        &self.roots
    }

    /// The directories whose plugins are under development.
    pub fn dev_roots(&self) -> &[PathBuf] {
        &self.dev_roots
    }

    fn key_mut(&mut self, id: &KeyId) -> Result<&mut TrustedKey, TrustStoreError> {
        self.publishers
            .values_mut()
            .flat_map(|publisher| &mut publisher.keys)
            .find(|trusted| trusted.key.key_id() == *id)
            .ok_or(TrustStoreError::UnknownKey { id: *id })
    }

    /// What must hold between and inside publishers, however the store came about.
    fn check(&self) -> Result<(), TrustStoreError> {
        let mut owners: BTreeMap<KeyId, &str> = BTreeMap::new();
        let mut earlier: Vec<(&str, &PluginId)> = Vec::new();
        for (name, publisher) in self.publishers() {
            let invalid = |fault| TrustStoreError::Publisher { name: name.chars().take(80).collect(), fault };
            if !is_publisher_name(name) {
                return Err(invalid(PublisherFault::Name));
            }
            if publisher.placement == Placement::Linked {
                return Err(invalid(PublisherFault::Linked));
            }
            for (position, trusted) in publisher.keys.iter().enumerate() {
                let id = trusted.key.key_id();
                if let (Some(not_before), Some(not_after)) = (trusted.not_before, trusted.not_after)
                    && not_after < not_before
                {
                    let fault = KeyFault::NeverValid { not_before, not_after };
                    return Err(TrustStoreError::Key { publisher: name.to_owned(), position, fault });
                }
                if let Some(owner) = owners.insert(id, name) {
                    return Err(invalid(PublisherFault::SharedKey { id, owner: owner.to_owned() }));
                }
            }
            for prefix in &publisher.prefixes {
                let overlaps = |other: &PluginId| prefix.is_under(other.as_str()) || other.is_under(prefix.as_str());
                if let Some((owner, other)) = earlier.iter().find(|(owner, other)| *owner != name && overlaps(other)) {
                    let (owner, other) = ((*owner).to_owned(), (*other).clone());
                    return Err(invalid(PublisherFault::Overlap { prefix: prefix.clone(), owner, other }));
                }
                earlier.push((name, prefix));
            }
        }
        match self.roots.iter().chain(&self.dev_roots).find(|root| !root.is_absolute()) {
            Some(root) => Err(TrustStoreError::RelativeRoot { path: root.clone() }),
            None => Ok(()),
        }
    }
}

fn push_new(roots: &mut Vec<PathBuf>, root: PathBuf) {
    if !roots.contains(&root) {
        roots.push(root);
    }
}

/// 1 to 64 bytes that are safe in a table, in a file name and in a shell.
fn is_publisher_name(name: &str) -> bool {
    let mut characters = name.chars();
    name.len() <= 64
        && characters.next().is_some_and(|first| first.is_ascii_alphanumeric())
        && characters.all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'))
}
