//! What is there, mended if it must be.

use std::{io, path::PathBuf, time::UNIX_EPOCH};

use serde_json::Value;

use super::{Locked, Look, has_no_links, replace::Old};
use crate::{
    FileStep, RecordFault, Recovery, StateError,
    disk::Disk,
    record::{self, Data, MAX_GENERATION, Record},
};

/// So many states damaged within one second are enough.
const MOST_SET_ASIDE: u32 = 100;

impl<D: Disk> Locked<'_, D> {
    /// The present record; a damaged one is set aside, and its backup takes its place.
    pub(super) fn current<T: Data>(&mut self) -> Result<Option<Record<T>>, StateError> {
        let file = self.place.file();
        let fault = match self.engine.look::<T>(&file)? {
            Look::Record(record) => return Ok(Some(record)),
            Look::Damaged(fault) => fault,
            Look::Absent => RecordFault::Missing,
        };
        let is_missing = fault == RecordFault::Missing;
        let corrupt = |fault, backup| Err(StateError::Corrupt { path: file.clone(), fault, backup });
        match self.engine.look::<Value>(&self.place.backup())? {
            Look::Absent if is_missing => return Ok(None),
            Look::Absent => return corrupt(fault, None),
            Look::Damaged(backup) => return corrupt(fault, Some(backup)),
            Look::Record(backup) if !backup.key.is_same_place(self.key) => {
                return corrupt(fault, Some(RecordFault::Misplaced));
            }
            Look::Record(backup) => self.restore(fault, &backup)?,
        }
        match self.engine.look::<T>(&file)? {
            Look::Record(record) => Ok(Some(record)),
            Look::Damaged(fault) => corrupt(fault, None),
            Look::Absent => corrupt(RecordFault::Missing, None),
        }
    }

    fn restore(&mut self, fault: RecordFault, backup: &Record) -> Result<(), StateError> {
        let generation = after_lost(self, backup.generation)?;
        let data = backup.data.as_ref().map(|data| data.to_string().into_bytes());
        let bytes = record::write(&backup.key, generation, data.as_deref());
        // The backup goes by its new number first: should the restored state be damaged as well, its successors are
        // not to be numbered from the old one again.
        self.replace_backup(&bytes)?;
        let (set_aside, old) = match fault {
            RecordFault::Missing => (None, Old::Absent),
            _ => self.set_aside().map(|(path, old)| (Some(path), old))?,
        };
        self.replace(&bytes, old)?;
        self.recovery = Some(Recovery {
            key: backup.key.clone(),
            fault,
            path: self.place.file(),
            set_aside,
            backup_generation: backup.generation,
            generation,
        });
        Ok(())
    }

    /// Gives the damaged file a name to keep, and leaves it in its place, if it can have two, until it is replaced.
    fn set_aside(&self) -> Result<(PathBuf, Old), StateError> {
        let seconds = self.engine.now_since_1970().as_secs();
        let (file, disk) = (self.place.file(), &self.engine.disk);
        let mut attempt = 0;
        let (path, old) = loop {
            let path = self.place.set_aside(seconds, attempt);
            match disk.link(&file, &path) {
                Ok(()) => break (path, Old::Unwanted),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists && attempt < MOST_SET_ASIDE => attempt += 1,
                Err(error) if has_no_links(&error) => {
                    disk.rename(&file, &path).map_err(StateError::io(FileStep::Rename, &path))?;
                    break (path, Old::Absent);
                }
                Err(error) => return Err(StateError::io(FileStep::Link, &path)(error)),
            }
        };
        // Before another file takes the name, this one must have its own to stay.
        self.engine.sync_directory(self.place)?;
        Ok((path, old))
    }
}

/// The number after the last one.
pub(super) fn next_generation<D: Disk>(locked: &Locked<'_, D>, last: u64) -> Result<u64, StateError> {
    if last < MAX_GENERATION {
        return Ok(last + 1);
    }
    // No one can save that often: somebody wrote that number.
    let fault = RecordFault::Member { name: "generation" };
    Err(StateError::Corrupt { path: locked.place.file(), fault, backup: None })
}

/// A number that the lost state did not go by, so that whoever saw it gets a conflict and cannot overwrite what others
/// save from now on.
///
/// The state is one ahead of its backup; and one more for each save since then that was killed between its rename and
/// its fsync, if then a power failure keeps the last one's rename and forgets all others. Nobody will see a thousand.
pub(super) fn after_lost<D: Disk>(locked: &Locked<'_, D>, backup: u64) -> Result<u64, StateError> {
    next_generation(locked, backup.saturating_add(999))
}

impl<D: Disk> super::Engine<D> {
    pub(super) fn now_since_1970(&self) -> std::time::Duration {
        (self.options.clock)().duration_since(UNIX_EPOCH).unwrap_or_default()
    }
}
