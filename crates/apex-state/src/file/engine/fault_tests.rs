//! R7.2, attack 71: an operation that fails at any point says so, and leaves the old state.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

use std::io::ErrorKind;

use super::scenario::{engine, file, key, load, save, scenarios, state};
use crate::{
    FileStep, Scope, StateError,
    disk::simulated::{Mishap, SimulatedDisk},
};

#[test]
fn a_failed_operation_says_so_and_leaves_the_old_state() {
    for (scenario, has_links, kind) in scenarios().iter().flat_map(|scenario| {
        let kinds = [ErrorKind::StorageFull, ErrorKind::Other];
        [true, false].into_iter().flat_map(move |links| kinds.map(|kind| (scenario, links, kind)))
    }) {
        let key = key(scenario.scope.clone());
        for step in 0.. {
            let place = format!("{}: {kind:?} at step {step}, links: {has_links}", scenario.name);
            let disk = SimulatedDisk::new(has_links);
            let process = engine(&disk);
            (scenario.prepare)(&process, &key);
            disk.arm(step, Mishap::Fails(kind));
            let result = (scenario.act)(&process, &key);
            let has_failed = disk.disarm();
            let found = load(&process, &key).unwrap();
            match &result {
                Ok(()) => assert_eq!(found, scenario.new, "{place}"),
                Err(error) => {
                    assert_eq!((error.code(), has_failed), ("StateIo", true), "{place}");
                    // A clear that failed may have forgotten the state, but not the backup.
                    let is_clear = scenario.new.is_none();
                    assert!(found == scenario.old || is_clear && found.is_none(), "{place}: {error}: {found:?}");
                    // Once the disk is well again, so is the store, in this process and in the next.
                    let process = if step % 2 == 0 { process } else { engine(&disk) };
                    if found == scenario.old {
                        (scenario.act)(&process, &key).unwrap_or_else(|error| panic!("{place}: {error}"));
                        assert_eq!(load(&process, &key).unwrap(), scenario.new, "{place}");
                    }
                }
            }
            if !has_failed {
                assert!(result.is_ok() && step > 3, "{place}");
                break;
            }
        }
    }
}

#[test]
fn a_failed_fsync_is_an_error_and_is_not_tried_again() {
    for (wanted, step) in [(FileStep::Sync, "the file"), (FileStep::SyncDirectory, "the directory")] {
        let disk = SimulatedDisk::new(true);
        let (process, key) = (engine(&disk), key(Scope::Global));
        save(&process, &key, 0, &state(1)).unwrap();
        let failed = (0..).find_map(|at| {
            disk.arm(at, Mishap::Fails(ErrorKind::Other));
            let error = save(&process, &key, 1, &state(2)).err();
            assert!(disk.disarm(), "no fsync of {step} was met");
            match error {
                Some(StateError::Io { step, .. }) if step == wanted => Some(step),
                _ => {
                    // Some other step: go on from the same state.
                    let found = load(&process, &key).unwrap();
                    assert_eq!(found, Some((1, state(1))));
                    None
                }
            }
        });
        assert_eq!(failed, Some(wanted));
        assert_eq!(load(&process, &key).unwrap(), Some((1, state(1))), "{step}");
    }
}

#[test]
fn a_failure_while_a_damaged_state_is_mended_leaves_it_to_the_next_load() {
    let key = key(Scope::Global);
    for step in 0.. {
        let disk = SimulatedDisk::new(true);
        let process = engine(&disk);
        save(&process, &key, 0, &state(1)).unwrap();
        save(&process, &key, 1, &state(2)).unwrap();
        disk.rot(&file(&key), 8 * 300);
        disk.arm(step, Mishap::Fails(ErrorKind::Other));
        let result = load(&process, &key);
        let has_failed = disk.disarm();
        match result {
            Ok(found) => assert_eq!(found, Some((1001, state(1))), "step {step}"),
            Err(error) => assert_eq!(error.code(), "StateIo", "step {step}"),
        }
        let found = load(&process, &key).unwrap();
        assert!(found.as_ref().is_some_and(|(generation, data)| *generation > 2 && *data == state(1)), "{found:?}");
        if !has_failed {
            break;
        }
    }
}
