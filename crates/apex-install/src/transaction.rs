//! A transaction: trees are put into their places, one replacement of the ledger makes them count, the rest is cleaned up.
//!
//! 1. The lock is taken, and what a transaction that died has left is cleaned up by its journal.
//! 2. Packages are unpacked and verified in `staging`; nothing that counts was touched yet.
//! 3. The journal notes every tree that will be put into its place or taken out of it.
//! 4. The new trees are renamed into their places, and the directories synced.
//! 5. The ledger is replaced: this is the moment from which on the new state counts.
//! 6. Trees that do not count any more are removed, then the journal.

use std::path::{Path, PathBuf};

use crate::{
    InstallError, Ledger, Store,
    disk::Lock,
    journal::{Journal, Place},
    strict,
};

/// The right to change a store, which nobody else has meanwhile.
pub(crate) struct Transaction<'a> {
    store: &'a Store,
    lock: Box<dyn Lock>,
    /// What counted when the transaction began.
    pub(crate) before: Ledger,
}

/// A tree in `staging` that is to be put into its place.
pub(crate) struct NewTree {
    pub(crate) staged: PathBuf,
    pub(crate) place: Place,
}

impl<'a> Transaction<'a> {
    pub(crate) fn begin(store: &'a Store) -> Result<Self, InstallError> {
        let disk = store.disk();
        let missing: Vec<_> = store.root().ancestors().take_while(|path| is_missing(path)).collect();
        for directory in missing.into_iter().rev() {
            disk.make_directory(directory).map_err(InstallError::io("create", directory))?;
        }
        let path = store.ledger_file();
        let lock = disk.lock(&path, store.patience()).map_err(InstallError::io("lock", &path))?;
        let lock = lock.ok_or_else(|| InstallError::StoreBusy { path: store.root().to_owned() })?;
        // The ledger first: it tells whether this is a place that only its owner could have changed.
        let before = store.ledger()?;
        for directory in [store.plugins(), store.staging()] {
            disk.make_directory(&directory).map_err(InstallError::io("create", directory))?;
        }
        let transaction = Self { store, lock, before };
        transaction.recover()?;
        Ok(transaction)
    }

    /// A path in `staging` that nothing stands at.
    pub(crate) fn staging(&self, number: usize) -> PathBuf {
        self.store.staging().join(format!("new-{number}"))
    }

    /// Puts new trees into their places, has another ledger count from then on, and removes the trees that the new one
    /// does not list any more.
    ///
    /// Returns the ledger as it was written, and what could not be cleaned up after the switch, which the next transaction
    /// will try again.
    pub(crate) fn commit(
        self,
        trees: &[NewTree],
        mut ledger: Ledger,
    ) -> Result<(Ledger, Vec<InstallError>), InstallError> {
        let dropped = trees_of(&self.before).filter(|place| !is_listed(&ledger, place));
        let journal = Journal { trees: trees.iter().map(|tree| tree.place.clone()).chain(dropped).collect() };
        ledger.count_generation();
        let path = self.store.ledger_file();
        let content = ledger.to_bytes(&path)?;
        let switched = self
            .note(&journal)
            .and_then(|()| self.place(trees))
            .and_then(|()| self.lock.replace(&content).map_err(InstallError::io("replace", path)));
        if let Err(error) = switched {
            self.undo();
            return Err(error);
        }
        let leftovers = self.clean(&journal, &ledger).err().into_iter().collect();
        Ok((ledger, leftovers))
    }

    /// Cleans up by the journal that a transaction which died has left, if one did.
    fn recover(&self) -> Result<(), InstallError> {
        let path = self.store.journal_file();
        let journal = match self.store.disk().read(&path, strict::LIMITS.max_bytes)? {
            Some(bytes) => Journal::parse(&path, &bytes)?,
            None => Journal::default(),
        };
        self.clean(&journal, &self.store.ledger()?)
    }

    /// Ends a transaction that changed nothing; what it left in `staging` is cleaned up as well as can be.
    pub(crate) fn abandon(self) {
        let _ = self.recover();
    }

    /// Goes back to the old state, as well as a failing disk lets it: whoever comes next cleans up what is left.
    ///
    /// A replacement of the ledger that failed in its last step counts already, and is taken back.
    fn undo(&self) {
        let path = self.store.ledger_file();
        let is_old = self.store.ledger().is_ok_and(|ledger| ledger == self.before);
        if !is_old && let Ok(content) = self.before.to_bytes(&path) {
            let _ = self.lock.replace(&content);
        }
        let _ = self.recover();
    }

    fn note(&self, journal: &Journal) -> Result<(), InstallError> {
        let path = self.store.journal_file();
        let content = journal.to_bytes(&path)?;
        let locked = self.store.disk().lock(&path, self.store.patience()).map_err(InstallError::io("lock", &path))?;
        // Only whoever has the ledger's lock writes the journal.
        let lock = locked.ok_or_else(|| InstallError::StoreBusy { path: self.store.root().to_owned() })?;
        lock.replace(&content).map_err(InstallError::io("replace", path))
    }

    fn place(&self, trees: &[NewTree]) -> Result<(), InstallError> {
        let disk = self.store.disk();
        for NewTree { staged, place } in trees {
            let target = self.store.tree(&place.plugin, &place.version);
            let parent = target.parent().unwrap_or(&target).to_owned();
            disk.make_directory(&parent).map_err(InstallError::io("create", &parent))?;
            // What stands there is listed nowhere.
            self.set_aside(&target)?;
            disk.rename(staged, &target).map_err(InstallError::io("rename", staged))?;
            disk.sync_directory(&parent).map_err(InstallError::io("sync", parent))?;
        }
        Ok(())
    }

    /// Removes the trees of a journal that a ledger does not list, all that is in `staging`, and the journal.
    fn clean(&self, journal: &Journal, ledger: &Ledger) -> Result<(), InstallError> {
        let disk = self.store.disk();
        for place in journal.trees.iter().filter(|place| !is_listed(ledger, place)) {
            let tree = self.store.tree(&place.plugin, &place.version);
            let parent = tree.parent().unwrap_or(&tree).to_owned();
            self.set_aside(&tree)?;
            disk.remove_if_empty(&parent).map_err(InstallError::io("remove", parent))?;
        }
        let staging = self.store.staging();
        for name in disk.list(&staging).map_err(InstallError::io("list", &staging))? {
            let path = staging.join(name);
            disk.remove(&path).map_err(InstallError::io("remove", path))?;
        }
        let path = self.store.journal_file();
        disk.remove(&path).map_err(InstallError::io("remove", path))
    }

    /// Takes a tree out of its place at once, to be removed in peace.
    fn set_aside(&self, tree: &Path) -> Result<(), InstallError> {
        let disk = self.store.disk();
        let parent = tree.parent().unwrap_or(tree);
        let name = tree.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if !disk.list(parent).map_err(InstallError::io("list", parent))?.contains(&name) {
            return Ok(());
        }
        let staging = self.store.staging();
        let taken = disk.list(&staging).map_err(InstallError::io("list", &staging))?;
        let free = (0..).map(|number| format!("old-{number}")).find(|name| !taken.contains(name)).unwrap_or_default();
        disk.rename(tree, &staging.join(free)).map_err(InstallError::io("rename", tree))?;
        disk.sync_directory(parent).map_err(InstallError::io("sync", parent))
    }
}

fn is_missing(path: &Path) -> bool {
    path != Path::new("") && !path.is_dir()
}

fn is_listed(ledger: &Ledger, place: &Place) -> bool {
    ledger
        .installed(&place.plugin, &place.version)
        .is_some_and(|tree| tree.version.to_string() == place.version.to_string())
}

fn trees_of(ledger: &Ledger) -> impl Iterator<Item = Place> {
    ledger.plugins().flat_map(|(plugin, record)| {
        record.installed.iter().map(|tree| Place { plugin: plugin.clone(), version: tree.version.clone() })
    })
}
