//! `install`, `remove`, `lock`, `sync` and their kin, as an operator and a script meet them (R5.1, R5.7, R5.8, R8.3).

use std::{
    fs::{self, File},
    io::Write as _,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    sync::mpsc,
    thread,
    time::Duration,
};

use apex_package::{Layout, publish};
use apex_plugins::{
    Event, PluginManager, TrustStore,
    meta::{Document, TARGET_TRIPLE},
};
use apex_plugins_tests::{minimal_elf::MinimalElf, package_changed};
use futures::{StreamExt as _, executor::block_on, future::ready};
use serde_json::{Value, json};

use crate::house::{self, House};

/// A package of `com.acme.<name>` in `packages`, signed by the house's publisher; it can be installed, but not called.
pub(crate) fn package(house: &House, name: &str, version: &str, needs: &[&str]) -> PathBuf {
    package_asking(house, name, version, needs, &[])
}

/// The same of one that asks for permissions.
pub(crate) fn package_asking(house: &House, name: &str, version: &str, needs: &[&str], asks: &[&str]) -> PathBuf {
    let mut manifest = house::manifest(name);
    manifest["version"] = version.into();
    manifest["description"] = format!("Handles {name}.").into();
    manifest["dependencies"] = json!({"plugins": needs.iter().map(|id| json!({"id": id})).collect::<Vec<_>>()});
    manifest["permissions_required"] = json!(asks);
    let mut layout = Layout::new(Document::from_value(manifest).unwrap()).unwrap();
    let out = tempfile::tempdir_in(house.path("")).unwrap();
    let library = out.path().join(layout.document().manifest().entry_point.library_file_name().unwrap());
    let content = MinimalElf::with_content(format!("{name} {version}").as_bytes());
    File::create_new(&library).unwrap().write_all(&content).unwrap();
    layout.add_library(TARGET_TRIPLE, &library).unwrap();
    let archive = publish(&layout, &out.path().join("out"), Some(house.key())).unwrap().archive;
    let target = house.path("packages").join(archive.file_name().unwrap());
    fs::create_dir_all(house.path("packages")).unwrap();
    fs::copy(archive, &target).unwrap();
    target
}

/// A house with a source of an application in two versions and what it needs, and no roots but its store.
fn furnished() -> House {
    let house = House::new();
    for version in ["1.0.0", "1.1.0"] {
        package(&house, "app", version, &["com.acme.base"]);
    }
    package(&house, "base", "1.0.0", &[]);
    run(&house, &["index", "packages"], 0);
    run(&house, &["source", "add", "shop", "packages"], 0);
    house
}

/// Runs `apex` with the house's trust and store, but no `--root`: the store is one of its own.
pub(crate) fn ended(house: &House, arguments: &[&str]) -> house::Ended {
    let mut command = house.bare();
    command.arg("--trust").arg(house.path("trust.json")).arg("--store").arg(house.path("store"));
    house::Ended::of(command.args(arguments))
}

#[track_caller]
pub(crate) fn run(house: &House, arguments: &[&str], code: i32) -> house::Ended {
    ended(house, arguments).expect(code)
}

#[track_caller]
pub(crate) fn json(house: &House, arguments: &[&str]) -> Value {
    let ended = run(house, &[&["--json"], arguments].concat(), 0);
    serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{error}: {}", ended.stdout))
}

/// `id version status` of all that is listed.
fn listed(house: &House) -> Vec<String> {
    let listing = json(house, &["list"]);
    let text = |plugin: &Value, member: &str| plugin[member].as_str().unwrap_or("-").to_owned();
    let plugins = listing["plugins"].as_array().unwrap().iter();
    plugins.map(|one| format!("{} {} {}", text(one, "id"), text(one, "version"), text(one, "status"))).collect()
}

#[test]
fn a_real_plugin_is_installed_from_its_package_and_runs() {
    let house = House::new();
    let packaged = package_changed("greeter", Some(house.publisher()), &house.path("packages"), |_| ());
    let plan = json(&house, &["install", packaged.archive.to_str().unwrap(), "--dry-run"]);
    assert_eq!((plan["done"].as_bool(), plan["plan"]["steps"][0]["action"].as_str()), (Some(false), Some("install")));
    assert_eq!(listed(&house), Vec::<String>::new());
    let done = json(&house, &["install", packaged.archive.to_str().unwrap(), "--yes"]);
    assert_eq!(done["done"], true);
    let id = packaged.document.id().as_str();
    let ended = run(&house, &["run", id, "greet", "-p", "name=Ada"], 0);
    assert!(ended.stdout.contains("Ada"), "{}", ended.stdout);
    run(&house, &["remove", id, "--yes"], 0);
    run(&house, &["run", id, "greet", "-p", "name=Ada"], 3);
}

/// Nothing takes that long; only what hangs does.
const LIMIT: Duration = Duration::from_secs(60);

#[test]
fn a_host_that_watches_sees_a_ledger_that_names_another_active_version_though_no_directory_changed() {
    let house = furnished();
    for version in ["com.acme.app@==1.0.0", "com.acme.app@==1.1.0"] {
        run(&house, &["install", version, "--yes"], 0);
    }
    let trust = TrustStore::load(&house.path("trust.json")).unwrap();
    let builder = PluginManager::builder().store(house.path("store")).trust(trust).watch();
    let plugins = block_on(builder.build()).unwrap();
    let chosen = || plugins.select(&"com.acme.app".parse().unwrap()).unwrap().version.to_string();
    assert_eq!(chosen(), "1.1.0");
    let directories = || ["store/plugins", "store/plugins/com.acme.app"].map(|path| changed_at(&house.path(path)));
    let (before, events) = (directories(), plugins.events());

    run(&house, &["install", "com.acme.app@==1.0.0", "--yes", "--allow-downgrade"], 0);
    let (sender, told) = mpsc::channel();
    thread::spawn(move || {
        let registry =
            events.filter_map(|event| ready(if let Event::Registry(change) = event { Some(change) } else { None }));
        block_on(registry.take(2).for_each(|change| {
            let version = change.entry.version().unwrap().to_string();
            sender.send((version, change.reason)).unwrap();
            ready(())
        }));
    });
    let mut changes: Vec<_> = (0..2).map(|_| told.recv_timeout(LIMIT).unwrap()).collect();
    changes.sort_by(|(one, _), (other, _)| one.cmp(other));
    let expected = [("1.0.0", "it is the active version"), ("1.1.0", "it is not the active version any more")];
    for ((version, reason), (of, message)) in changes.iter().zip(expected) {
        assert_eq!((version.as_str(), &*reason.code), (of, "ActiveVersionChanged"));
        assert_eq!(reason.message.replace(" of its store now", "").replace(" of its store", ""), message);
    }
    assert_eq!(chosen(), "1.0.0");
    assert_eq!(directories(), before, "no directory changed");
    block_on(plugins.shutdown(LIMIT));
}

fn changed_at(path: &Path) -> (i64, i64) {
    let metadata = fs::metadata(path).unwrap();
    (metadata.ctime(), metadata.ctime_nsec())
}

#[test]
fn only_the_ledgers_trees_are_candidates_and_only_the_active_one_without_a_specifier() {
    let house = furnished();
    run(&house, &["install", "com.acme.app@==1.0.0", "--yes"], 0);
    run(&house, &["install", "com.acme.app@^1.1", "--yes"], 0);
    run(&house, &["install", "com.acme.app@==1.0.0", "--yes"], 4);
    run(&house, &["install", "com.acme.app@==1.0.0", "--yes", "--allow-downgrade"], 0);
    assert_eq!(listed(&house), ["com.acme.app 1.1.0 ready", "com.acme.app 1.0.0 ready", "com.acme.base 1.0.0 ready"]);
    let why = json(&house, &["why", "com.acme.app"]);
    let verdicts: Vec<_> = why["considered"].as_array().unwrap().iter().map(|one| one["verdict"].clone()).collect();
    assert_eq!((why["chosen"].as_str(), verdicts), (Some("1.0.0"), vec![json!("standby"), json!("chosen")]));
    assert_eq!(json(&house, &["why", "com.acme.app@^1"])["chosen"], "1.1.0");

    let stray = house.path("store/plugins/com.acme.stray/1.0.0");
    apex_plugins_tests::copy_tree(&house.path("store/plugins/com.acme.app/1.0.0"), &stray);
    let listing = json(&house, &["list"]);
    assert_eq!(listing["plugins"].as_array().unwrap().len(), 3);
    let problems: Vec<_> = listing["problems"].as_array().unwrap().iter().map(|one| one["code"].clone()).collect();
    assert_eq!(problems, [json!("NotInLedger")], "{listing:#}");
}

#[test]
fn what_is_planned_is_data_and_what_is_refused_has_its_code() {
    let house = furnished();
    let plan = json(&house, &["install", "com.acme.app", "--dry-run"]);
    let steps = plan["plan"]["steps"].as_array().unwrap();
    let members =
        ["action", "plugin", "from", "to", "publisher", "source", "bytes", "permissions", "digest", "because"];
    for step in steps {
        assert!(members.iter().all(|member| step.get(member).is_some()), "{step:#}");
    }
    let shown: Vec<_> = steps.iter().map(|step| (step["plugin"].clone(), step["to"].clone())).collect();
    assert_eq!(shown, [(json!("com.acme.base"), json!("1.0.0")), (json!("com.acme.app"), json!("1.1.0"))]);

    let refused = |arguments: &[&str], exit: i32, code: &str| {
        let error = run(&house, &[&["--json"], arguments].concat(), exit).error();
        assert_eq!(error["code"], code, "{arguments:?}: {error:#}");
        assert!(error["hint"].is_string(), "{error:#}");
    };
    refused(&["install", "com.acme.app"], 4, "NotConfirmed");
    refused(&["install", "com.acme.absent", "--yes"], 3, "PluginNotFound");
    refused(&["install", "com.acme.app@^2", "--yes"], 3, "VersionNotFound");
    refused(&["install", "../x", "--yes"], 7, "Unreadable");
    refused(&["install", "com.acme.app@>>1", "--yes"], 2, "Usage");
    refused(&["remove", "com.acme.app", "--yes"], 3, "NotInstalled");
    refused(&["source", "remove", "absent"], 3, "NotInstalled");
    refused(&["source", "add", "bad", "nowhere"], 7, "StoreIo");
    run(&house, &["install", "com.acme.app", "--yes"], 0);
    refused(&["remove", "com.acme.base", "--yes"], 4, "StillNeeded");
    run(&house, &["remove", "com.acme.app", "--yes"], 0);
    refused(&["install", "com.acme.app@==1.0.0", "--yes"], 4, "RollbackRefused");
    house::write(&house.path("store/ledger.json"), "{}");
    refused(&["list"], 7, "LedgerInvalid");
}

#[test]
fn a_conflict_names_who_wants_what_and_is_data_too() {
    let house = House::new();
    package(&house, "left", "1.0.0", &["com.acme.absent"]);
    run(&house, &["index", "packages"], 0);
    run(&house, &["source", "add", "shop", "packages"], 0);
    let error = run(&house, &["--json", "install", "com.acme.left", "--yes"], 4).error();
    assert_eq!(error["code"], "DependencyConflict");
    assert_eq!(error["details"]["plugins"], json!(["com.acme.absent", "com.acme.left"]));
    let shown = run(&house, &["install", "com.acme.left", "--yes"], 4).stderr;
    assert!(shown.contains("com.acme.left 1.0.0 needs com.acme.absent"), "{shown}");
}

#[test]
fn a_store_follows_a_lock_and_a_bundle_takes_it_elsewhere() {
    let house = furnished();
    run(&house, &["install", "com.acme.app@==1.0.0", "--yes"], 0);
    let lock = json(&house, &["lock"]);
    assert_eq!(lock["plugins"][0]["id"], "com.acme.app");
    assert_eq!(lock["plugins"][0]["signer"], "acme");
    run(&house, &["install", "com.acme.app@^1.1", "--yes"], 0);
    let error = run(&house, &["--json", "install", "com.acme.app@^1.1", "--locked", "--yes"], 4).error();
    assert_eq!(error["code"], "PluginBlocked", "{error:#}");
    let plan = json(&house, &["sync", "--yes"]);
    assert_eq!((plan["done"].clone(), plan["plan"]["steps"][0]["to"].clone()), (json!(true), json!("1.0.0")));
    run(&house, &["bundle", "all.apexbundle"], 0);
    let elsewhere = house.path("elsewhere");
    let mut command = house.bare();
    command.arg("--trust").arg(house.path("trust.json")).arg("--store").arg(&elsewhere);
    house::Ended::of(command.args(["sync", "--from", "all.apexbundle", "--yes"])).expect(0);
    assert!(elsewhere.join("plugins/com.acme.app/1.0.0/plugin.json").is_file());
    // Nobody is trusted there: nothing is installed.
    let mut command = house.bare();
    command.arg("--store").arg(house.path("untrusting"));
    let ended = house::Ended::of(command.args(["--json", "sync", "--from", "all.apexbundle", "--yes"])).expect(4);
    assert_eq!(ended.error()["code"], "PluginBlocked");
}

#[test]
fn dependencies_that_stand_in_other_roots_are_not_installed_again() {
    let house = furnished();
    let plugins = house.path("home/.local/share/apex/plugins");
    fs::create_dir_all(&plugins).unwrap();
    let tree = plugins.join("base");
    apex_package::unpack(&house.path("packages/com.acme.base-1.0.0.apexpkg"), &tree).unwrap();
    let plan = json(&house, &["install", "com.acme.app", "--dry-run"]);
    let steps: Vec<_> = plan["plan"]["steps"].as_array().unwrap().iter().map(|step| step["plugin"].clone()).collect();
    assert_eq!(steps, [json!("com.acme.app")]);
}

#[test]
fn processes_that_install_at_once_wait_or_say_that_their_plan_is_outdated_and_nothing_is_mixed() {
    let house = House::new();
    let names = ["one", "two", "three"];
    names.iter().for_each(|name| drop(package(&house, name, "1.0.0", &[])));
    run(&house, &["index", "packages"], 0);
    run(&house, &["source", "add", "shop", "packages"], 0);
    let mut left: Vec<_> = names.iter().map(|name| format!("com.acme.{name}")).collect();
    // Whoever comes first is done in each round.
    for _ in 0..names.len() {
        let ends: Vec<_> = thread::scope(|scope| {
            let house = &house;
            let runs: Vec<_> =
                left.iter().map(|id| scope.spawn(move || ended(house, &["--json", "install", id, "--yes"]))).collect();
            runs.into_iter().map(|run| run.join().unwrap()).collect()
        });
        let refused = left.iter().zip(ends).filter(|(_, end)| end.code != Some(0));
        left = refused
            .map(|(id, end)| {
                assert_eq!((end.code, end.error()["code"].as_str()), (Some(7), Some("PlanOutdated")), "{}", end.stderr);
                id.clone()
            })
            .collect();
    }
    assert!(left.is_empty(), "{left:?}");
    assert_eq!(listed(&house), ["com.acme.one 1.0.0 ready", "com.acme.three 1.0.0 ready", "com.acme.two 1.0.0 ready"]);
}
