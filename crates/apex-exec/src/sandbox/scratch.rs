//! A temporary directory that goes with its process.

use std::{fs, io, os::unix::fs::PermissionsExt as _, path::Path, thread};

use tempfile::TempDir;

/// A temporary directory that goes with its process.
#[derive(Debug)]
pub(crate) struct Scratch(Option<TempDir>);

impl Scratch {
    /// A new directory that nobody else may enter.
    ///
    /// # Errors
    /// It cannot be made there.
    pub(crate) fn below(parent: &Path) -> io::Result<Self> {
        let owner = fs::Permissions::from_mode(0o700);
        let directory = tempfile::Builder::new().prefix("apex-plugin-").permissions(owner).tempdir_in(parent)?;
        Ok(Self(Some(directory)))
    }

    pub(crate) fn path(&self) -> Option<&Path> {
        self.0.as_ref().map(TempDir::path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let Some(directory) = self.0.take() else { return };
        // Mostly it is empty; else a plugin may have left so much that removing it takes a while.
        if fs::remove_dir(directory.path()).is_ok() {
            drop(directory.keep());
            return;
        }
        if let Err(error) = thread::Builder::new().name("apex-scratch".to_owned()).spawn(move || drop(directory)) {
            tracing::debug!(%error, "a temporary directory is removed on the thread of its last user");
        }
    }
}
