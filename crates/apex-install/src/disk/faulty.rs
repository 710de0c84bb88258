//! A disk that fails, or whose process dies, at one chosen step; and that remembers what was asked of it.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

use std::{
    fs::File,
    io::{self, Write as _},
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::Duration,
};

use apex_package::ArchiveError;

use super::{Disk, Lock, OsDisk};
use crate::InstallError;

/// The operating system's disk with mishaps.
#[derive(Debug, Clone)]
pub(crate) struct FaultyDisk(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    steps: usize,
    mishap: Option<(usize, Mishap)>,
    is_dead: bool,
    log: Vec<(&'static str, PathBuf)>,
}

/// What happens at a step instead of what should.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Mishap {
    /// It fails and does nothing.
    Fails(io::ErrorKind),
    /// It fails after half of its work.
    FailsHalfway(io::ErrorKind),
    /// The process ends before it, halfway through it, or right after it.
    Dies(Moment),
}

/// When a process dies.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Moment {
    Before,
    Halfway,
    After,
}

impl FaultyDisk {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Mutex::new(State { steps: 0, mishap: None, is_dead: false, log: Vec::new() })))
    }

    /// Lets the mishap happen at the step that comes after `steps` others.
    pub(crate) fn arm(&self, steps: usize, mishap: Mishap) {
        let mut state = self.0.lock().unwrap();
        state.mishap = Some((state.steps + steps + 1, mishap));
    }

    /// Whether the armed mishap has happened.
    pub(crate) fn has_happened(&self) -> bool {
        let state = self.0.lock().unwrap();
        state.mishap.is_some_and(|(at, _)| at <= state.steps)
    }

    /// What was asked of the disk, in order.
    pub(crate) fn log(&self) -> Vec<(&'static str, PathBuf)> {
        self.0.lock().unwrap().log.clone()
    }

    /// Does a step, or has the mishap happen; `half` does half of it.
    fn step<T>(
        &self,
        what: &'static str,
        path: &Path,
        whole: impl FnOnce() -> io::Result<T>,
        half: impl FnOnce(),
    ) -> io::Result<T> {
        let mishap = {
            let mut state = self.0.lock().unwrap();
            if state.is_dead {
                return Err(io::Error::other("this process is dead"));
            }
            state.steps += 1;
            state.log.push((what, path.to_owned()));
            let mishap = state.mishap.filter(|(at, _)| *at == state.steps).map(|(_, mishap)| mishap);
            state.is_dead = matches!(mishap, Some(Mishap::Dies(_)));
            mishap
        };
        let dies = || io::Error::other("this process dies");
        match mishap {
            None => whole(),
            Some(Mishap::Fails(kind)) => Err(kind.into()),
            Some(Mishap::FailsHalfway(kind)) => {
                half();
                Err(kind.into())
            }
            Some(Mishap::Dies(Moment::Before)) => Err(dies()),
            Some(Mishap::Dies(Moment::Halfway)) => {
                half();
                Err(dies())
            }
            Some(Mishap::Dies(Moment::After)) => {
                whole()?;
                Err(dies())
            }
        }
    }
}

struct FaultyLock {
    inner: Box<dyn Lock>,
    path: PathBuf,
    disk: FaultyDisk,
}

impl Lock for FaultyLock {
    fn replace(&self, content: &[u8]) -> io::Result<()> {
        let fresh = self.path.with_file_name(format!(".{}.new", self.path.file_name().unwrap().to_str().unwrap()));
        let half = || drop(File::create(&fresh).and_then(|mut file| file.write_all(&content[..content.len() / 2])));
        self.disk.step("replace", &self.path, || self.inner.replace(content), half)
    }
}

impl Disk for FaultyDisk {
    fn lock(&self, path: &Path, patience: Duration) -> io::Result<Option<Box<dyn Lock>>> {
        let locked = self.step("lock", path, || OsDisk.lock(path, patience), || {})?;
        let wrap = |inner| Box::new(FaultyLock { inner, path: path.to_owned(), disk: self.clone() }) as Box<dyn Lock>;
        Ok(locked.map(wrap))
    }

    fn read(&self, path: &Path, limit: usize) -> Result<Option<Vec<u8>>, InstallError> {
        self.step("read", path, || Ok(()), || {}).map_err(InstallError::io("read", path))?;
        OsDisk.read(path, limit)
    }

    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        self.step("list", path, || OsDisk.list(path), || {})
    }

    fn make_directory(&self, path: &Path) -> io::Result<()> {
        // Made, but not yet durable.
        let half = || drop(std::fs::create_dir(path));
        self.step("make_directory", path, || OsDisk.make_directory(path), half)
    }

    fn unpack(&self, archive: &Path, directory: &Path) -> Result<(), ArchiveError> {
        let unwritable = |source| ArchiveError::Unwritable { path: directory.to_owned(), source };
        let half = || {
            OsDisk.unpack(archive, directory).unwrap();
            tear(directory);
        };
        let whole = || OsDisk.unpack(archive, directory).map_err(io::Error::other);
        self.step("unpack", directory, whole, half).map_err(unwritable)
    }

    fn seal(&self, directory: &Path) -> io::Result<()> {
        self.step("seal", directory, || OsDisk.seal(directory), || {})
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.step("rename", to, || OsDisk.rename(from, to), || {})
    }

    fn sync_directory(&self, path: &Path) -> io::Result<()> {
        self.step("sync_directory", path, || OsDisk.sync_directory(path), || {})
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.step("remove", path, || OsDisk.remove(path), || tear(path))
    }

    fn remove_if_empty(&self, path: &Path) -> io::Result<()> {
        self.step("remove_if_empty", path, || OsDisk.remove_if_empty(path), || {})
    }
}

/// Removes one file of a tree, if it is one.
fn tear(directory: &Path) {
    if directory.is_dir() {
        let _ = std::fs::remove_file(directory.join("plugin.json"));
    }
}
