//! A file of the discovery cache.

use std::{
    fs::{self, File},
    io::Write as _,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use apex_discover::{Assess, Assessment, Cache, Candidate, Catalogue, Discovery, Options, Overrides, Root};
use apex_files::{Directory, Stamp};
use apex_meta::{Document, Status};
use tempfile::TempDir;

/// Before the index: magic, format, and the lengths of index and file.
const HEAD: usize = 24;

/// A plugin with everything that a summary holds.
pub const MANIFEST: &str = r#"{"name": "A", "id": "com.acme.a", "version": "1.0.0-rc.1+b", "description": "Does.", "author": "Acme",
    "entry_point": "a::A", "tags": ["t"], "permissions_required": ["p"], "api_version": "^1",
    "dependencies": {"plugins": [{"id": "com.acme.b", "version_specifier": ">=1, <3"}]},
    "actions": [{"name": "act", "description": "Acts.", "returns_stream": true, "stream_metadata": {"content_type": "a/b"}}]}"#;

/// Whatever a file of the cache says, a scan ends, and shows nothing but what lies below its root; a file that does not
/// say itself that it is whole says nothing.
///
/// The first byte says what the rest is: a whole file, the units of one whose hash is made right, or the finds of one
/// whose stamps hold as well.
pub fn cache(bytes: &[u8]) {
    thread_local!(static ROOM: Room = Room::new(tempfile::tempdir().unwrap(), |root| plant(&root.join("a"), MANIFEST)));
    let Some((kind, rest)) = bytes.split_first() else { return };
    ROOM.with(|room| {
        let file = match kind % 3 {
            0 => rest.to_vec(),
            1 => room.with_units(rest),
            _ => room.with_finds(rest),
        };
        room.write(&file);
        let found = room.scan();
        let is_below = |path: Option<&Path>| path.is_some_and(|path| path.starts_with(&room.root));
        assert!(found.entries().iter().all(|entry| is_below(entry.path())), "{found:?}");
        for entry in found.entries() {
            // Reads the text that the file claims for it.
            assert!(entry.document().is_none_or(|document| Some(document.id()) == entry.id()) || kind % 3 != 0);
        }
        if kind % 3 == 0 && file != room.file {
            assert_eq!(outcome(&found), room.expected);
        }
    });
}

#[allow(dead_code, reason = "for the seeds")]
/// The finds, as a cache keeps them, of what is planted in the directory `a` of a root; the same ones each time, since they
/// hold the root's path.
pub fn finds(plant: impl Fn(&Path)) -> Vec<u8> {
    let temp = tempfile::Builder::new().prefix("apex-fuzz-seed").rand_bytes(0).tempdir_in("/tmp").unwrap();
    let room = Room::new(temp, plant);
    room.file[room.finds_at..room.index_end].to_vec()
}

/// Makes a directory with a `plugin.json`.
pub fn plant(directory: &Path, manifest: &str) {
    fs::create_dir_all(directory).unwrap();
    write(&directory.join("plugin.json"), manifest.as_bytes());
}

/// A root with one directory, and the cache of it.
struct Room {
    _temp: TempDir,
    root: PathBuf,
    cache: PathBuf,
    path: PathBuf,
    file: Vec<u8>,
    /// Where the count of units, the finds of the only one, and the hash begin.
    units_at: usize,
    finds_at: usize,
    index_end: usize,
    expected: Vec<(Option<PathBuf>, Status)>,
}

impl Room {
    fn new(temp: TempDir, plant: impl Fn(&Path)) -> Self {
        let base = temp.path().canonicalize().unwrap();
        let (root, cache) = (base.join("root"), base.join("cache"));
        fs::create_dir(&root).unwrap();
        plant(&root);
        let path = PathBuf::new();
        let mut room = Self {
            _temp: temp,
            root,
            cache,
            path,
            file: Vec::new(),
            units_at: 0,
            finds_at: 0,
            index_end: 0,
            expected: Vec::new(),
        };
        room.expected = outcome(&room.scan());
        room.path = Cache::new(&room.cache).files().unwrap()[0].path.clone();
        room.file = fs::read(&room.path).unwrap();
        room.index_end = HEAD + usize::try_from(u64::from_le_bytes(room.file[8..16].try_into().unwrap())).unwrap();
        room.units_at = HEAD + 32 + 1 + Stamp::LENGTH + 4 + room.root.as_os_str().len();
        room.finds_at = stamps(&room.root).iter().map(|stamp| end_of(stamp, &room.file)).max().unwrap();
        room
    }

    fn with_units(&self, units: &[u8]) -> Vec<u8> {
        self.sealed([&self.file[HEAD..self.units_at], units].concat())
    }

    fn with_finds(&self, finds: &[u8]) -> Vec<u8> {
        // The count, the length of the only unit, and the unit, which begins with the place of its text.
        let mut unit = self.file[self.units_at + 8..self.finds_at].to_vec();
        unit.extend(finds);
        let length = u32::try_from(unit.len()).unwrap().to_le_bytes();
        let index_length = self.units_at - HEAD + 8 + unit.len();
        unit[..8].copy_from_slice(&((HEAD + index_length + 32) as u64).to_le_bytes());
        self.sealed([&self.file[HEAD..self.units_at], &1_u32.to_le_bytes(), &length, &unit].concat())
    }

    /// The file of an index, with the text of the real one.
    fn sealed(&self, index: Vec<u8>) -> Vec<u8> {
        let texts = &self.file[self.index_end + 32..];
        let length = HEAD + index.len() + 32 + texts.len();
        let mut file = self.file[..8].to_vec();
        file.extend((index.len() as u64).to_le_bytes());
        file.extend((length as u64).to_le_bytes());
        file.extend(index);
        let hash = blake3::hash(&file);
        file.extend(hash.as_bytes());
        file.extend(texts);
        file
    }

    fn write(&self, bytes: &[u8]) {
        write(&self.path, bytes);
    }

    fn scan(&self) -> Catalogue {
        let later = || SystemTime::now() + Duration::from_secs(3_600);
        let options = Options::default().cache(Cache::new(&self.cache)).clock(later);
        Discovery::new(vec![Root::new(&self.root)], options).scan(&Pass, &Overrides::empty())
    }
}

fn write(path: &Path, bytes: &[u8]) {
    let mut file = File::options().write(true).create(true).truncate(true).open(path).unwrap();
    file.write_all(bytes).unwrap();
}

/// The stamps of everything below a directory.
fn stamps(directory: &Path) -> Vec<Stamp> {
    let open = Directory::open(directory).unwrap();
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let entry = entry.unwrap();
        found.push(open.stamp_of(entry.file_name()).unwrap());
        if entry.file_type().unwrap().is_dir() {
            found.extend(stamps(&entry.path()));
        }
    }
    found
}

/// Where the last occurrence of a stamp ends.
fn end_of(stamp: &Stamp, file: &[u8]) -> usize {
    let at = file.windows(Stamp::LENGTH).rposition(|window| window == stamp.as_bytes());
    at.map_or(0, |at| at + Stamp::LENGTH)
}

fn outcome(catalogue: &Catalogue) -> Vec<(Option<PathBuf>, Status)> {
    catalogue.entries().iter().map(|entry| (entry.path().map(Path::to_owned), entry.status())).collect()
}

/// Lets everything pass; its facts are a byte.
struct Pass;

impl Assess for Pass {
    type Facts = ();

    fn examine(&self, _candidate: &Candidate, _document: &Document) {}

    fn judge(&self, group: &[(&Candidate, &())]) -> Vec<Assessment> {
        group.iter().map(|_| Assessment::accepted()).collect()
    }

    fn store_facts(&self, _facts: &()) -> Option<Vec<u8>> {
        Some(vec![1])
    }

    fn restore_facts(&self, stored: &[u8]) -> Option<()> {
        (stored == [1]).then_some(())
    }
}
