//! What may have changed, as far as can be told.

use std::{collections::BTreeSet, ffi::OsString, path::PathBuf};

/// More changed directories than this, and one look at everything is cheaper.
pub(super) const MOST: usize = 4_096;

/// What may have changed below some roots.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Changes {
    /// Anything.
    All,
    /// What lies in these directories: a root, resolved, and the name of a directory in it.
    In(BTreeSet<(PathBuf, OsString)>),
}

impl Changes {
    /// That nothing changed.
    pub const fn none() -> Self {
        Self::In(BTreeSet::new())
    }

    /// Whether nothing changed.
    pub fn is_empty(&self) -> bool {
        matches!(self, Self::In(places) if places.is_empty())
    }

    pub(crate) fn add(&mut self, root: PathBuf, name: OsString) {
        if let Self::In(places) = self {
            places.insert((root, name));
            if places.len() > MOST {
                *self = Self::All;
            }
        }
    }
}
