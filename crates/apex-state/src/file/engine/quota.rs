//! How much a plugin keeps, known without counting each time.
//!
//! The sum stands in the lock's file. It is raised before a state grows and lowered after one shrank, so a crash can
//! leave it too high, never too low: before a save is refused, the states are counted. A power failure can lose it, so
//! each process counts once.

use std::path::PathBuf;

use super::{Engine, Locked};
use crate::{
    FileStep, StateError,
    disk::{Disk, Listed},
    file::place,
};

/// Directories below the plugin's: `scopes`, tenants, users of tenants.
const DEEPEST: usize = 3;

/// What the plugin's states will take when a save is done.
#[derive(Debug, Clone, Copy)]
pub(super) struct Usage {
    noted: u64,
    then: u64,
}

impl<D: Disk> Locked<'_, D> {
    /// Lets a save pass that keeps to the quota, or makes a state smaller.
    pub(super) fn admit(&self, old_bytes: u64, new_bytes: u64) -> Result<Usage, StateError> {
        let plugin = &self.key.plugin;
        let quota = self.engine.options.limits.quota_bytes;
        let mut noted = self.noted()?;
        let then = |now: u64| now.saturating_sub(old_bytes).saturating_add(new_bytes);
        if new_bytes > old_bytes && then(noted) > quota {
            noted = self.count()?;
            if then(noted) > quota {
                return Err(StateError::QuotaExceeded { plugin: plugin.clone(), needed: then(noted), quota });
            }
        }
        let usage = Usage { noted, then: then(noted) };
        if usage.then > usage.noted {
            self.note(usage.then)?;
        }
        Ok(usage)
    }

    /// Notes that a state became smaller, now that it did.
    pub(super) fn settle(&self, usage: Usage) {
        if usage.then < usage.noted {
            self.note_late(usage.then);
        }
    }

    /// Counts again, after states were removed.
    pub(super) fn recount(&self) {
        match self.count() {
            Ok(bytes) => self.note_late(bytes),
            Err(error) => tracing::debug!(%error, "the note of what a plugin keeps stays too high"),
        }
    }

    fn noted(&self) -> Result<u64, StateError> {
        let plugin = &self.key.plugin;
        if self.engine.seen().counted.contains(plugin)
            && let Some(bytes) = self.engine.disk.note(&self.lock).map_err(self.lock_failed())?
        {
            return Ok(bytes);
        }
        let bytes = self.count()?;
        self.note(bytes)?;
        self.engine.seen().counted.insert(plugin.clone());
        Ok(bytes)
    }

    fn note(&self, bytes: u64) -> Result<(), StateError> {
        self.engine.disk.set_note(&self.lock, bytes).map_err(self.lock_failed())
    }

    /// A note that is too high costs a count later on; what was saved is saved.
    fn note_late(&self, bytes: u64) {
        if let Err(error) = self.note(bytes) {
            tracing::debug!(%error, "the note of what a plugin keeps stays too high");
        }
    }

    fn lock_failed(&self) -> impl FnOnce(std::io::Error) -> StateError {
        let path = place::lock_file(&self.engine.root, &self.key.plugin);
        move |source| StateError::Io { step: FileStep::Lock, path, source }
    }

    fn count(&self) -> Result<u64, StateError> {
        let mut sum = 0;
        self.engine.walk(place::plugin_directory(&self.engine.root, &self.key.plugin), |_, listed| {
            if listed.name.to_str().is_some_and(place::is_state) {
                sum += listed.bytes;
            }
        })?;
        Ok(sum)
    }
}

impl<D: Disk> Engine<D> {
    /// Shows every file below a plugin's directory, with the directory that it is in.
    pub(super) fn walk(&self, start: PathBuf, mut show: impl FnMut(&PathBuf, &Listed)) -> Result<(), StateError> {
        let mut open = vec![(start, 0)];
        while let Some((directory, depth)) = open.pop() {
            let listed = self.disk.list(&directory).map_err(StateError::io(FileStep::List, &directory))?;
            for entry in &listed {
                if !entry.is_directory {
                    show(&directory, entry);
                } else if depth < DEEPEST {
                    open.push((directory.join(&entry.name), depth + 1));
                }
            }
        }
        Ok(())
    }
}
