//! The store: where installed plugins stand, and the way to change what stands there.

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};

use apex_audit::AuditSink;
use apex_meta::{PluginId, PluginVersion};
use apex_trust::Timestamp;

use crate::{
    InstallError, Ledger,
    disk::{Disk, OsDisk},
    strict,
    transaction::Transaction,
};

/// The directory of installed plugins with its ledger.
///
/// ```text
/// <store>/plugins/<id>/<version>/   the trees
/// <store>/ledger.json               what is installed and active, see Ledger
/// <store>/journal.json              what a transaction that is under way would leave behind
/// <store>/staging/                  what is not installed yet, or not any more
/// ```
///
/// Whatever is done to a store ends with one replacement of the ledger; a process that is killed at any moment leaves
/// the old state or the new one, and what else it leaves behind is known from the journal and cleaned up by the next.
/// A tree that the ledger does not list is nothing.
#[derive(Clone)]
pub struct Store {
    root: PathBuf,
    disk: Arc<dyn Disk>,
    clock: Arc<dyn Fn() -> SystemTime + Send + Sync>,
    patience: Duration,
    audit: Option<Arc<dyn AuditSink>>,
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("root", &self.root).finish_non_exhaustive()
    }
}

impl Store {
    /// The store in a directory, which need not be there yet.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self::on(Arc::new(OsDisk), root.into())
    }

    pub(crate) fn on(disk: Arc<dyn Disk>, root: PathBuf) -> Self {
        Self { root, disk, clock: Arc::new(SystemTime::now), patience: Duration::from_secs(60), audit: None }
    }

    /// Replaces the clock that events are dated by.
    #[must_use]
    pub fn with_clock(mut self, clock: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Sets how long to wait for another process that is at work on the store; a minute, if it is not called.
    #[must_use]
    pub fn with_patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Has every change of the store recorded, and every package that is refused when it is looked at.
    ///
    /// A change that could not be recorded has happened all the same: [`Done::unrecorded`](crate::Done::unrecorded).
    #[must_use]
    pub fn with_audit(mut self, sink: impl AuditSink + 'static) -> Self {
        self.audit = Some(Arc::new(sink));
        self
    }

    /// The store's directory.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The directory that holds the trees, to be searched for plugins by the ledger's word.
    pub fn plugins(&self) -> PathBuf {
        self.root.join("plugins")
    }

    /// Where the tree of a version stands, or would.
    pub fn tree(&self, plugin: &PluginId, version: &PluginVersion) -> PathBuf {
        self.plugins().join(plugin.as_str()).join(version.to_string())
    }

    /// Reads the ledger; an empty one, if there is none yet.
    ///
    /// # Errors
    /// The ledger could be changed by others, cannot be read, or is invalid.
    pub fn ledger(&self) -> Result<Ledger, InstallError> {
        let path = self.ledger_file();
        match self.disk.read(&path, strict::LIMITS.max_bytes)? {
            Some(bytes) => Ledger::parse(&path, &bytes),
            None => Ok(Ledger::default()),
        }
    }

    /// Waits for the right to change the store, and cleans up after whoever died with it.
    pub(crate) fn begin(&self) -> Result<Transaction<'_>, InstallError> {
        Transaction::begin(self)
    }

    pub(crate) fn disk(&self) -> &dyn Disk {
        &*self.disk
    }

    pub(crate) fn patience(&self) -> Duration {
        self.patience
    }

    pub(crate) fn now(&self) -> Timestamp {
        Timestamp::from_system_time(self.clock())
    }

    pub(crate) fn clock(&self) -> SystemTime {
        (self.clock)()
    }

    pub(crate) fn audit(&self) -> Option<&dyn AuditSink> {
        self.audit.as_deref()
    }

    /// The file that holds the ledger, if there is one yet; whoever follows the store watches it.
    pub fn ledger_file(&self) -> PathBuf {
        self.root.join("ledger.json")
    }

    pub(crate) fn journal_file(&self) -> PathBuf {
        self.root.join("journal.json")
    }

    pub(crate) fn staging(&self) -> PathBuf {
        self.root.join("staging")
    }
}
