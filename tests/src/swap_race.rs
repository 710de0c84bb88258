//! A library that is swapped without pause while it is verified: attack 38, as a test and, at full length, as a program.
//!
//! Who is faster must not matter: now and then the swapper rests, on the genuine library or on the other one, until a
//! load has been made meanwhile; so both are met on any machine. The two tell each other what they have done in a file,
//! since they may be two processes.

#![expect(clippy::disallowed_methods, reason = "swapping is the attack, durability is not")]

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read as _, Write as _},
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use apex_package::{Layout, publish};
use apex_plugins::{
    Policy, TrustStore,
    meta::{Document, Placement, TARGET_TRIPLE},
    trust::{SigningKey, Verified, Verifier},
};
use serde_json::json;
use tempfile::TempDir;

use crate::minimal_elf::{DT_SYMTAB, MinimalElf};

/// How long the content of both libraries is, which only it tells apart: some pages, so that writing takes a while.
const CONTENT: usize = 40_000;

const GENUINE: u8 = b'g';
const EVIL: u8 = b'e';

/// A signed plugin in a directory of its own, and what is needed to swap and to verify it.
pub struct SwapRace {
    room: TempDir,
    plugin: PathBuf,
    document: Document,
    verifier: Verifier,
    genuine: Vec<u8>,
    tally: Tally,
}

/// What became of the loads.
#[derive(Debug, Clone, Copy, Default)]
pub struct Outcome {
    /// How many there were.
    pub loads: u64,
    /// How many a swap fell into.
    pub raced: u64,
    /// How many were accepted, each with the genuine bytes.
    pub accepted: u64,
    /// How many ended in `ChecksumMismatch`.
    pub refused: u64,
    /// How many of the accepted were mapped by the dynamic linker.
    pub mapped: u64,
}

impl Outcome {
    fn reaches(&self, goal: &Self) -> bool {
        let pairs = [
            (self.loads, goal.loads),
            (self.raced, goal.raced),
            (self.accepted, goal.accepted),
            (self.refused, goal.refused),
            (self.mapped, goal.mapped),
        ];
        pairs.iter().all(|(reached, wanted)| reached >= wanted)
    }
}

/// How many loads and swaps there were, in a file.
struct Tally(File);

impl Tally {
    const LOADS: u64 = 0;
    const SWAPS: u64 = 8;

    fn open(room: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().create(true).read(true).write(true).truncate(false).open(room.join("tally"))?;
        file.set_len(16)?;
        Ok(Self(file))
    }

    fn of(&self, which: u64) -> io::Result<u64> {
        let mut bytes = [0; 8];
        self.0.read_exact_at(&mut bytes, which)?;
        Ok(u64::from_le_bytes(bytes))
    }

    fn tell(&self, which: u64, number: u64) -> io::Result<()> {
        self.0.write_all_at(&number.to_le_bytes(), which)
    }
}

impl SwapRace {
    /// Lays out and signs a plugin whose library is the smallest that the dynamic linker takes.
    pub fn new() -> Self {
        let room = tempfile::tempdir().expect("a directory can be made");
        let library_of = |byte| MinimalElf::new().entry(DT_SYMTAB, 0).content(&[byte; CONTENT]).build();
        let (genuine, evil) = (library_of(GENUINE), library_of(EVIL));
        assert_eq!(genuine.len(), evil.len(), "the libraries differ in their content alone");
        let library = room.path().join("libswapped.so");
        fs::write(&library, &genuine).expect("a file can be written");
        fs::write(room.path().join("evil"), &evil).expect("a file can be written");
        fs::write(room.path().join("genuine"), &genuine).expect("a file can be written");

        let key = SigningKey::generate().expect("the system has random numbers");
        let mut store = TrustStore::empty();
        store.add_publisher("acme", key.public_key(), &["com.acme"], Placement::InProcess).expect("a publisher");
        let metadata = json!({
            "id": "com.acme.swapped", "name": "Swapped", "version": "1.0.0", "description": "Is swapped.", "author": "Acme",
            "entry_point": "swapped::Swapped", "actions": [],
        });
        let mut layout = Layout::new(Document::from_value(metadata).expect("valid metadata")).expect("a layout");
        layout.add_library(TARGET_TRIPLE, &library).expect("a library");
        let packaged = publish(&layout, &room.path().join("out"), Some(&key)).expect("a fresh directory");
        let verifier = Verifier::new(Arc::new(store), Policy::standard());
        let tally = Tally::open(room.path()).expect("a file can be made");
        Self { plugin: packaged.directory, document: packaged.document, verifier, genuine, tally, room }
    }

    /// Where the libraries to swap lie, for [`Swapper::open`] in another process.
    pub fn room(&self) -> &Path {
        self.room.path()
    }

    /// Where the plugin's library lies.
    pub fn library(&self) -> PathBuf {
        self.plugin.join("lib").join(TARGET_TRIPLE).join("libswapped.so")
    }

    /// Verifies the plugin until all of the goal is reached, and calls `map` with every accepted one until it was called
    /// as often as the goal says; that is to load the library and to give what is mapped of its content.
    ///
    /// # Errors
    /// What went wrong: other bytes were accepted or mapped, a refusal was no `ChecksumMismatch`, or the goal was not
    /// reached within `at_most`.
    pub fn run(
        &self,
        goal: &Outcome,
        at_most: Duration,
        mut map: impl FnMut(&Path) -> Result<Vec<u8>, String>,
    ) -> Result<Outcome, String> {
        let (start, mut outcome) = (Instant::now(), Outcome::default());
        while !outcome.reaches(goal) {
            if start.elapsed() > at_most {
                return Err(format!("not done after {at_most:?}: {outcome:?}"));
            }
            self.load(&mut outcome, goal, &mut map).map_err(|error| format!("load {}: {error}", outcome.loads))?;
        }
        Ok(outcome)
    }

    fn load(
        &self,
        outcome: &mut Outcome,
        goal: &Outcome,
        map: &mut impl FnMut(&Path) -> Result<Vec<u8>, String>,
    ) -> Result<(), String> {
        let tallied = |error: io::Error| format!("the tally: {error}");
        let swaps = self.tally.of(Tally::SWAPS).map_err(tallied)?;
        let verified = self.verifier.verify(&self.plugin, &self.document, false, false);
        outcome.loads += 1;
        outcome.raced += u64::from(swaps != self.tally.of(Tally::SWAPS).map_err(tallied)?);
        self.tally.tell(Tally::LOADS, outcome.loads).map_err(tallied)?;
        match verified {
            Ok(verified) => {
                outcome.accepted += 1;
                self.compare(&verified)?;
                if outcome.mapped < goal.mapped {
                    outcome.mapped += 1;
                    let content = map(&verified.library().path())?;
                    if content.len() != CONTENT || content.iter().any(|byte| *byte != GENUINE) {
                        return Err("unverified bytes are mapped".to_owned());
                    }
                }
            }
            Err(error) if error.code() == "ChecksumMismatch" => outcome.refused += 1,
            Err(error) => return Err(format!("{}, {error}", error.code())),
        }
        Ok(())
    }

    fn compare(&self, verified: &Verified) -> Result<(), String> {
        let mut sealed = Vec::with_capacity(self.genuine.len());
        verified.library().reader().read_to_end(&mut sealed).map_err(|error| format!("the sealed bytes: {error}"))?;
        if sealed == self.genuine { Ok(()) } else { Err("unverified bytes are sealed".to_owned()) }
    }

    /// Where the content stands in the library's file, and so from its first mapped address.
    pub fn content_range(&self) -> std::ops::Range<usize> {
        self.genuine.len() - CONTENT..self.genuine.len()
    }
}

impl Default for SwapRace {
    fn default() -> Self {
        Self::new()
    }
}

/// Puts one library after the other in the place of a plugin's, in each way that there is.
pub struct Swapper {
    room: PathBuf,
    library: PathBuf,
    libraries: [Vec<u8>; 2],
    tally: Tally,
    turn: usize,
}

/// After how many swaps the swapper rests: an odd number, so that it rests on either library in turn.
const SWAPS_BEFORE_REST: usize = 31;

impl Swapper {
    /// Reads the libraries of a [`SwapRace::room`], to be put in the place of `library`.
    ///
    /// # Errors
    /// They cannot be read.
    pub fn open(room: &Path, library: &Path) -> io::Result<Self> {
        let libraries = [fs::read(room.join("evil"))?, fs::read(room.join("genuine"))?];
        let tally = Tally::open(room)?;
        Ok(Self { room: room.to_owned(), library: library.to_owned(), libraries, tally, turn: 0 })
    }

    /// Swaps for as long as it is told to, without pause but for the rests.
    ///
    /// # Errors
    /// The files cannot be written.
    pub fn run(&mut self, goes_on: impl Fn() -> bool) -> io::Result<()> {
        while goes_on() {
            self.swap()?;
            self.tally.tell(Tally::SWAPS, self.turn as u64)?;
            if self.turn.is_multiple_of(SWAPS_BEFORE_REST) {
                self.rest(&goes_on)?;
            }
        }
        Ok(())
    }

    /// Waits until a load has begun and ended: of the next two ends, one may be of a load that had begun before.
    fn rest(&self, goes_on: impl Fn() -> bool) -> io::Result<()> {
        let loads = self.tally.of(Tally::LOADS)?;
        while goes_on() && self.tally.of(Tally::LOADS)? < loads + 2 {
            thread::yield_now();
        }
        Ok(())
    }

    /// Swaps once: by rename, by overwriting in place in pieces, or by cutting the file off and writing it anew.
    fn swap(&mut self) -> io::Result<()> {
        let bytes = &self.libraries[self.turn % 2];
        match self.turn / 2 % 3 {
            0 => {
                let staged = self.room.join("staged");
                fs::write(&staged, bytes)?;
                fs::rename(staged, &self.library)?;
            }
            1 => {
                let file = OpenOptions::new().write(true).open(&self.library)?;
                for (number, piece) in bytes.chunks(4096).enumerate() {
                    file.write_all_at(piece, number as u64 * 4096)?;
                }
            }
            _ => OpenOptions::new().write(true).truncate(true).open(&self.library)?.write_all(bytes)?,
        }
        self.turn += 1;
        Ok(())
    }
}
