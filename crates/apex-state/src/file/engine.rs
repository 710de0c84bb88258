//! What the file store does, step by step, over any disk.
//!
//! Readers take no lock: a state is replaced at one instant, so what they read is whole. Whoever writes holds the lock
//! of the plugin, across processes.

use std::{
    collections::HashSet,
    io,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use apex_meta::PluginId;
use serde_json::Value;

use super::{
    FileStateOptions,
    place::{self, Place},
};
use crate::{
    FileStep, RecordFault, Recovery, StateError, StateKey, StateRecord,
    disk::{Content, Disk},
    record::{self, Data, Record, Unreadable},
};

mod clear;
mod list;
mod quota;
mod recover;
mod replace;
mod save;

#[cfg(test)]
mod crash_tests;
#[cfg(test)]
mod fault_tests;
#[cfg(test)]
mod history_tests;
#[cfg(test)]
mod scenario;

/// Room for an envelope: a few hundred bytes, and names of at most a few thousand.
const ENVELOPE_BYTES: u64 = 1 << 16;

/// The store over some disk; every call blocks until it is done.
pub(crate) struct Engine<D> {
    disk: D,
    root: PathBuf,
    options: FileStateOptions,
    seen: Mutex<Seen>,
}

/// What this instance saw to itself, whatever other processes did or left undone.
#[derive(Default)]
struct Seen {
    /// Directories whose names are durable.
    durable: HashSet<PathBuf>,
    /// Plugins whose states were counted, so that the note in their lock's file can be relied on.
    counted: HashSet<PluginId>,
}

/// What there is where a record should be.
enum Look<T> {
    Absent,
    Damaged(RecordFault),
    Record(Record<T>),
}

/// Work on one state with the lock of its plugin held.
struct Locked<'a, D: Disk> {
    engine: &'a Engine<D>,
    key: &'a StateKey,
    place: &'a Place,
    lock: D::Lock,
    recovery: Option<Recovery>,
}

impl<D: Disk> Engine<D> {
    pub(crate) fn new(disk: D, root: PathBuf, options: FileStateOptions) -> Self {
        Self { disk, root, options, seen: Mutex::default() }
    }

    pub(crate) fn options(&self) -> &FileStateOptions {
        &self.options
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn load(&self, key: &StateKey) -> Result<Option<StateRecord>, StateError> {
        let place = Place::of(&self.root, key);
        match self.look::<Value>(&place.file())? {
            Look::Record(record) => return opened(key, record, None),
            Look::Absent if !self.is_there(&place.backup())? => return Ok(None),
            Look::Absent | Look::Damaged(_) => {}
        }
        // Perhaps somebody is at work on it this very moment: look again with the lock, and mend what is wrong.
        self.locked(key, &place, |locked| match locked.current::<Value>()? {
            Some(record) => opened(key, record, locked.recovery.clone()),
            None => Ok(None),
        })
    }

    fn locked<T>(
        &self,
        key: &StateKey,
        place: &Place,
        work: impl FnOnce(&mut Locked<'_, D>) -> Result<T, StateError>,
    ) -> Result<T, StateError> {
        let mut locked = Locked { engine: self, key, place, lock: self.lock(&key.plugin)?, recovery: None };
        let result = work(&mut locked);
        let Locked { lock, recovery, .. } = locked;
        // Whoever listens may want to use the store.
        drop(lock);
        if let Some(recovery) = recovery {
            self.report(&recovery);
        }
        result
    }

    fn lock(&self, plugin: &PluginId) -> Result<D::Lock, StateError> {
        let (path, waited) = (place::lock_file(&self.root, plugin), self.options.lock_patience);
        let lock = self.disk.lock(&path, waited).map_err(StateError::io(FileStep::Lock, &path))?;
        lock.ok_or(StateError::Locked { path, waited })
    }

    /// Reads a record, without a word on whose it is.
    fn look<T: Data>(&self, path: &Path) -> Result<Look<T>, StateError> {
        let limits = &self.options.limits;
        let limit = limits.max_save_bytes.max(limits.quota_bytes).saturating_add(ENVELOPE_BYTES);
        match self.disk.read(path, limit).map_err(StateError::io(FileStep::Read, path))? {
            Content::Absent => Ok(Look::Absent),
            Content::TooLarge(bytes) => Err(StateError::FileTooLarge { path: path.to_owned(), bytes, limit }),
            Content::Bytes(bytes) => match record::read(&bytes) {
                Ok(record) => Ok(Look::Record(record)),
                Err(Unreadable::Damaged(fault)) => Ok(Look::Damaged(fault)),
                Err(Unreadable::UnsupportedFormat(found)) => {
                    Err(StateError::UnsupportedFormat { path: path.to_owned(), found })
                }
            },
        }
    }

    fn is_there(&self, path: &Path) -> Result<bool, StateError> {
        let content = self.disk.read(path, 0).map_err(StateError::io(FileStep::Read, path))?;
        Ok(!matches!(content, Content::Absent))
    }

    fn report(&self, recovery: &Recovery) {
        tracing::warn!(
            code = Recovery::CODE,
            plugin = %recovery.key.plugin,
            version = %recovery.key.version,
            path = %recovery.path.display(),
            set_aside = recovery.set_aside.as_ref().map(|path| path.display().to_string()),
            generation = recovery.generation,
            fault = %recovery.fault,
            "a damaged state was replaced by its backup"
        );
        if let Some(observer) = &self.options.observer {
            observer(recovery);
        }
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        // Both sets only save work: whatever a panic left in them is as good as any.
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Removes what is in the way at most: what cannot be removed now is removed before the name is used again.
    fn discard(&self, path: &Path) {
        if let Err(error) = self.disk.remove(path) {
            tracing::debug!(path = %path.display(), %error, "a temporary file stays behind");
        }
    }
}

/// What the caller gets to see of a record, if it is the caller's.
fn opened(key: &StateKey, record: Record, recovery: Option<Recovery>) -> Result<Option<StateRecord>, StateError> {
    check_owner(key, &record)?;
    let Record { generation, data, .. } = record;
    Ok(data.map(|data| StateRecord { generation, data, recovered: recovery }))
}

/// What a state was cleared of belongs to nobody; anything else only to whom it was saved for.
fn check_owner<T>(key: &StateKey, record: &Record<T>) -> Result<(), StateError> {
    if record.key.is_same_place(key) && (record.data.is_none() || record.key.owner == key.owner) {
        return Ok(());
    }
    Err(StateError::OwnerMismatch { key: Box::new(key.clone()), found: Box::new(record.key.clone()) })
}

/// Whether the file system has no hard links, or none for this file.
fn has_no_links(error: &io::Error) -> bool {
    use io::ErrorKind::{PermissionDenied, TooManyLinks, Unsupported};
    matches!(error.kind(), PermissionDenied | TooManyLinks | Unsupported)
}
