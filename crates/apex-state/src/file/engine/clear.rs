//! Forgetting a state.

use serde::de::IgnoredAny;

use super::{
    Engine, Locked, Look, check_owner,
    recover::{after_lost, next_generation},
    replace::Old,
};
use crate::{
    FileStep, RecordFault, StateError, StateKey,
    disk::Disk,
    file::place::Place,
    record::{self, MAX_GENERATION, Record},
};

impl<D: Disk> Engine<D> {
    /// Forgets a state, and says whether there was any.
    pub(crate) fn clear(&self, key: &StateKey) -> Result<bool, StateError> {
        let place = Place::of(&self.root, key);
        let directory = place.directory();
        let listed = self.disk.list(directory).map_err(StateError::io(FileStep::List, directory))?;
        // Nobody makes the lock's directory only to forget what is not there.
        if listed.is_empty() { Ok(false) } else { self.locked(key, &place, |locked| locked.clear()) }
    }
}

impl<D: Disk> Locked<'_, D> {
    fn clear(&mut self) -> Result<bool, StateError> {
        let present = self.look_at_wreck(&self.place.file())?;
        let backup = self.look_at_wreck(&self.place.backup())?;
        for look in [&present, &backup] {
            if let Look::Record(record) = look {
                check_owner(self.key, record)?;
            }
        }
        let was_there = match (&present, &backup) {
            (Look::Absent | Look::Record(Record { data: None, .. }), Look::Absent) => false,
            (present, backup) => {
                let old = if matches!(present, Look::Absent) { Old::Absent } else { Old::Unwanted };
                let generation = self.generation_after(present, backup)?;
                self.replace(&record::write(self.key, generation, None), old)?;
                true
            }
        };
        self.sweep()?;
        self.recount();
        Ok(was_there)
    }

    /// What cannot be read must still be possible to forget.
    fn look_at_wreck(&self, path: &std::path::Path) -> Result<Look<IgnoredAny>, StateError> {
        match self.engine.look(path) {
            Err(StateError::FileTooLarge { .. }) => Ok(Look::Damaged(RecordFault::Syntax { offset: 0 })),
            look => look,
        }
    }

    /// A number that nobody who saw the state can have; it goes on from there when there is a state again.
    fn generation_after(&self, present: &Look<IgnoredAny>, backup: &Look<IgnoredAny>) -> Result<u64, StateError> {
        match (present, backup) {
            (Look::Record(present), _) => next_generation(self, present.generation),
            (_, Look::Record(backup)) => after_lost(self, backup.generation),
            // Nothing tells; but nobody saves more often than microseconds pass.
            _ => Ok(u64::try_from(self.engine.now_since_1970().as_micros()).unwrap_or(MAX_GENERATION).max(1)),
        }
    }

    /// Removes the backup, what was set aside, and what a dead writer left.
    pub(super) fn sweep(&self) -> Result<(), StateError> {
        let (disk, place) = (&self.engine.disk, self.place);
        let directory = place.directory();
        let listed = disk.list(directory).map_err(StateError::io(FileStep::List, directory))?;
        let aside = listed
            .iter()
            .filter(|entry| entry.name.to_str().is_some_and(|name| place.is_set_aside(name)))
            .map(|entry| directory.join(&entry.name));
        for path in [place.backup(), place.backup_temporary(), place.temporary()].into_iter().chain(aside) {
            disk.remove(&path).map_err(StateError::io(FileStep::Remove, &path))?;
        }
        self.engine.sync_directory(place)
    }
}
