//! The stores from outside: the contract that both keep, and what the one in files does on a real disk.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test ends where it fails")]

#[path = "store/conformance.rs"]
mod conformance;
#[path = "store/contract.rs"]
mod contract;
#[path = "store/damage.rs"]
mod damage;
#[path = "store/export.rs"]
mod export;
#[cfg(unix)]
#[path = "store/files.rs"]
mod files;
#[path = "store/limits.rs"]
mod limits;
#[path = "store/succession.rs"]
mod succession;
#[path = "store/writers.rs"]
mod writers;

use std::{
    fs::OpenOptions,
    io::Write as _,
    path::{Path, PathBuf},
};

use apex_state::{FileStateOptions, FileStateStore, StateKey};
use tempfile::TempDir;

/// A directory for states that goes with the test.
struct Sandbox {
    directory: TempDir,
}

impl Sandbox {
    fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap() }
    }

    fn states(&self) -> PathBuf {
        self.directory.path().join("states")
    }

    fn store(&self) -> FileStateStore {
        FileStateStore::open(self.states()).unwrap()
    }

    fn store_with(&self, options: FileStateOptions) -> FileStateStore {
        FileStateStore::open_with(self.states(), options).unwrap()
    }
}

fn key_of(id: &str, version: &str) -> StateKey {
    StateKey::new(id.parse().unwrap(), version.parse().unwrap())
}

fn key() -> StateKey {
    key_of("com.acme.counter", "1.0.2")
}

/// Puts bytes into a file without any care, as damage and meddling do.
fn put(path: &Path, bytes: &[u8]) {
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).open(path).unwrap();
    file.write_all(bytes).unwrap();
}

fn backup_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".bak");
    name.into()
}
