//! A disk in memory that fails and loses power at will.
//!
//! It keeps apart what a process sees and what is durable. Until its directory is synced, each change of an entry may
//! or may not survive, each on its own: file systems promise no order. Until a file is synced, its content may be what
//! was written, nothing, a part, or zeros.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

use std::{
    collections::BTreeMap,
    ffi::OsString,
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use super::{Content, Disk, Listed};

/// The directory that is there from the start.
pub(crate) const ROOT: &str = "/states";

#[derive(Clone)]
pub(crate) struct SimulatedDisk(Arc<Mutex<World>>);

struct World {
    files: Vec<Contents>,
    directories: BTreeMap<PathBuf, Directory>,
    notes: BTreeMap<PathBuf, u64>,
    has_links: bool,
    steps: usize,
    mishap: Option<(usize, Mishap)>,
    is_dead: bool,
}

/// What happens at a step instead of what should.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Mishap {
    /// It fails, once.
    Fails(io::ErrorKind),
    /// The process ends.
    Kills,
}

#[derive(Clone, Default)]
struct Contents {
    seen: Vec<u8>,
    durable: Option<Vec<u8>>,
}

#[derive(Clone, Copy, PartialEq)]
enum Node {
    File(usize),
    Directory,
}

#[derive(Clone, Default)]
struct Directory {
    seen: BTreeMap<OsString, Node>,
    durable: BTreeMap<OsString, Node>,
    pending: Vec<Change>,
}

#[derive(Clone)]
enum Change {
    Add(OsString, Node),
    Remove(OsString),
    Rename(OsString, OsString, Node),
}

impl Change {
    fn apply(&self, entries: &mut BTreeMap<OsString, Node>) {
        match self {
            Self::Add(name, node) => drop(entries.insert(name.clone(), *node)),
            Self::Remove(name) => drop(entries.remove(name)),
            Self::Rename(from, to, node) => {
                entries.remove(from);
                entries.insert(to.clone(), *node);
            }
        }
    }
}

impl Directory {
    fn change(&mut self, change: Change) {
        change.apply(&mut self.seen);
        self.pending.push(change);
    }
}

impl SimulatedDisk {
    pub(crate) fn new(has_links: bool) -> Self {
        let directories = BTreeMap::from([(PathBuf::from(ROOT), Directory::default())]);
        Self::of(World {
            files: Vec::new(),
            directories,
            notes: BTreeMap::new(),
            has_links,
            steps: 0,
            mishap: None,
            is_dead: false,
        })
    }

    fn of(world: World) -> Self {
        Self(Arc::new(Mutex::new(world)))
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap()
    }

    /// Lets the mishap happen at the step that comes after `steps` others.
    pub(crate) fn arm(&self, steps: usize, mishap: Mishap) {
        let mut world = self.world();
        world.mishap = Some((world.steps + steps + 1, mishap));
    }

    /// Whether the armed mishap has happened; it will not happen any more.
    pub(crate) fn disarm(&self) -> bool {
        let mut world = self.world();
        world.mishap.take().is_some_and(|(at, _)| at <= world.steps)
    }

    /// The disk as the next process finds it after a kill.
    pub(crate) fn after_kill(&self) -> Self {
        let world = self.world();
        Self::of(World {
            files: world.files.clone(),
            directories: world.directories.clone(),
            notes: world.notes.clone(),
            has_links: world.has_links,
            steps: 0,
            mishap: None,
            is_dead: false,
        })
    }

    /// The disk after a power failure, one for each way in which it may turn out; when there are very many, some.
    pub(crate) fn after_power_failures(&self) -> impl Iterator<Item = Self> + '_ {
        let mut all = Fate { bits: 0, used: 0 };
        self.after_power_failure(&mut all);
        let (used, most) = (all.used.min(63), 1 << 10);
        let step = ((1_u64 << used) / most).max(1);
        // An odd stride meets every bit in both states.
        let stride = if step > 1 { step | 1 } else { 1 };
        (0..most.min(1 << used)).map(move |index| self.after_power_failure(&mut Fate { bits: index * stride, used: 0 }))
    }

    /// The disk after a power failure, as these bits decide.
    pub(crate) fn after_power_failure(&self, fate: &mut Fate) -> Self {
        let world = self.world();
        let mut files = world.files.clone();
        for file in &mut files {
            let survived = match &file.durable {
                Some(durable) => durable.clone(),
                None => fate.content(&file.seen),
            };
            *file = Contents { seen: survived.clone(), durable: Some(survived) };
        }
        let mut directories = BTreeMap::new();
        let mut open = vec![PathBuf::from(ROOT)];
        while let Some(path) = open.pop() {
            let Directory { mut durable, pending, .. } = world.directories[&path].clone();
            for change in pending.iter().filter(|_| fate.decide()) {
                change.apply(&mut durable);
            }
            let below = durable.iter().filter(|(_, node)| **node == Node::Directory);
            open.extend(below.map(|(name, _)| path.join(name)));
            directories.insert(path, Directory { seen: durable.clone(), durable, pending: Vec::new() });
        }
        let notes = if fate.decide() { world.notes.clone() } else { BTreeMap::new() };
        Self::of(World {
            files,
            directories,
            notes,
            has_links: world.has_links,
            steps: 0,
            mishap: None,
            is_dead: false,
        })
    }

    /// Flips a bit of a file, counted around its end, for good.
    pub(crate) fn rot(&self, path: &Path, bit: usize) {
        let mut world = self.world();
        let index = world.file(path).unwrap();
        let contents = &mut world.files[index];
        let byte = bit / 8 % contents.seen.len();
        contents.seen[byte] ^= 1 << (bit % 8);
        contents.durable = contents.durable.as_ref().map(|_| contents.seen.clone());
    }

    /// The names in a directory.
    pub(crate) fn names(&self, path: &Path) -> Vec<String> {
        let world = self.world();
        let seen = world.directories.get(path).map(|directory| &directory.seen);
        seen.into_iter().flatten().map(|(name, _)| name.to_str().unwrap().to_owned()).collect()
    }

    fn step(&self) -> io::Result<MutexGuard<'_, World>> {
        let mut world = self.world();
        world.steps += 1;
        match world.mishap {
            _ if world.is_dead => Err(io::Error::other("this process is dead")),
            Some((at, Mishap::Fails(kind))) if at == world.steps => Err(kind.into()),
            Some((at, Mishap::Kills)) if at == world.steps => {
                world.is_dead = true;
                Err(io::Error::other("this process dies"))
            }
            _ => Ok(world),
        }
    }
}

/// What decides how a power failure turns out.
pub(crate) struct Fate {
    pub(crate) bits: u64,
    pub(crate) used: u32,
}

impl Fate {
    fn decide(&mut self) -> bool {
        let bit = self.bits >> (self.used % 64) & 1 == 1;
        self.used += 1;
        bit
    }

    fn content(&mut self, seen: &[u8]) -> Vec<u8> {
        match (self.decide(), self.decide()) {
            (false, false) => Vec::new(),
            (false, true) => seen[..seen.len() / 2].to_vec(),
            (true, false) => vec![0; seen.len()],
            (true, true) => seen.to_vec(),
        }
    }
}

impl World {
    fn directory(&mut self, path: &Path) -> io::Result<&mut Directory> {
        self.directories.get_mut(path).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn entry(&mut self, path: &Path) -> io::Result<(&mut Directory, OsString)> {
        let name = path.file_name().unwrap().to_owned();
        Ok((self.directory(path.parent().unwrap())?, name))
    }

    fn file(&mut self, path: &Path) -> io::Result<usize> {
        let (directory, name) = self.entry(path)?;
        match directory.seen.get(&name) {
            Some(Node::File(index)) => Ok(*index),
            Some(Node::Directory) => Err(io::ErrorKind::IsADirectory.into()),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }
}

fn absent<T>(error: io::Error, or: T) -> io::Result<T> {
    if error.kind() == io::ErrorKind::NotFound { Ok(or) } else { Err(error) }
}

impl Disk for SimulatedDisk {
    type Lock = PathBuf;
    type File = usize;

    fn lock(&self, path: &Path, _patience: Duration) -> io::Result<Option<PathBuf>> {
        let mut world = self.step()?;
        let index = world.files.len();
        let (directory, name) = world.entry(path)?;
        if !directory.seen.contains_key(&name) {
            directory.change(Change::Add(name, Node::File(index)));
            world.files.push(Contents::default());
        }
        Ok(Some(path.to_owned()))
    }

    fn note(&self, lock: &PathBuf) -> io::Result<Option<u64>> {
        Ok(self.step()?.notes.get(lock).copied())
    }

    fn set_note(&self, lock: &PathBuf, number: u64) -> io::Result<()> {
        self.step()?.notes.insert(lock.clone(), number);
        Ok(())
    }

    fn read(&self, path: &Path, limit: u64) -> io::Result<Content> {
        let mut world = self.step()?;
        let index = match world.file(path) {
            Ok(index) => index,
            Err(error) => return absent(error, Content::Absent),
        };
        let bytes = &world.files[index].seen;
        let size = bytes.len() as u64;
        Ok(if size > limit { Content::TooLarge(size) } else { Content::Bytes(bytes.clone()) })
    }

    fn list(&self, path: &Path) -> io::Result<Vec<Listed>> {
        let mut world = self.step()?;
        let entries = match world.directory(path) {
            Ok(directory) => directory.seen.clone(),
            Err(error) => return absent(error, Vec::new()),
        };
        let listed = entries.into_iter().map(|(name, node)| match node {
            Node::Directory => Listed { name, is_directory: true, bytes: 0 },
            Node::File(index) => Listed { name, is_directory: false, bytes: world.files[index].seen.len() as u64 },
        });
        Ok(listed.collect())
    }

    fn create_directory(&self, path: &Path) -> io::Result<bool> {
        let mut world = self.step()?;
        let (directory, name) = world.entry(path)?;
        if directory.seen.contains_key(&name) {
            return Ok(false);
        }
        directory.change(Change::Add(name, Node::Directory));
        world.directories.insert(path.to_owned(), Directory::default());
        Ok(true)
    }

    fn sync_directory(&self, path: &Path) -> io::Result<()> {
        let mut world = self.step()?;
        let directory = world.directory(path)?;
        directory.durable = directory.seen.clone();
        directory.pending.clear();
        Ok(())
    }

    fn create(&self, path: &Path) -> io::Result<usize> {
        let mut world = self.step()?;
        let index = world.files.len();
        let (directory, name) = world.entry(path)?;
        if directory.seen.contains_key(&name) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        directory.change(Change::Add(name, Node::File(index)));
        world.files.push(Contents::default());
        Ok(index)
    }

    fn write(&self, file: &mut usize, bytes: &[u8]) -> io::Result<()> {
        match self.step() {
            Ok(mut world) => {
                world.files[*file].seen.extend_from_slice(bytes);
                Ok(())
            }
            // A write that fails or is cut off has done half of its work.
            Err(error) => {
                self.world().files[*file].seen.extend_from_slice(&bytes[..bytes.len() / 2]);
                Err(error)
            }
        }
    }

    fn sync(&self, file: &usize) -> io::Result<()> {
        let mut world = self.step()?;
        let contents = &mut world.files[*file];
        contents.durable = Some(contents.seen.clone());
        Ok(())
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut world = self.step()?;
        if !world.has_links {
            return Err(io::ErrorKind::Unsupported.into());
        }
        let index = world.file(from)?;
        let (directory, name) = world.entry(to)?;
        if directory.seen.contains_key(&name) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        directory.change(Change::Add(name, Node::File(index)));
        Ok(())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut world = self.step()?;
        let index = world.file(from)?;
        // POSIX: two names of one file are left alone.
        if world.file(to).is_ok_and(|there| there == index) {
            return Ok(());
        }
        assert_eq!(from.parent(), to.parent());
        let (from, to) = (from.file_name().unwrap().to_owned(), to.to_owned());
        let (directory, to) = world.entry(&to)?;
        directory.change(Change::Rename(from, to, Node::File(index)));
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut world = self.step()?;
        if let Err(error) = world.file(path) {
            return absent(error, ());
        }
        let (directory, name) = world.entry(path)?;
        directory.change(Change::Remove(name));
        Ok(())
    }
}
