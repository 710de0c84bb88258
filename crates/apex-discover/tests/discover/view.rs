//! Everything that a catalogue says, as text to compare; and clocks that say how old changes are.

use std::{
    fs,
    os::unix::fs::MetadataExt as _,
    path::Path,
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, SystemTime},
};

use apex_discover::{Assess, Assessment, Cache, Candidate, Catalogue, Discovery, Entry, Options, Overrides, Root};
use apex_meta::{Digest, Document};

use crate::plant::{Judge, Roots};

/// Everything that a catalogue says.
pub(crate) fn view(catalogue: &Catalogue) -> Vec<String> {
    let entry = |entry: &Entry| {
        let about = (entry.id(), entry.version(), entry.name(), entry.author(), entry.tags(), entry.permissions());
        let place = (entry.path(), entry.root(), entry.is_dev(), entry.actions());
        let outcome = (entry.status(), entry.reason(), entry.warnings(), entry.intended_state(), entry.owner());
        let trust = (entry.signer(), entry.is_trusted(), entry.digest(), entry.placement());
        let faults = (entry.faults(), entry.fault_warnings());
        let document = entry.document().map(|document| document.value().to_string());
        format!("{about:?} {place:?} {outcome:?} {trust:?} {faults:?} {document:?}")
    };
    let problems = catalogue.problems().iter().map(|problem| format!("{problem:?}"));
    catalogue.entries().iter().map(entry).chain(problems).collect()
}

/// A discovery by a judge whose facts can be kept; every change counts as long past.
pub(crate) fn discovery(roots: &[Root], adjust: impl FnOnce(Options) -> Options) -> Discovery<Digest> {
    let later = || SystemTime::now() + Duration::from_secs(3_600);
    Discovery::new(roots.to_vec(), adjust(Options::default().clock(later)))
}

/// What a first scan in this place, with nothing known, says.
pub(crate) fn cold(roots: &Roots) -> Vec<String> {
    view(&roots.discover())
}

/// What a scan with this cache says.
pub(crate) fn warm(roots: &Roots, cache: &Path) -> Vec<String> {
    view(&discovery(&roots.roots, |options| options.cache(Cache::new(cache))).scan(&Judge, &Overrides::empty()))
}

/// Judges as the other one, and counts how often it was asked for facts.
#[derive(Default)]
pub(crate) struct Counting(AtomicUsize);

impl Counting {
    /// How many were examined since the last time it was asked.
    pub(crate) fn examined(&self) -> usize {
        self.0.swap(0, Ordering::Relaxed)
    }
}

impl Assess for Counting {
    type Facts = Digest;

    fn examine(&self, candidate: &Candidate, document: &Document) -> Digest {
        self.0.fetch_add(1, Ordering::Relaxed);
        Judge.examine(candidate, document)
    }

    fn judge(&self, group: &[(&Candidate, &Digest)]) -> Vec<Assessment> {
        Judge.judge(group)
    }

    fn store_facts(&self, facts: &Digest) -> Option<Vec<u8>> {
        Judge.store_facts(facts)
    }

    fn restore_facts(&self, stored: &[u8]) -> Option<Digest> {
        Judge.restore_facts(stored)
    }
}

/// Waits until the file system's clock has moved on, so that a change from now on has another time than all before.
pub(crate) fn tick(near: &Path) {
    let probe = near.join(".tick");
    let touch = || {
        fs::write(&probe, b"tick").unwrap();
        let metadata = fs::metadata(&probe).unwrap();
        (metadata.ctime(), metadata.ctime_nsec())
    };
    let before = touch();
    while touch() <= before {
        std::hint::spin_loop();
    }
}
