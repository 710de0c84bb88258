//! The install store as a root: what its ledger lists is a candidate, and what it remembers counts for trust.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::SystemTime,
};

use apex_discover::{ListedAs, Root};
use apex_files::FileState;
use apex_install::{InstallError, Ledger, Store};
use apex_meta::{Digest, PluginId};
use apex_trust::{History, KeyId};

/// The install store of a manager, if it has one, with its ledger as of the last scan.
pub(crate) struct Installed {
    store: Option<Store>,
    ledger: RwLock<Arc<Ledger>>,
    /// What was made of the ledger, and of which file.
    known: Mutex<Option<Known>>,
    /// What the host remembers besides.
    history: Arc<dyn History>,
}

/// The store as a root by the ledger, as long as its file is the same.
struct Known {
    file: FileState,
    root: Root,
}

impl Installed {
    pub(crate) fn new(store: Option<Store>, history: Arc<dyn History>) -> Self {
        Self { store, ledger: RwLock::default(), known: Mutex::default(), history }
    }

    /// Gives the roots with the store's listing in its place, by the ledger as it is now; it is read only if its file is
    /// not the one that was read last.
    pub(crate) fn refresh(&self, roots: &[Root]) -> Result<Vec<Root>, InstallError> {
        let Some(store) = &self.store else { return Ok(roots.to_vec()) };
        let listed = self.listed(store)?;
        let with_listing = |root: &Root| match root.is_store() {
            // One that nothing was ever installed in need not be there.
            true => store.plugins().is_dir().then(|| listed.clone()),
            false => Some(root.clone()),
        };
        Ok(roots.iter().filter_map(with_listing).collect())
    }

    fn listed(&self, store: &Store) -> Result<Root, InstallError> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        // The state first: what changes after it is noticed.
        let file = FileState::of(&store.ledger_file());
        if let Some(known) = known.as_ref().filter(|known| known.file == file) {
            return Ok(known.root.clone());
        }
        let is_settled = file.is_settled(SystemTime::now());
        let ledger = store.ledger()?;
        let root = Root::store(store.plugins(), listing(&ledger));
        *self.ledger.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(ledger);
        *known = is_settled.then(|| Known { file, root: root.clone() });
        Ok(root)
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
