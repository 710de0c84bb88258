//! Saving a state.

use serde::de::IgnoredAny;

use super::{Engine, Locked, check_owner, recover::next_generation, replace::Old};
use crate::{
    FileStep, StateError, StateKey,
    disk::Disk,
    file::place::Place,
    record::{self, Record},
    store::check_generation,
};

/// More directories than this are not remembered; one that was forgotten is synced once more.
const MOST_REMEMBERED: usize = 4096;

impl<D: Disk> Engine<D> {
    /// Saves a state that was encoded already.
    pub(crate) fn save(&self, key: &StateKey, expected: u64, data: &[u8]) -> Result<u64, StateError> {
        let place = Place::of(&self.root, key);
        self.prepare(&place)?;
        self.locked(key, &place, |locked| locked.save(expected, data))
    }

    /// Makes the directories, each of them durable before anything is kept in it.
    fn prepare(&self, place: &Place) -> Result<(), StateError> {
        let mut above = self.root.as_path();
        for directory in place.directories() {
            let step = StateError::io(FileStep::CreateDirectory, directory);
            let is_new = self.disk.create_directory(directory).map_err(step)?;
            // One that is there may have been made by a process that died before it was durable.
            if is_new || !self.seen().durable.contains(directory) {
                self.disk.sync_directory(above).map_err(StateError::io(FileStep::SyncDirectory, above))?;
                let mut seen = self.seen();
                if seen.durable.len() >= MOST_REMEMBERED {
                    seen.durable.clear();
                }
                seen.durable.insert(directory.clone());
            }
            above = directory;
        }
        Ok(())
    }
}

impl<D: Disk> Locked<'_, D> {
    fn save(&mut self, expected: u64, data: &[u8]) -> Result<u64, StateError> {
        let current = self.current::<IgnoredAny>()?;
        let old = match &current {
            None => Old::Absent,
            Some(Record { data: None, .. }) => Old::Unwanted,
            Some(Record { data: Some(_), .. }) => Old::Good,
        };
        current.as_ref().map_or(Ok(()), |record| check_owner(self.key, record))?;
        let last = current.as_ref().map_or(0, |record| record.generation);
        check_generation(self.key, expected, if old == Old::Good { last } else { 0 })?;
        let generation = next_generation(self, last)?;
        if old == Old::Unwanted && self.engine.is_there(&self.place.backup())? {
            // A clear was cut short. What it left must never come back in the place of what is saved now.
            self.sweep()?;
        }
        let bytes = record::write(self.key, generation, Some(data));
        let old_bytes = current.map_or(0, |record| record.total_bytes);
        let usage = self.admit(old_bytes, bytes.len() as u64)?;
        self.replace(&bytes, old)?;
        self.settle(usage);
        Ok(generation)
    }
}
