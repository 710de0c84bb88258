//! The install store as a root: what its ledger lists is a candidate, and what it remembers counts for trust.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::SystemTime,
};

use apex_discover::{ListedAs, Root};
use apex_files::FileState;
use apex_install::{Happening, InstallError, Ledger, Store};
use apex_meta::{Digest, PluginId};
use apex_trust::{History, KeyId};

/// The install store of a manager, if it has one, with its ledger as of the last scan.
pub(crate) struct Installed {
    store: Option<Store>,
    /// None before the first scan.
    ledger: RwLock<Option<Arc<Ledger>>>,
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

/// The roots to scan, and what happened in the store since it was looked at before.
pub(crate) struct Refreshed {
    pub(crate) roots: Vec<Root>,
    pub(crate) happened: Vec<(PluginId, Happening)>,
}

impl Installed {
    pub(crate) fn new(store: Option<Store>, history: Arc<dyn History>) -> Self {
        Self { store, ledger: RwLock::default(), known: Mutex::default(), history }
    }

    /// Gives the roots with the store's listing in its place, by the ledger as it is now; it is read only if its file is
    /// not the one that was read last.
    pub(crate) fn refresh(&self, roots: &[Root]) -> Result<Refreshed, InstallError> {
        let Some(store) = &self.store else { return Ok(Refreshed { roots: roots.to_vec(), happened: Vec::new() }) };
        let (listed, happened) = self.listed(store)?;
        let with_listing = |root: &Root| match root.is_store() {
            // One that nothing was ever installed in need not be there.
            true => store.plugins().is_dir().then(|| listed.clone()),
            false => Some(root.clone()),
        };
        Ok(Refreshed { roots: roots.iter().filter_map(with_listing).collect(), happened })
    }

    fn listed(&self, store: &Store) -> Result<(Root, Vec<(PluginId, Happening)>), InstallError> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        // The state first: what changes after it is noticed.
        let file = FileState::of(&store.ledger_file());
        if let Some(known) = known.as_ref().filter(|known| known.file == file) {
            return Ok((known.root.clone(), Vec::new()));
        }
        let is_settled = file.is_settled(SystemTime::now());
        let ledger = store.ledger()?;
        let root = Root::store(store.plugins(), listing(&ledger));
        let ledger = Arc::new(ledger);
        let before = self.ledger.write().unwrap_or_else(PoisonError::into_inner).replace(Arc::clone(&ledger));
        let happened = before.map(|before| owned(ledger.happened_since(&before))).unwrap_or_default();
        *known = is_settled.then(|| Known { file, root: root.clone() });
        Ok((root, happened))
    }

    /// The store, if the manager has one.
    pub(crate) fn store(&self) -> Option<&Store> {
        self.store.as_ref()
    }

    fn ledger(&self) -> Arc<Ledger> {
        self.ledger.read().unwrap_or_else(PoisonError::into_inner).clone().unwrap_or_default()
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

fn owned(happened: Vec<(&PluginId, &Happening)>) -> Vec<(PluginId, Happening)> {
    happened.into_iter().map(|(plugin, happening)| (plugin.clone(), happening.clone())).collect()
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
