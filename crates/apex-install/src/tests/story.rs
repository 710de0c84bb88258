//! What an operator does with a store, from the first install to the last removal.

use std::{fs, thread, time::Duration};

use apex_trust::{Grants, History as _, Policy};

use super::fixture::{Workshop, active, assert_clean, request, steps};
use crate::{Change, InstallError, Lock, Planner, Severity, Sources, bundle, examine, unbundle, unbundled_source};

#[test]
fn a_plugin_is_installed_with_what_it_needs_updated_and_removed_with_it() {
    let shop = Workshop::new();
    for (version, needs) in [("1.0.0", "base ^1"), ("2.0.0", "base ^2")] {
        shop.publish("app", version, &[needs]);
        shop.publish("base", version, &[]);
    }
    let store = shop.store("store");
    let plan = shop.plan(&store, &["app ^1"]).unwrap();
    assert_eq!(steps(&plan), ["install base 1.0.0", "install app 1.0.0"]);
    assert!(!store.root().exists(), "a plan changes nothing");
    let ledger = shop.apply(&store, &plan).unwrap();
    assert_eq!(active(&ledger), ["app 1.0.0", "base 1.0.0"]);
    let (app, base) = (request("app").plugin, request("base").plugin);
    assert_eq!((ledger.get(&app).unwrap().requested, ledger.get(&base).unwrap().requested), (true, false));
    assert!(ledger.ever_signed(&app) && !ledger.ever_signed(&"com.other".parse().unwrap()));
    assert_clean(&store, "installed");

    // What is there already is kept, unless something else is asked for.
    assert!(shop.plan(&store, &["app"]).unwrap().is_empty());
    let plan = shop.plan(&store, &["app ^2"]).unwrap();
    assert_eq!(steps(&plan), ["update base 2.0.0", "update app 2.0.0"]);
    assert_eq!(active(&shop.apply(&store, &plan).unwrap()), ["app 2.0.0", "base 2.0.0"]);
    let plan = shop.plan(&store, &["app"]).unwrap();
    assert!(plan.is_empty(), "{:?}", steps(&plan));

    let error = shop.remove(&store, &["base"], false).unwrap_err();
    assert_eq!(error.code(), "StillNeeded");
    assert!(error.to_string().contains("com.acme.app 2.0.0"), "{error}");
    let ledger = shop.remove(&store, &["base", "app"], false).unwrap();
    assert_eq!(active(&ledger), Vec::<String>::new());
    assert_clean(&store, "removed");
    assert_eq!(fs::read_dir(store.plugins()).unwrap().count(), 0);
    let history: Vec<_> = ledger.get(&app).unwrap().history.iter().map(|happening| happening.what).collect();
    assert_eq!(history, [Change::Install, Change::Update, Change::Remove]);
    assert_eq!(shop.remove(&store, &["app"], false).unwrap_err().code(), "NotInstalled");
}

#[test]
fn installed_files_are_read_only_and_the_ledger_is_the_owners_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let shop = Workshop::new();
    shop.publish("app", "1.0.0", &[]);
    let store = shop.store("store");
    let ledger = shop.install(&store, &["app"]).unwrap();
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
    assert_eq!((mode(&store.root().join("ledger.json")), mode(store.root())), (0o600, 0o700));
    let tree = store.tree(&request("app").plugin, &ledger.active().next().unwrap().1.version);
    assert_eq!(mode(&tree.join("plugin.json")) & 0o222, 0);
}

#[test]
fn force_removes_what_is_needed_and_the_examination_does_not_blame_others() {
    let shop = Workshop::new();
    shop.publish("app", "1.0.0", &["base"]);
    shop.publish("base", "1.0.0", &[]);
    let store = shop.store("store");
    shop.install(&store, &["app"]).unwrap();
    assert_eq!(active(&shop.remove(&store, &["base"], true).unwrap()), ["app 1.0.0"]);
    // It may be served from elsewhere; what is here is as it was installed.
    assert_clean(&store, "forced");
    let plan = shop.plan(&store, &["app"]).unwrap();
    assert_eq!(steps(&plan), ["install base 1.0.0"]);
}

#[test]
fn old_versions_are_collected_but_for_those_that_were_active_last() {
    let shop = Workshop::new();
    let store = shop.store("store");
    for version in ["1.0.0", "1.1.0", "1.2.0", "1.3.0"] {
        shop.publish("app", version, &[]);
        shop.install(&store, &[&format!("app =={version}")]).unwrap();
    }
    let versions = || {
        let ledger = store.ledger().unwrap();
        let record = ledger.get(&request("app").plugin).unwrap().clone();
        record.installed.iter().map(|tree| tree.version.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(versions(), ["1.1.0", "1.2.0", "1.3.0"]);
    assert_eq!(shop.remove(&store, &["app >=1.2"], false).unwrap_err().code(), "ActiveVersion");
    assert_eq!(active(&shop.remove(&store, &["app ==1.1"], false).unwrap()), ["app 1.3.0"]);
    assert_eq!(versions(), ["1.2.0", "1.3.0"]);
    store.collect(1).unwrap();
    assert_eq!(versions(), ["1.2.0", "1.3.0"]);
    store.collect(0).unwrap();
    assert_eq!(versions(), ["1.3.0"]);
    assert_eq!(fs::read_dir(store.plugins().join("com.acme.app")).unwrap().count(), 1);
    let generation = store.ledger().unwrap().generation();
    store.collect(0).unwrap();
    assert_eq!(store.ledger().unwrap().generation(), generation, "nothing to do, nothing written");
}

#[test]
fn a_lock_pins_what_is_installed_and_a_store_is_made_to_match_it() {
    let shop = Workshop::new();
    shop.publish("app", "1.0.0", &["base"]);
    shop.publish("base", "1.0.0", &[]);
    let store = shop.store("store");
    let lock = Lock::of(&shop.install(&store, &["app"]).unwrap(), &Grants::empty());
    let file = shop.path("apex.lock");
    lock.save(&file).unwrap();
    assert_eq!(Lock::load(&file).unwrap(), lock);

    shop.publish("app", "1.1.0", &["base"]);
    shop.publish("extra", "1.0.0", &[]);
    let other = shop.store("other");
    let plan = shop.plan_by(&other, &["app"], |planner| planner.locked(lock.clone())).unwrap();
    assert_eq!(steps(&plan), ["install base 1.0.0", "install app 1.0.0"]);
    let error = shop.plan_by(&other, &["extra"], |planner| planner.locked(lock.clone())).unwrap_err();
    assert!(error.to_string().contains("NotLocked"), "{error}");

    shop.install(&other, &["app", "extra"]).unwrap();
    let ledger = other.ledger().unwrap();
    assert_eq!(active(&ledger), ["app 1.1.0", "base 1.0.0", "extra 1.0.0"]);
    let (source, index) = shop.source();
    let planner = Planner::new(&other, &ledger, &shop.trust, Policy::standard()).source(&source, &index);
    let plan = planner.locked(lock.clone()).sync().unwrap();
    assert_eq!(steps(&plan), ["downgrade app 1.0.0", "remove extra 1.0.0"]);
    let ledger = shop.apply(&other, &plan).unwrap();
    assert_eq!(
        (active(&ledger), Lock::of(&ledger, &Grants::empty())),
        (vec!["app 1.0.0".to_owned(), "base 1.0.0".to_owned()], lock)
    );
    assert_clean(&other, "synchronized");
}

#[test]
fn a_bundle_takes_a_store_to_a_machine_without_sources() {
    let shop = Workshop::new();
    shop.publish("app", "1.0.0", &["base"]);
    shop.publish("base", "1.0.0", &[]);
    let store = shop.store("store");
    let ledger = shop.install(&store, &["app"]).unwrap();
    let file = shop.path("all.apexbundle");
    let lock = bundle(&store, &ledger, &Grants::empty(), &file, &shop.path("")).unwrap();
    let bytes = fs::read(&file).unwrap();
    bundle(&store, &ledger, &Grants::empty(), &file, &shop.path("")).unwrap();
    assert!(fs::read(&file).unwrap() == bytes, "the same store gives the same bytes");

    let directory = shop.path("unbundled");
    fs::create_dir(&directory).unwrap();
    assert_eq!(unbundle(&file, &directory).unwrap(), lock);
    let far = shop.store("far");
    let (ledger, source) = (far.ledger().unwrap(), unbundled_source(directory));
    let planner =
        Planner::new(&far, &ledger, &shop.trust, Policy::standard()).source(&source, &source.index().unwrap());
    let plan = planner.locked(lock.clone()).sync().unwrap();
    assert_eq!(Lock::of(&shop.apply(&far, &plan).unwrap(), &Grants::empty()), lock);
    assert_clean(&far, "unbundled");
}

#[test]
fn two_that_install_at_once_wait_for_each_other_and_nothing_is_mixed() {
    let shop = Workshop::new();
    for name in ["one", "two", "three", "four"] {
        shop.publish(name, "1.0.0", &[]);
    }
    let store = shop.store("store");
    thread::scope(|scope| {
        for name in ["one", "two", "three", "four"] {
            let (store, shop) = (&store, &shop);
            scope.spawn(move || {
                // Whose plan is outdated by another one plans again.
                loop {
                    match shop.install(store, &[name]) {
                        Err(InstallError::PlanOutdated) => {}
                        done => break done.map(drop).unwrap(),
                    }
                }
            });
        }
    });
    assert_eq!(active(&store.ledger().unwrap()), ["four 1.0.0", "one 1.0.0", "three 1.0.0", "two 1.0.0"]);
    assert_clean(&store, "all four");
}

#[test]
fn who_does_not_wait_is_told_that_the_store_is_busy() {
    let shop = Workshop::new();
    shop.publish("app", "1.0.0", &[]);
    let store = shop.store("store");
    let held = store.begin().unwrap();
    let hasty = shop.store("store").with_patience(Duration::ZERO);
    assert_eq!(shop.install(&hasty, &["app"]).unwrap_err().code(), "StoreBusy");
    drop(held);
    shop.install(&hasty, &["app"]).unwrap();
}

#[test]
fn the_examination_tells_what_was_changed_what_is_missing_and_what_is_left_over() {
    let shop = Workshop::new();
    for name in ["changed", "missing", "sound"] {
        shop.publish(name, "1.0.0", &[]);
    }
    let store = shop.store("store");
    assert_clean(&store, "no store at all");
    shop.install(&store, &["changed", "missing", "sound"]).unwrap();
    fs::write(store.plugins().join("com.acme.changed/1.0.0/extra"), "x").unwrap();
    fs::remove_dir_all(store.plugins().join("com.acme.missing/1.0.0")).unwrap();
    fs::create_dir_all(store.plugins().join("com.acme.sound/0.9.0")).unwrap();
    fs::create_dir_all(store.root().join("staging/old-7")).unwrap();
    let found: Vec<_> = examine(&store).into_iter().map(|found| (found.severity, found.reason.code)).collect();
    assert_eq!(
        found,
        [
            (Severity::Problem, "ChecksumMismatch".into()),
            (Severity::Problem, "TreeMissing".into()),
            (Severity::Leftover, "Leftover".into()),
            (Severity::Leftover, "Leftover".into()),
        ]
    );
    fs::write(store.root().join("ledger.json"), "{").unwrap();
    assert_eq!(examine(&store)[0].reason.code, "LedgerInvalid");
}

#[test]
fn sources_are_added_moved_and_removed() {
    let shop = Workshop::new();
    let file = shop.path("config/sources.json");
    let (source, index) = shop.source();
    fs::write(source.location.join("index.json"), index.to_bytes(&file).unwrap()).unwrap();
    let names = |sources: &Sources| sources.iter().map(|source| source.name.clone()).collect::<Vec<_>>();
    assert_eq!(names(&Sources::load(&file).unwrap()), Vec::<String>::new());
    Sources::add(&file, source.clone()).unwrap();
    let mut other = source.clone();
    other.name = "other".to_owned();
    assert_eq!(names(&Sources::add(&file, other.clone()).unwrap()), ["shop", "other"]);
    other.location = source.location.join("index.json");
    let sources = Sources::add(&file, other.clone()).unwrap();
    assert_eq!((names(&sources), sources.iter().last()), (vec!["shop".to_owned(), "other".to_owned()], Some(&other)));
    assert_eq!(other.index().unwrap(), source.index().unwrap());
    assert_eq!(other.directory(), source.location);
    assert_eq!(names(&Sources::remove(&file, "shop").unwrap()), ["other"]);
    assert_eq!(Sources::remove(&file, "shop").unwrap_err().code(), "NotInstalled");
    for (name, location) in [("", "/a"), ("a/b", "/a"), ("ok", "relative")] {
        let source = crate::Source { name: name.to_owned(), location: location.into() };
        assert_eq!(Sources::add(&file, source).unwrap_err().code(), "SourcesInvalid", "{name} {location}");
    }
}
