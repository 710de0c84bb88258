//! All that is known of one root from an earlier scan.

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
};

use apex_files::Stamp;

use crate::unit::Unit;

/// All that is known of one root from an earlier scan.
#[derive(Debug, Clone)]
pub(crate) struct Record {
    /// The root, resolved.
    pub(crate) path: PathBuf,
    /// The root's own stamp, which stands for the names in it; none if they must be listed again.
    pub(crate) stamp: Option<Stamp>,
    /// Its subdirectories and links, by name.
    pub(crate) units: Vec<Unit>,
}

impl Record {
    pub(crate) fn empty(path: &Path) -> Self {
        Self { path: path.to_owned(), stamp: None, units: Vec::new() }
    }

    pub(crate) fn unit(&self, name: &OsStr) -> Option<&Unit> {
        self.units.binary_search_by(|unit| unit.name().cmp(name)).ok().map(|at| &self.units[at])
    }

    /// Whether another one says the same.
    pub(crate) fn is_same_as(&self, other: &Self) -> bool {
        self.path == other.path
            && self.stamp == other.stamp
            && self.units.len() == other.units.len()
            && self.units.iter().zip(&other.units).all(|(one, other)| one.is_same_as(other))
    }

    /// Puts a unit in the place of the one of its name, or takes that one away; which names there are must be listed
    /// again after that.
    pub(crate) fn put(&mut self, name: &OsStr, unit: Option<Unit>) {
        let at = self.units.binary_search_by(|unit| unit.name().cmp(name));
        match (at, unit) {
            (Ok(at), Some(unit)) => self.units[at] = unit,
            (Ok(at), None) => {
                self.units.remove(at);
                self.stamp = None;
            }
            (Err(at), Some(unit)) => {
                self.units.insert(at, unit);
                self.stamp = None;
            }
            (Err(_), None) => {}
        }
    }
}
