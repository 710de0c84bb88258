//! R7.2, attack 69: a crash at any point leaves the old state or the new.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

use super::{
    scenario::{Scenario, engine, file, key, load, save, scenarios, state},
    *,
};
use crate::{
    Scope,
    disk::simulated::{Mishap, SimulatedDisk},
};

/// Crashes an operation at each of its steps, then after it, and shows every disk that may be left.
///
/// `check` gets the disk, whether the operation was acknowledged, and words for where it was.
fn crash_everywhere(
    prepare: impl Fn(&Engine<SimulatedDisk>, &SimulatedDisk),
    act: impl Fn(&Engine<SimulatedDisk>) -> Result<(), StateError>,
    mut check: impl FnMut(&SimulatedDisk, bool, &str),
) {
    for has_links in [true, false] {
        for step in 0.. {
            let disk = SimulatedDisk::new(has_links);
            prepare(&engine(&disk), &disk);
            let process = engine(&disk);
            disk.arm(step, Mishap::Kills);
            let is_acknowledged = act(&process).is_ok();
            let has_crashed = disk.disarm();
            let place = format!("step {step}, links: {has_links}");
            check(&disk.after_kill(), is_acknowledged, &format!("killed at {place}"));
            for (fate, disk) in disk.after_power_failures().enumerate() {
                check(&disk, is_acknowledged, &format!("power failed at {place}, fate {fate}"));
            }
            if !has_crashed {
                assert!(is_acknowledged && step > 3, "{place}");
                break;
            }
        }
    }
}

fn check_scenario(scenario: &Scenario) {
    let key = key(scenario.scope.clone());
    let (mut seen_old, mut seen_new) = (false, false);
    crash_everywhere(
        |engine, _| (scenario.prepare)(engine, &key),
        |engine| (scenario.act)(engine, &key),
        |disk, is_acknowledged, place| {
            let place = format!("{}: {place}", scenario.name);
            let process = engine(disk);
            let found = load(&process, &key).unwrap_or_else(|error| panic!("{place}: {error}"));
            if is_acknowledged {
                assert_eq!(found, scenario.new, "{place}");
            }
            assert!(found == scenario.old || found == scenario.new, "{place}: {found:?}");
            (seen_old, seen_new) = (seen_old || found == scenario.old, seen_new || found == scenario.new);
            // And it goes on from there.
            let last = found.as_ref().map_or(0, |(generation, _)| *generation);
            let next = save(&process, &key, last, &state(77)).unwrap_or_else(|error| panic!("{place}: {error}"));
            assert_eq!(load(&process, &key).unwrap(), Some((next, state(77))), "{place}");
            if let (None, Some((lost, _))) = (&found, &scenario.old) {
                assert!(next > *lost, "{place}: generation {next} came back");
            }
            let left: Vec<_> =
                disk.names(file(&key).parent().unwrap()).into_iter().filter(|name| is_leftover(name)).collect();
            assert_eq!(left, Vec::<String>::new(), "{place}");
        },
    );
    assert!(seen_old && seen_new, "{}: the crashes missed something", scenario.name);
}

fn is_leftover(name: &str) -> bool {
    name.ends_with(".tmp") || name.contains(".corrupt-")
}

#[test]
fn a_crash_leaves_the_old_state_or_the_new() {
    scenarios().iter().for_each(check_scenario);
}

#[test]
fn a_crash_while_a_damaged_state_is_mended_loses_nothing() {
    let key = key(Scope::Global);
    crash_everywhere(
        |engine, disk| {
            save(engine, &key, 0, &state(1)).unwrap();
            save(engine, &key, 1, &state(2)).unwrap();
            disk.rot(&file(&key), 8 * 300);
        },
        |engine| load(engine, &key).map(drop),
        |disk, _, place| {
            let found = load(&engine(disk), &key).unwrap_or_else(|error| panic!("{place}: {error}"));
            // The lost state went by 2, so its backup goes by something higher from now on.
            assert!(
                found.as_ref().is_some_and(|(generation, data)| *generation > 2 && *data == state(1)),
                "{place}: {found:?}"
            );
            let names = disk.names(file(&key).parent().unwrap());
            assert!(names.iter().any(|name| name.contains(".corrupt-17")), "{place}: {names:?}");
        },
    );
}
