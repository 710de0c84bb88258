//! Putting new bytes in the place of a state, so that a crash leaves the old or the new.

use std::{io, path::Path};

use super::{Engine, Locked, has_no_links};
use crate::{
    FileStep, StateError,
    disk::{Content, Disk},
    file::place::Place,
};

/// What stands where the new bytes go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Old {
    /// Nothing.
    Absent,
    /// A good state, which becomes the backup.
    Good,
    /// Something that nobody will want back: a cleared state, or a damaged one.
    Unwanted,
}

impl<D: Disk> Locked<'_, D> {
    /// Replaces the state durably; an error leaves the old one.
    pub(super) fn replace(&self, bytes: &[u8], old: Old) -> Result<(), StateError> {
        let (engine, place) = (self.engine, self.place);
        let (file, temporary) = (place.file(), place.temporary());
        engine.write_new(&temporary, bytes)?;
        let renamed = self
            .keep(old)
            .and_then(|()| engine.disk.rename(&temporary, &file).map_err(StateError::io(FileStep::Rename, &file)));
        if let Err(error) = renamed {
            engine.discard(&temporary);
            engine.discard(&place.backup_temporary());
            return Err(error);
        }
        // After a failed fsync nobody knows what is on the disk, and a second one may report success for what was
        // lost: so this is the end of the save.
        if let Err(error) = engine.sync_directory(place) {
            self.undo(old);
            return Err(error);
        }
        if old == Old::Unwanted {
            engine.discard(&place.backup_temporary());
        }
        Ok(())
    }

    /// Replaces the backup durably.
    pub(super) fn replace_backup(&self, bytes: &[u8]) -> Result<(), StateError> {
        let (engine, place) = (self.engine, self.place);
        let (temporary, backup) = (place.backup_temporary(), place.backup());
        engine.write_new(&temporary, bytes)?;
        if let Err(error) = engine.disk.rename(&temporary, &backup) {
            engine.discard(&temporary);
            return Err(StateError::io(FileStep::Rename, &backup)(error));
        }
        engine.sync_directory(place)
    }

    /// Gives the old state a second name before its first one goes to the new: the backup's, if it is a good state.
    fn keep(&self, old: Old) -> Result<(), StateError> {
        let (engine, place) = (self.engine, self.place);
        if old == Old::Absent {
            return Ok(());
        }
        let (temporary, backup) = (place.backup_temporary(), place.backup());
        engine.link_new(&place.file(), &temporary)?;
        if old == Old::Unwanted {
            return Ok(());
        }
        engine.disk.rename(&temporary, &backup).map_err(StateError::io(FileStep::Rename, &backup))?;
        // Renaming one name of a file to another one of it does nothing, and that is no error.
        engine.disk.remove(&temporary).map_err(StateError::io(FileStep::Remove, &temporary))
    }

    /// Puts the old state back after a save that cannot be made durable: the caller hears of an error, and must not
    /// find that the save happened all the same.
    fn undo(&self, old: Old) {
        let (disk, file, temporary) = (&self.engine.disk, self.place.file(), self.place.backup_temporary());
        let undone = match old {
            Old::Absent => disk.remove(&file),
            Old::Unwanted => disk.rename(&temporary, &file),
            Old::Good => {
                let linked = self.engine.link_new(&self.place.backup(), &temporary);
                linked.map_err(io::Error::other).and_then(|()| disk.rename(&temporary, &file))
            }
        };
        if let Err(error) = undone {
            tracing::warn!(path = %file.display(), %error, "a state that may not be durable could not be taken back");
        }
    }
}

impl<D: Disk> Engine<D> {
    /// Makes durable which files there are of a state.
    pub(super) fn sync_directory(&self, place: &Place) -> Result<(), StateError> {
        let directory = place.directory();
        self.disk.sync_directory(directory).map_err(StateError::io(FileStep::SyncDirectory, directory))
    }

    /// Writes a file that is not there, durably; the lock is held, so a file in its way is a dead writer's.
    fn write_new(&self, path: &Path, bytes: &[u8]) -> Result<(), StateError> {
        let created = match self.disk.create(path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                self.disk.remove(path).map_err(StateError::io(FileStep::Remove, path))?;
                self.disk.create(path)
            }
            created => created,
        };
        let mut file = created.map_err(StateError::io(FileStep::Create, path))?;
        let written = (self.disk.write(&mut file, bytes).map_err(StateError::io(FileStep::Write, path)))
            .and_then(|()| self.disk.sync(&file).map_err(StateError::io(FileStep::Sync, path)));
        if written.is_err() {
            self.discard(path);
        }
        written
    }

    /// Gives a file a second name, or a copy where the file system has no such thing.
    fn link_new(&self, from: &Path, to: &Path) -> Result<(), StateError> {
        let linked = match self.disk.link(from, to) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                self.disk.remove(to).map_err(StateError::io(FileStep::Remove, to))?;
                self.disk.link(from, to)
            }
            linked => linked,
        };
        match linked {
            Err(error) if has_no_links(&error) => {
                match self.disk.read(from, u64::MAX).map_err(StateError::io(FileStep::Read, from))? {
                    Content::Bytes(bytes) => self.write_new(to, &bytes),
                    Content::Absent | Content::TooLarge(_) => Err(StateError::io(FileStep::Link, to)(error)),
                }
            }
            linked => linked.map_err(StateError::io(FileStep::Link, to)),
        }
    }
}
