//! Attack 62 and failing disks, at every step of an install, an update, a removal and a rollback.

use std::io::ErrorKind;

use apex_trust::Policy;

use super::fixture::{Workshop, active, assert_clean, assert_sound, request};
use crate::{
    InstallError, Ledger, Planner, Store,
    disk::faulty::{FaultyDisk, Mishap, Moment},
};

/// Something that is done to a store, from one state to another.
struct Scenario {
    name: &'static str,
    prepare: fn(&Workshop, &Store),
    act: fn(&Workshop, &Store) -> Result<Ledger, InstallError>,
    old: &'static [&'static str],
    new: &'static [&'static str],
}

const SCENARIOS: [Scenario; 4] = [
    Scenario {
        name: "the first install",
        prepare: |_, _| {},
        act: |shop, store| shop.install(store, &["app ^1"]),
        old: &[],
        new: &["app 1.0.0", "base 1.0.0"],
    },
    Scenario {
        name: "an update of two that collects one",
        prepare: |shop, store| drop(shop.install(store, &["app ^1"]).unwrap()),
        act: |shop, store| {
            let plan = shop.plan(store, &["app ^2"])?;
            store.apply(&plan, &shop.verifier(), 0).map(|done| done.ledger)
        },
        old: &["app 1.0.0", "base 1.0.0"],
        new: &["app 2.0.0", "base 2.0.0"],
    },
    Scenario {
        name: "a removal",
        prepare: |shop, store| drop(shop.install(store, &["app ^1"]).unwrap()),
        act: |shop, store| shop.remove(store, &["app"], false),
        old: &["app 1.0.0", "base 1.0.0"],
        new: &["base 1.0.0"],
    },
    Scenario {
        name: "the way back",
        prepare: |shop, store| {
            for version in ["1.0.0", "1.1.0"] {
                drop(shop.install(store, &[&format!("lone =={version}")]).unwrap());
            }
        },
        act: |shop, store| {
            let ledger = store.ledger()?;
            let planner = Planner::new(store, &ledger, &shop.trust, Policy::standard());
            shop.apply(store, &planner.rollback(&request("lone").plugin, None, "a test")?)
        },
        old: &["lone 1.1.0"],
        new: &["lone 1.0.0"],
    },
];

fn workshop() -> Workshop {
    let shop = Workshop::new();
    for (version, needs) in [("1.0.0", "base ^1"), ("2.0.0", "base ^2")] {
        shop.publish("app", version, &[needs]);
        shop.publish("base", version, &[]);
    }
    for version in ["1.0.0", "1.1.0"] {
        shop.publish("lone", version, &[]);
    }
    shop
}

/// Has a mishap happen at each step of a scenario, each in a store of its own.
fn everywhere(
    scenario: &Scenario,
    mishap: Mishap,
    mut check: impl FnMut(&Workshop, &Store, Result<Ledger, InstallError>, &str),
) {
    let shop = workshop();
    for step in 0.. {
        let name = format!("store-{step}");
        (scenario.prepare)(&shop, &shop.store(&name));
        let disk = FaultyDisk::new();
        disk.arm(step, mishap);
        let result = (scenario.act)(&shop, &shop.store_on(&disk, &name));
        let place = format!("{}: {mishap:?} at step {step}, {:?}", scenario.name, disk.log().last());
        if !disk.has_happened() {
            assert!(result.is_ok() && step > 8, "{place}: {result:?}");
            assert_eq!(active(&result.unwrap()), scenario.new, "{place}");
            return;
        }
        // As the next process finds it.
        check(&shop, &shop.store(&name), result, &place);
        std::fs::remove_dir_all(shop.path(&name)).unwrap_or_default();
    }
}

#[test]
fn a_process_that_dies_at_any_step_leaves_the_old_state_or_the_new_and_the_next_one_cleans_up() {
    for scenario in &SCENARIOS {
        let (mut seen_old, mut seen_new) = (false, false);
        for moment in [Moment::Before, Moment::Halfway, Moment::After] {
            everywhere(scenario, Mishap::Dies(moment), |shop, store, result, place| {
                assert_sound(store, place);
                let found = active(&store.ledger().unwrap());
                assert!(found == scenario.old || found == scenario.new, "{place}: {found:?}");
                assert!(result.is_err() || found == scenario.new, "{place}: acknowledged, but {found:?}");
                (seen_old, seen_new) = (seen_old || found == scenario.old, seen_new || found == scenario.new);
                if found == scenario.old {
                    assert_eq!(active(&(scenario.act)(shop, store).unwrap()), scenario.new, "{place}");
                } else {
                    store.begin().map(drop).unwrap();
                }
                assert_clean(store, place);
            });
        }
        assert!(seen_old && seen_new, "{}: the deaths missed something", scenario.name);
    }
}

#[test]
fn a_disk_that_fails_at_any_step_is_an_error_and_the_old_state_stays() {
    for scenario in &SCENARIOS {
        for mishap in [
            Mishap::Fails(ErrorKind::StorageFull),
            Mishap::FailsHalfway(ErrorKind::StorageFull),
            Mishap::Fails(ErrorKind::PermissionDenied),
            Mishap::Fails(ErrorKind::Other),
        ] {
            everywhere(scenario, mishap, |shop, store, result, place| {
                assert_sound(store, place);
                let found = active(&store.ledger().unwrap());
                match result {
                    // It failed while it was cleaning up, when the new state counted already.
                    Ok(_) => assert_eq!(found, scenario.new, "{place}"),
                    Err(error) => {
                        assert!(["StoreIo", "Unwritable"].contains(&error.code()), "{place}: {error}");
                        assert!(error.hint().is_some() || error.code() == "Unwritable", "{place}: {error}");
                        assert_eq!(found, scenario.old, "{place}: {error}");
                        assert_eq!(active(&(scenario.act)(shop, store).unwrap()), scenario.new, "{place}");
                    }
                }
                store.begin().map(drop).unwrap();
                assert_clean(store, place);
            });
        }
    }
}

#[test]
fn trees_are_durable_in_their_places_before_the_ledger_lists_them() {
    let (shop, disk) = (workshop(), FaultyDisk::new());
    let store = shop.store_on(&disk, "store");
    shop.install(&store, &["app ^1"]).unwrap();
    let log = disk.log();
    let position = |what: &str, path: &std::path::Path| {
        log.iter().position(|(done, at)| *done == what && at == path).unwrap_or_else(|| panic!("no {what} of {path:?}"))
    };
    let switch = position("replace", &store.root().join("ledger.json"));
    let journal = position("replace", &store.root().join("journal.json"));
    for name in ["app", "base"] {
        let plugin = store.plugins().join(format!("com.acme.{name}"));
        let steps = [
            position("make_directory", &plugin),
            position("rename", &plugin.join("1.0.0")),
            position("sync_directory", &plugin),
            switch,
        ];
        assert!(steps.is_sorted() && journal < steps[0], "{log:?}");
    }
}
