//! All that is known of one root from an earlier scan.

use std::{
    collections::BTreeMap,
    ffi::{OsStr, OsString},
    path::{Path, PathBuf},
};

use apex_files::Stamp;

use crate::{directory::Kind, unit::Unit};

/// All that is known of one root from an earlier scan.
#[derive(Debug, Clone)]
pub(crate) struct Record {
    /// The root, resolved.
    pub(crate) path: PathBuf,
    /// The root's own stamp, which stands for the names in it; none if they must be listed again.
    pub(crate) stamp: Option<Stamp>,
    /// Its subdirectories and links, by name.
    pub(crate) units: Vec<Unit>,
    /// Those that came since then, so that nothing is moved to make room for them.
    added: BTreeMap<OsString, Unit>,
}

impl Record {
    pub(crate) fn empty(path: &Path) -> Self {
        Self { path: path.to_owned(), stamp: None, units: Vec::new(), added: BTreeMap::new() }
    }

    pub(crate) fn unit(&self, name: &OsStr) -> Option<&Unit> {
        match self.position(name) {
            Ok(at) => self.units.get(at),
            Err(_) => self.added.get(name),
        }
    }

    /// How many subdirectories and links there are, at most.
    pub(crate) fn len(&self) -> usize {
        self.units.len() + self.added.len()
    }

    /// Whether another one says the same.
    pub(crate) fn is_same_as(&self, other: &Self) -> bool {
        self.path == other.path
            && self.stamp == other.stamp
            && self.len() == other.len()
            && self.units.iter().zip(&other.units).all(|(one, other)| one.is_same_as(other))
    }

    /// Puts a unit in the place of the one of its name, or takes that one away; which names there are must be listed
    /// again after that.
    ///
    /// What there is of others is not touched, however many they are.
    pub(crate) fn put(&mut self, name: &OsStr, unit: Option<Unit>) {
        match (self.position(name), unit) {
            (Ok(at), Some(unit)) => self.units[at] = unit,
            (Ok(at), None) => {
                self.units[at] = Unit::unknown(name, Kind::Directory);
                self.stamp = None;
            }
            (Err(_), Some(unit)) => {
                self.added.insert(name.to_owned(), unit);
                self.stamp = None;
            }
            (Err(_), None) => _ = self.added.remove(name),
        }
    }

    fn position(&self, name: &OsStr) -> Result<usize, usize> {
        self.units.binary_search_by(|unit| unit.name().cmp(name))
    }
}
