//! Listing the states of a plugin.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use apex_meta::PluginId;
use serde::de::IgnoredAny;

use super::{Engine, Look};
use crate::{
    RecordFault, StateEntry, StateError, StateKey, StateListing,
    disk::Disk,
    file::place::{self, Place},
    record::Record,
};

impl<D: Disk> Engine<D> {
    /// Lists the states of a plugin; one whose file is damaged is mended on the way, as by a load.
    pub(crate) fn list(&self, plugin: &PluginId) -> Result<StateListing, StateError> {
        let mut files = BTreeSet::new();
        self.walk(place::plugin_directory(&self.root, plugin), |directory, listed| {
            let name = listed.name.to_str();
            if let Some(state) = name.filter(|name| place::is_state(name)).or_else(|| place::backed_up(name?)) {
                files.insert(directory.join(state));
            }
        })?;
        let mut listing = StateListing::default();
        for file in files {
            match self.entry(plugin, &file) {
                Ok(entry) => listing.entries.extend(entry),
                Err(error) => listing.unreadable.push(error),
            }
        }
        listing.entries.sort_by(|a, b| a.key.cmp(&b.key));
        Ok(listing)
    }

    fn entry(&self, plugin: &PluginId, file: &Path) -> Result<Option<StateEntry>, StateError> {
        let fault = match self.look::<IgnoredAny>(file)? {
            Look::Record(record) if !self.is_at(plugin, &record.key, file) => RecordFault::Misplaced,
            Look::Record(record) => return Ok(entry(&record)),
            Look::Damaged(fault) => fault,
            Look::Absent => RecordFault::Missing,
        };
        let backup = PathBuf::from(format!("{}.bak", file.display()));
        let backup = match self.look::<IgnoredAny>(&backup)? {
            Look::Record(record) if self.is_at(plugin, &record.key, file) => {
                let loaded = self.load(&record.key)?;
                return Ok(loaded.map(|loaded| StateEntry {
                    key: record.key.clone(),
                    generation: loaded.generation,
                    bytes: record.data_bytes,
                }));
            }
            Look::Record(_) => Some(RecordFault::Misplaced),
            Look::Damaged(fault) => Some(fault),
            Look::Absent => None,
        };
        Err(StateError::Corrupt { path: file.to_owned(), fault, backup })
    }

    fn is_at(&self, plugin: &PluginId, key: &StateKey, file: &Path) -> bool {
        key.plugin == *plugin && Place::of(&self.root, key).file() == file
    }
}

fn entry(record: &Record<IgnoredAny>) -> Option<StateEntry> {
    record.data?;
    Some(StateEntry { key: record.key.clone(), generation: record.generation, bytes: record.data_bytes })
}
