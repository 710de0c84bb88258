//! The install store as a root: what its ledger lists is a candidate, and what it remembers counts for trust.

use std::{
    path::PathBuf,
    sync::{Arc, PoisonError, RwLock},
};

use apex_discover::{ListedAs, Root};
use apex_install::{InstallError, Ledger, Store};
use apex_meta::{Digest, PluginId};
use apex_trust::{History, KeyId};

/// The install store of a manager, if it has one, with its ledger as of the last scan.
pub(crate) struct Installed {
    store: Option<Store>,
    ledger: RwLock<Arc<Ledger>>,
    /// What the host remembers besides.
    history: Arc<dyn History>,
}

impl Installed {
    pub(crate) fn new(store: Option<Store>, history: Arc<dyn History>) -> Self {
        Self { store, ledger: RwLock::default(), history }
    }

    /// Reads the ledger again, and gives the roots with the store's listing in its place.
    pub(crate) fn refresh(&self, roots: &[Root]) -> Result<Vec<Root>, InstallError> {
        let Some(store) = &self.store else { return Ok(roots.to_vec()) };
        let ledger = store.ledger()?;
        let listing = listing(&ledger);
        *self.ledger.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(ledger);
        let listed = |root: &Root| match root.is_store() {
            // One that nothing was ever installed in need not be there.
            true => store.plugins().is_dir().then(|| Root::store(root.path(), listing.clone())),
            false => Some(root.clone()),
        };
        Ok(roots.iter().filter_map(listed).collect())
    }

    /// The store, if the manager has one.
    pub(crate) fn store(&self) -> Option<&Store> {
        self.store.as_ref()
    }

    fn ledger(&self) -> Arc<Ledger> {
        Arc::clone(&self.ledger.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl History for Installed {
    fn ever_signed(&self, id: &PluginId) -> bool {
        self.ledger().ever_signed(id) || self.history.ever_signed(id)
    }

    fn verified_while_valid(&self, digest: &Digest, key: &KeyId) -> bool {
        self.ledger().verified_while_valid(digest, key) || self.history.verified_while_valid(digest, key)
    }
}

/// Every tree of a ledger by its path in the store.
fn listing(ledger: &Ledger) -> Vec<(PathBuf, ListedAs)> {
    let trees = ledger.plugins().flat_map(|(plugin, record)| {
        record.installed.iter().map(move |tree| {
            let is_active = record.active.as_ref() == Some(&tree.version);
            let path = PathBuf::from(plugin.as_str()).join(tree.version.to_string());
            (path, if is_active { ListedAs::Active } else { ListedAs::Standby })
        })
    });
    trees.collect()
}
