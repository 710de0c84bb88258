//! Situations that the tests of crashes and faults go through.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

use std::{
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, UNIX_EPOCH},
};

use serde_json::{Value, json};

use super::Engine;
use crate::{
    FileStateOptions, Scope, StateError, StateKey,
    disk::simulated::{ROOT, SimulatedDisk},
    file::place::Place,
};

/// Before, in between, and after: what a state may be when an operation was interrupted.
pub(super) struct Scenario {
    pub(super) name: &'static str,
    pub(super) scope: Scope,
    /// Leads to where the operation starts.
    pub(super) prepare: fn(&Engine<SimulatedDisk>, &StateKey),
    /// The operation, with the generation to build on.
    pub(super) act: fn(&Engine<SimulatedDisk>, &StateKey) -> Result<(), StateError>,
    /// What is loaded if it did not happen.
    pub(super) old: Option<(u64, Value)>,
    /// What is loaded if it did.
    pub(super) new: Option<(u64, Value)>,
}

pub(super) fn engine(disk: &SimulatedDisk) -> Engine<SimulatedDisk> {
    static SECONDS: AtomicU64 = AtomicU64::new(1_795_384_800);
    let clock = || UNIX_EPOCH + Duration::from_secs(SECONDS.fetch_add(1, Ordering::Relaxed));
    Engine::new(disk.clone(), ROOT.into(), FileStateOptions::default().clock(clock))
}

pub(super) fn key(scope: Scope) -> StateKey {
    StateKey::new("com.acme.counter".parse().unwrap(), "1.0.2".parse().unwrap()).with_scope(scope)
}

pub(super) fn file(key: &StateKey) -> PathBuf {
    Place::of(Path::new(ROOT), key).file()
}

pub(super) fn save(
    engine: &Engine<SimulatedDisk>,
    key: &StateKey,
    expected: u64,
    data: &Value,
) -> Result<u64, StateError> {
    engine.save(key, expected, &serde_json::to_vec(data).unwrap())
}

/// Generation and data, which is all that counts here.
pub(super) fn load(engine: &Engine<SimulatedDisk>, key: &StateKey) -> Result<Option<(u64, Value)>, StateError> {
    Ok(engine.load(key)?.map(|record| (record.generation, record.data)))
}

pub(super) fn state(count: u64) -> Value {
    json!({"count": count, "note": "a state that is long enough to be torn somewhere in its middle"})
}

fn save_states(engine: &Engine<SimulatedDisk>, key: &StateKey, count: u64) {
    for generation in 0..count {
        save(engine, key, generation, &state(generation + 1)).unwrap();
    }
}

pub(super) fn scenarios() -> Vec<Scenario> {
    let user = Scope::User { tenant: Some("acme".parse().unwrap()), user: "ada".parse().unwrap() };
    let kept = |generation| Some((generation, state(generation)));
    let base =
        |name, old, new| Scenario { name, scope: Scope::Global, prepare: |_, _| {}, act: |_, _| Ok(()), old, new };
    vec![
        Scenario {
            act: |engine, key| save(engine, key, 0, &state(1)).map(drop),
            ..base("the first save", None, kept(1))
        },
        Scenario {
            scope: user,
            act: |engine, key| save(engine, key, 0, &state(1)).map(drop),
            ..base("the first save for a user", None, kept(1))
        },
        Scenario {
            prepare: |engine, key| save_states(engine, key, 1),
            act: |engine, key| save(engine, key, 1, &state(2)).map(drop),
            ..base("the second save", kept(1), kept(2))
        },
        Scenario {
            prepare: |engine, key| save_states(engine, key, 2),
            act: |engine, key| save(engine, key, 2, &state(3)).map(drop),
            ..base("the third save", kept(2), kept(3))
        },
        Scenario {
            prepare: |engine, key| save_states(engine, key, 2),
            act: |engine, key| engine.clear(key).map(drop),
            ..base("a clear", kept(2), None)
        },
        Scenario {
            prepare: |engine, key| {
                save_states(engine, key, 2);
                assert!(engine.clear(key).unwrap());
            },
            act: |engine, key| save(engine, key, 0, &state(4)).map(drop),
            ..base("a save after a clear", None, kept(4))
        },
    ]
}
