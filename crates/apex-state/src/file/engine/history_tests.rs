//! Any history of saves, clears, damage and crashes, against a model.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::Value;

use super::scenario::{engine, file, key, load, save, state};
use crate::{
    Scope, StateKey,
    disk::simulated::{Fate, Mishap, SimulatedDisk},
};

#[derive(Debug, Clone)]
enum Event {
    Save { crash: Option<Crash> },
    Clear { crash: Option<Crash> },
    Rot { bit: prop::sample::Index },
}

#[derive(Debug, Clone, Copy)]
struct Crash {
    step: usize,
    /// How the power failure turns out; without it the process is killed.
    fate: Option<u64>,
}

fn event() -> impl Strategy<Value = Event> {
    let crash = || {
        let crash = (0..16_usize, prop::option::of(any::<u64>())).prop_map(|(step, fate)| Crash { step, fate });
        prop::option::weighted(0.6, crash)
    };
    prop_oneof![
        6 => crash().prop_map(|crash| Event::Save { crash }),
        1 => crash().prop_map(|crash| Event::Clear { crash }),
        1 => any::<prop::sample::Index>().prop_map(|bit| Event::Rot { bit }),
    ]
}

type Found = Option<(u64, Value)>;

/// What anybody may know of the state.
#[derive(Default)]
struct Model {
    now: Found,
    /// What a power failure may leave: the last state that was acknowledged, and all that were cut off since.
    possible: Vec<Found>,
    /// Every generation that was loaded since the power last failed, with what it was.
    seen: BTreeMap<u64, Value>,
    /// Every state that was ever loaded.
    states: Vec<Value>,
    saves: u64,
}

impl Model {
    fn observe(&mut self, found: Found) {
        if let Some((generation, data)) = &found {
            let before = self.seen.insert(*generation, data.clone());
            self.states.push(data.clone());
            assert!(before.is_none_or(|before| before == *data), "generation {generation} came back as another state");
        }
        self.now = found;
    }

    fn generation(&self) -> u64 {
        self.now.as_ref().map_or(0, |(generation, _)| *generation)
    }

    /// Whether a power failure may leave this. If of a state that was cut off only the name as a backup survived, it
    /// goes by a new number.
    fn is_possible(&self, found: &Found) -> bool {
        let is_it = |possible: &Found| match (possible, found) {
            (Some((number, data)), Some((found_number, found))) => number <= found_number && data == found,
            (possible, found) => possible == found,
        };
        self.possible.iter().any(is_it)
    }

    /// Runs an operation that leads to what `is_new` knows, and may be cut off; returns the disk that is left.
    fn interrupted(
        &mut self,
        disk: SimulatedDisk,
        key: &StateKey,
        crash: Option<Crash>,
        act: impl FnOnce(&SimulatedDisk) -> bool,
        is_new: impl Fn(&Found) -> bool,
    ) -> SimulatedDisk {
        if let Some(Crash { step, .. }) = crash {
            disk.arm(step, Mishap::Kills);
        }
        let is_acknowledged = act(&disk);
        let has_crashed = disk.disarm();
        assert!(is_acknowledged || has_crashed, "an operation failed though nothing went wrong");
        let left = match crash {
            None => disk,
            Some(Crash { fate: None, .. }) => disk.after_kill(),
            Some(Crash { fate: Some(bits), .. }) => {
                // Whoever saw anything is gone, too.
                self.seen.clear();
                disk.after_power_failure(&mut Fate { bits, used: 0 })
            }
        };
        let found = load(&engine(&left), key).unwrap();
        let has_lost_power = matches!(crash, Some(Crash { fate: Some(_), .. }));
        if is_acknowledged {
            assert!(is_new(&found), "acknowledged, and then {found:?}");
        } else if has_lost_power {
            assert!(is_new(&found) || self.is_possible(&found), "{found:?} out of nowhere");
        } else {
            assert!(is_new(&found) || self.now == found, "{found:?} out of nowhere");
        }
        if is_acknowledged || has_lost_power {
            self.possible.clear();
        }
        self.possible.push(found.clone());
        self.observe(found);
        left
    }

    /// Flips a bit of the state; what is loaded then is the state, an earlier one, or a clear error.
    fn rot(&mut self, disk: &SimulatedDisk, key: &StateKey, bit: usize) {
        disk.rot(&file(key), bit);
        match load(&engine(disk), key) {
            // The newline at the end may become another white space.
            Ok(found) if found == self.now => return,
            Ok(found) => {
                let (_, data) = found.clone().unwrap();
                assert!(self.states.contains(&data), "{data} was never there");
                self.observe(found);
            }
            Err(error) => {
                assert_eq!(error.code(), "StateCorrupt");
                assert!(engine(disk).clear(key).unwrap());
                self.observe(None);
                assert_eq!(load(&engine(disk), key).unwrap(), None);
            }
        }
        self.possible = vec![self.now.clone()];
    }
}

fn run(key: &StateKey, has_links: bool, events: Vec<Event>) {
    let mut disk = SimulatedDisk::new(has_links);
    let mut model = Model { possible: vec![None], ..Model::default() };
    for event in events {
        match event {
            Event::Save { crash } => {
                model.saves += 1;
                let (expected, data) = (model.generation(), state(model.saves));
                let act = |disk: &SimulatedDisk| save(&engine(disk), key, expected, &data).is_ok();
                let is_new = |found: &Found| found.as_ref().is_some_and(|(_, found)| *found == data);
                disk = model.interrupted(disk, key, crash, act, is_new);
            }
            Event::Clear { crash } => {
                let act = |disk: &SimulatedDisk| engine(disk).clear(key).is_ok();
                disk = model.interrupted(disk, key, crash, act, Option::is_none);
            }
            Event::Rot { bit } if model.now.is_some() => model.rot(&disk, key, bit.index(1 << 20)),
            Event::Rot { .. } => {}
        }
    }
}

proptest! {
    #[test]
    fn no_history_loses_an_acknowledged_state_or_repeats_a_generation(
        events in prop::collection::vec(event(), 1..30), has_links in any::<bool>(), is_global in any::<bool>(),
    ) {
        let scope = if is_global { Scope::Global } else { Scope::Tenant("acme".parse().unwrap()) };
        run(&key(scope), has_links, events);
    }
}
