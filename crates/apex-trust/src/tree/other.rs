//! Where there are no descriptors to read a tree through, there are no trees.

use std::path::Path;

use super::{OpenedFile, TreeError, TreeFile};
use crate::TreePath;

/// Cannot be made: opening always fails.
#[derive(Debug)]
pub(super) enum Root {}

impl Root {
    pub(super) fn open(_path: &Path) -> Result<Self, TreeError> {
        Err(TreeError::UnsupportedPlatform)
    }

    pub(super) fn open_guarded(_path: &Path) -> Result<Self, TreeError> {
        Err(TreeError::UnsupportedPlatform)
    }

    pub(super) fn list(&self, _path: &Path) -> Result<Vec<TreeFile>, TreeError> {
        match *self {}
    }

    pub(super) fn open_file(&self, _directory: &Path, _path: &TreePath) -> Result<OpenedFile, TreeError> {
        match *self {}
    }
}
