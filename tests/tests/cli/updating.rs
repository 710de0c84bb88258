//! Updates by the real command line: policies and pins, locks, and installs in the place of another version (R5.2,
//! R5.4, R5.7).

use std::process::Command;

use apex_plugins_tests::package_changed;
use serde_json::{Value, json};

use crate::house::{self, House};

pub(crate) const COUNTER: &str = "com.apexagent.examples.counter";

/// `apex` with the house's trust, store and states, and no other root.
pub(crate) fn apex(house: &House) -> Command {
    let mut command = house.bare();
    command.arg("--trust").arg(house.path("trust.json")).arg("--store").arg(house.path("store"));
    command.arg("--state-dir").arg(house.path("states")).env("COUNTER_UNIT", "apples");
    command
}

/// What it ends in.
pub(crate) fn ended(house: &House, arguments: &[&str]) -> house::Ended {
    house::Ended::of(apex(house).arg("--json").args(arguments))
}

#[track_caller]
pub(crate) fn json(house: &House, arguments: &[&str]) -> Value {
    let ended = ended(house, arguments).expect(0);
    serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{error}: {}", ended.stdout))
}

#[track_caller]
pub(crate) fn refused(house: &House, arguments: &[&str], exit: i32, code: &str) -> Value {
    let error = ended(house, arguments).expect(exit).error();
    assert_eq!(error["code"], code, "{error:#}");
    assert!(error["hint"].is_string(), "{error:#}");
    error
}

pub(crate) fn get(house: &House) -> Value {
    json(house, &["run", COUNTER, "get"])
}

/// The version that serves who asks for none, and each version that is listed.
pub(crate) fn versions(house: &House) -> (Value, Vec<String>) {
    let listing = json(house, &["list"]);
    let listed = listing["plugins"].as_array().unwrap().iter().map(|one| one["version"].as_str().unwrap().to_owned());
    (json(house, &["why", COUNTER])["chosen"].clone(), listed.collect())
}

pub(crate) fn publish(house: &House, plugin: &str) {
    let out = tempfile::tempdir_in(house.path("")).unwrap();
    let archive = package_changed(plugin, Some(house.publisher()), out.path(), |_| ()).archive;
    std::fs::create_dir_all(house.path("packages")).unwrap();
    std::fs::copy(&archive, house.path("packages").join(archive.file_name().unwrap())).unwrap();
    json(house, &["index", "packages"]);
}

#[test]
fn pins_and_policies_say_what_is_updated_unasked() {
    let house = House::new();
    for plugin in ["counter", "counter_v1_1", "counter_v2"] {
        publish(&house, plugin);
    }
    json(&house, &["source", "add", "shop", "packages"]);
    refused(&house, &["pin", COUNTER, "^1"], 3, "NotInstalled");
    json(&house, &["install", &format!("{COUNTER}@==1.0.0"), "--yes"]);
    assert_eq!(json(&house, &["update", "--by-policy", "--yes"])["plan"]["steps"], json!([]), "manual is the default");
    let policies = json(&house, &["update-policy", "on-restart"]);
    assert_eq!(policies, json!({"all": "on-restart", "plugins": [{"id": COUNTER, "policy": "on-restart"}]}));
    // A major version concerns somebody, so no policy takes it.
    assert_eq!(json(&house, &["update", "--by-policy", "--yes"])["plan"]["steps"], json!([]));
    assert_eq!(json(&house, &["pin", COUNTER, "^1"]), json!({"id": COUNTER, "pin": "^1"}));
    let outdated = json(&house, &["outdated"])["plugins"][0].clone();
    let shown = ["available", "latest", "policy", "pin"].map(|member| outdated[member].clone());
    assert_eq!(shown, [json!("1.1.0"), json!("2.0.0"), json!("on-restart"), json!("^1")]);
    assert_eq!(json(&house, &["update", "--by-policy", "--yes"])["plan"]["steps"][0]["to"], "1.1.0");
    refused(&house, &["update", &format!("{COUNTER}@^2"), "--yes", "--allow-major"], 4, "PluginBlocked");
    assert_eq!(json(&house, &["unpin", COUNTER])["pin"], Value::Null);
    assert_eq!(json(&house, &["update", "--dry-run"])["plan"]["steps"][0]["to"], "2.0.0");
    assert_eq!(json(&house, &["update-policy", "manual", COUNTER])["plugins"][0]["policy"], "manual");
    assert_eq!(json(&house, &["update-policy", "default", COUNTER])["plugins"][0]["policy"], "on-restart");
    refused(&house, &["update", "com.acme.absent"], 3, "NotInstalled");
    ended(&house, &["update-policy", "never"]).expect(2);
}

/// Whoever installs another version in the place of one with a state is asked the same, and takes the state along.
#[test]
fn an_install_in_the_place_of_another_version_is_an_update() {
    let house = House::new();
    for plugin in ["counter", "counter_v1_1", "counter_v2"] {
        publish(&house, plugin);
    }
    json(&house, &["source", "add", "shop", "packages"]);
    let of = |version: &str| format!("{COUNTER}@=={version}");
    json(&house, &["install", &of("1.0.0"), "--yes"]);
    refused(&house, &["install", &of("2.0.0"), "--yes"], 4, "UpdateNotConfirmed");
    json(&house, &["run", COUNTER, "add", "-p", "by=7"]);
    refused(&house, &["install", &of("2.0.0"), "--yes"], 4, "UpdateNotConfirmed");
    let done = json(&house, &["install", &of("1.1.0"), "--yes"]);
    assert_eq!((&done["done"], &done["updates"][0]["version_step"]), (&json!(true), &json!("minor")));
    assert_eq!((get(&house), versions(&house).0), (json!(7), json!("1.1.0")));
    json(&house, &["run", COUNTER, "add", "-p", "by=1"]);
    json(&house, &["install", &of("1.0.0"), "--yes", "--allow-downgrade"]);
    assert_eq!((get(&house), versions(&house).0), (json!(7), json!("1.0.0")), "each version has its own state");
    json(&house, &["lock"]);
    json(&house, &["install", &of("1.1.0"), "--yes"]);
    json(&house, &["sync", "--yes"]);
    assert_eq!((get(&house), versions(&house).0), (json!(7), json!("1.0.0")));
}

/// R5.7: what a lock names, and nothing else, whatever the sources have.
#[test]
fn an_update_by_a_lock_takes_what_the_lock_names_and_says_what_of_it_is_not_to_be_had() {
    let house = House::new();
    publish(&house, "counter");
    publish(&house, "counter_v1_1");
    json(&house, &["source", "add", "shop", "packages"]);
    json(&house, &["install", &format!("{COUNTER}@==1.1.0"), "--yes"]);
    json(&house, &["lock"]);
    json(&house, &["install", &format!("{COUNTER}@==1.0.0"), "--yes", "--allow-downgrade"]);
    publish(&house, "counter_v2");
    json(&house, &["run", COUNTER, "add", "-p", "by=7"]);
    assert_eq!(json(&house, &["update", "--dry-run"])["plan"]["steps"][0]["to"], "2.0.0", "without the lock");
    refused(&house, &["update", &format!("{COUNTER}@^2"), "--locked", "--yes"], 4, "PluginBlocked");
    refused(&house, &["update", "--locked", "--lock-file", "absent.lock"], 7, "StoreIo");
    let done = json(&house, &["update", "--locked", "--yes"]);
    assert_eq!((&done["done"], &done["updates"][0]["to"]), (&json!(true), &json!("1.1.0")));
    assert_eq!((get(&house), versions(&house).0), (json!(7), json!("1.1.0")));
    assert_eq!(json(&house, &["update", "--locked", "--yes"])["plan"]["steps"], json!([]), "it is as the lock says");

    // A lock of another store, whose version is not to be had here.
    let lock = std::fs::read_to_string(house.path("apex.lock")).unwrap();
    house::write(&house.path("other.lock"), &lock.replace("1.1.0", "1.7.0"));
    let other: &[&str] = &["update", "--locked", "--lock-file", "other.lock", "--yes"];
    refused(&house, other, 4, "PluginBlocked");
    // Nor do the files count that another lock has under the same version.
    let digest = |text: &str| text.split('"').find(|part| part.starts_with("blake3:")).unwrap().to_owned();
    house::write(&house.path("other.lock"), &lock.replace(&digest(&lock), &format!("blake3:{}", "ab".repeat(32))));
    refused(&house, other, 4, "LockMismatch");
    assert_eq!((get(&house), versions(&house).0), (json!(7), json!("1.1.0")));
}
