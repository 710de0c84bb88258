//! A library that is swapped without pause while it is verified: attack 38, as a test and, at full length, as a program.

#![expect(clippy::disallowed_methods, reason = "swapping is the attack, durability is not")]

use std::{
    fs::{self, OpenOptions},
    io::{self, Read as _, Write as _},
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
    sync::Arc,
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
}

/// What became of the loads.
#[derive(Debug, Clone, Copy, Default)]
pub struct Outcome {
    /// How many were accepted, each with the genuine bytes.
    pub accepted: u64,
    /// How many ended in `ChecksumMismatch`.
    pub refused: u64,
    /// How many of the accepted were mapped by the dynamic linker.
    pub mapped: u64,
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
        Self { plugin: packaged.directory, document: packaged.document, verifier, genuine, room }
    }

    /// Where the libraries to swap lie, for [`Swapper::open`] in another process.
    pub fn room(&self) -> &Path {
        self.room.path()
    }

    /// Where the plugin's library lies.
    pub fn library(&self) -> PathBuf {
        self.plugin.join("lib").join(TARGET_TRIPLE).join("libswapped.so")
    }

    /// Verifies the plugin as many times as asked, and calls `map` with every accepted one until it was called
    /// `mappings` times; that is to load the library and to say whether what is mapped holds the genuine content.
    ///
    /// # Errors
    /// What went wrong: other bytes were accepted or mapped, or a refusal was no `ChecksumMismatch`.
    pub fn run(
        &self,
        loads: u64,
        mappings: u64,
        mut map: impl FnMut(&Path) -> Result<Vec<u8>, String>,
    ) -> Result<Outcome, String> {
        let mut outcome = Outcome::default();
        let mut sealed = Vec::new();
        for number in 0..loads {
            match self.verifier.verify(&self.plugin, &self.document, false, false) {
                Ok(verified) => {
                    outcome.accepted += 1;
                    self.compare(&verified, &mut sealed).map_err(|error| format!("load {number}: {error}"))?;
                    if outcome.mapped < mappings {
                        outcome.mapped += 1;
                        let content =
                            map(&verified.library().path()).map_err(|error| format!("load {number}: {error}"))?;
                        if content.len() != CONTENT || content.iter().any(|byte| *byte != GENUINE) {
                            return Err(format!("load {number}: unverified bytes are mapped"));
                        }
                    }
                }
                Err(error) if error.code() == "ChecksumMismatch" => outcome.refused += 1,
                Err(error) => return Err(format!("load {number}: {}, {error}", error.code())),
            }
        }
        Ok(outcome)
    }

    fn compare(&self, verified: &Verified, sealed: &mut Vec<u8>) -> Result<(), String> {
        sealed.clear();
        verified.library().reader().read_to_end(sealed).map_err(|error| format!("the sealed bytes: {error}"))?;
        if *sealed == self.genuine { Ok(()) } else { Err("unverified bytes are sealed".to_owned()) }
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
    turn: usize,
}

impl Swapper {
    /// Reads the libraries of a [`SwapRace::room`], to be put in the place of `library`.
    ///
    /// # Errors
    /// They cannot be read.
    pub fn open(room: &Path, library: &Path) -> io::Result<Self> {
        let libraries = [fs::read(room.join("evil"))?, fs::read(room.join("genuine"))?];
        Ok(Self { room: room.to_owned(), library: library.to_owned(), libraries, turn: 0 })
    }

    /// Swaps once: by rename, by overwriting in place in pieces, or by cutting the file off and writing it anew.
    ///
    /// # Errors
    /// The files cannot be written.
    pub fn swap(&mut self) -> io::Result<()> {
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

    /// How often it has swapped.
    pub fn swaps(&self) -> usize {
        self.turn
    }
}
