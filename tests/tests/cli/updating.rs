//! A plugin's life through the real command line and loader: it counts, is updated under load, refused, confirmed, found ill,
//! updated, and rolled back, code and state together (R5.2, R5.4, R5.5, R5.6, R5.8).

use std::collections::BTreeSet;

use apex_plugins::{
    CancellationToken, FileStateStore, PluginManager, TrustStore, UpdateOptions,
    install::{Store, examine},
};
use apex_plugins_tests::{apex_host, package_changed};
use serde_json::{Value, json};

use crate::house::{self, House};

const COUNTER: &str = "com.apexagent.examples.counter";

/// What a run of `apex` ends in, with the house's trust, store and states, and no other root.
fn ended(house: &House, arguments: &[&str]) -> house::Ended {
    let mut command = house.bare();
    command.arg("--trust").arg(house.path("trust.json")).arg("--store").arg(house.path("store"));
    command.arg("--state-dir").arg(house.path("states")).arg("--json").env("COUNTER_UNIT", "apples");
    house::Ended::of(command.args(arguments))
}

#[track_caller]
fn json(house: &House, arguments: &[&str]) -> Value {
    let ended = ended(house, arguments).expect(0);
    serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{error}: {}", ended.stdout))
}

#[track_caller]
fn refused(house: &House, arguments: &[&str], exit: i32, code: &str) -> Value {
    let error = ended(house, arguments).expect(exit).error();
    assert_eq!(error["code"], code, "{error:#}");
    assert!(error["hint"].is_string(), "{error:#}");
    error
}

fn get(house: &House) -> Value {
    json(house, &["run", COUNTER, "get"])
}

/// The version that serves who asks for none, and each version that is listed.
fn versions(house: &House) -> (Value, Vec<String>) {
    let listing = json(house, &["list"]);
    let listed = listing["plugins"].as_array().unwrap().iter().map(|one| one["version"].as_str().unwrap().to_owned());
    (json(house, &["why", COUNTER])["chosen"].clone(), listed.collect())
}

fn publish(house: &House, plugin: &str) {
    let out = tempfile::tempdir_in(house.path("")).unwrap();
    let archive = package_changed(plugin, Some(house.publisher()), out.path(), |_| ()).archive;
    std::fs::create_dir_all(house.path("packages")).unwrap();
    std::fs::copy(&archive, house.path("packages").join(archive.file_name().unwrap())).unwrap();
    json(house, &["index", "packages"]);
}

/// A host of the same store and states, in this process.
async fn host(house: &House) -> PluginManager {
    PluginManager::builder()
        .store(house.path("store"))
        .sources(house.path("store/sources.json"))
        .state(FileStateStore::open(house.path("states")).unwrap())
        .trust(TrustStore::load(&house.path("trust.json")).unwrap())
        .child_program(apex_host())
        .build()
        .await
        .unwrap()
}

async fn count_on(plugins: PluginManager, until: CancellationToken) -> Vec<i64> {
    let mut totals = Vec::new();
    while !until.is_cancelled() {
        let total = plugins.call(COUNTER, "add").params(json!({"by": 1})).result().await.unwrap();
        totals.push(total.as_i64().unwrap());
    }
    totals
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_counters_life_from_its_first_version_to_its_second_and_back() {
    let house = House::new();
    publish(&house, "counter");
    json(&house, &["source", "add", "shop", "packages"]);
    assert_eq!(json(&house, &["install", COUNTER, "--yes"])["done"], true);
    assert_eq!(json(&house, &["run", COUNTER, "add", "-p", "by=1"]), 1);
    assert_eq!(json(&house, &["outdated"]), json!({"plugins": []}));

    // A minor version, while a host counts without pause: no call fails, no total is told twice or left out.
    publish(&house, "counter_v1_1");
    let outdated = json(&house, &["outdated"])["plugins"][0].clone();
    assert_eq!((&outdated["installed"], &outdated["available"]), (&json!("1.0.0"), &json!("1.1.0")));
    assert_eq!(outdated["update"]["actions"]["added"], json!(["reaches"]));
    assert_eq!(outdated["update"]["concerns"], json!([]));
    let (plugins, until) = (host(&house).await, CancellationToken::new());
    let callers: Vec<_> = (0..3).map(|_| tokio::spawn(count_on(plugins.clone(), until.clone()))).collect();
    plugins.call(COUNTER, "add").params(json!({"by": 0})).result().await.unwrap();
    let applied = plugins.update(&[], &UpdateOptions::default()).await.unwrap();
    assert_eq!(applied.updates[0].to.to_string(), "1.1.0");
    until.cancel();
    let mut totals = Vec::new();
    for caller in callers {
        totals.extend(caller.await.unwrap());
    }
    let last = 1 + i64::try_from(totals.len()).unwrap();
    assert_eq!(totals.into_iter().collect::<BTreeSet<_>>(), (2..=last).collect());
    plugins.shutdown(std::time::Duration::from_secs(60)).await;
    assert_eq!((get(&house), versions(&house).0), (json!(last), json!("1.1.0")));

    // A major version that asks for more: refused, whatever --yes says, until each concern has its word.
    publish(&house, "counter_v2");
    let planned = json(&house, &["update", "--dry-run"]);
    assert_eq!((&planned["done"], &planned["plan"]["steps"][0]["to"]), (&json!(false), &json!("2.0.0")));
    let update = &planned["updates"][0];
    assert_eq!(update["version_step"], "major");
    assert_eq!(update["permissions"], json!({"added": ["env:COUNTER_UNIT"], "removed": []}));
    assert_eq!(update["actions"]["removed"], json!(["reaches", "reset"]));
    assert_eq!(update["actions"]["changed"][1], json!({"name": "get", "parts": ["description", "returns"]}));
    for arguments in [&["update"] as &[_], &["update", "--yes"], &["update", COUNTER, "--yes", "--allow-major"]] {
        let error = refused(&house, arguments, 4, "UpdateNotConfirmed");
        assert!(error["hint"].as_str().unwrap().contains("--grant PERMISSION"), "{error:#}");
        assert_eq!(error["details"]["updates"][0]["to"], "2.0.0");
    }
    assert_eq!(versions(&house).0, "1.1.0");

    // Confirmed, but in ill health: code, state and grants are as they were.
    let below = format!("by={}", -last - 3);
    assert_eq!(json(&house, &["run", COUNTER, "add", "-p", &below]), -3);
    let confirmed: &[&str] = &["update", COUNTER, "--yes", "--allow-major", "--allow-changed-actions"];
    let confirmed = &[confirmed, &["--grant", "env:COUNTER_UNIT"]].concat();
    let error = refused(&house, confirmed, 1, "HealthCheckFailed");
    assert!(error["causes"].to_string().contains("the total is -3"), "{error:#}");
    assert_eq!((get(&house), versions(&house).0), (json!(-3), json!("1.1.0")));
    assert_eq!(json(&house, &["grant", COUNTER])["grants"], json!([]));
    assert_eq!(json(&house, &["state", "show", COUNTER])["states"].as_array().unwrap().len(), 2);

    // In good health it is taken, with its state migrated and what was granted.
    assert_eq!(json(&house, &["run", COUNTER, "add", "-p", "by=10"]), 7);
    let done = json(&house, confirmed);
    assert_eq!((&done["done"], &done["updates"][0]["from"]), (&json!(true), &json!("1.1.0")));
    assert_eq!(get(&house), json!({"total": 7, "additions": 0}));
    assert_eq!(json(&house, &["run", COUNTER, "unit", "--isolation", "process"]), "apples");
    assert_eq!(json(&house, &["run", COUNTER, "add", "-p", "by=5"]), 12);

    // Back, with the state of then; and the new version's own is still there.
    let planned = json(&house, &["rollback", COUNTER, "--dry-run"]);
    assert_eq!((&planned["done"], &planned["updates"][0]["version_step"]), (&json!(false), &json!("down")));
    refused(&house, &["rollback", COUNTER], 4, "NotConfirmed");
    assert_eq!(json(&house, &["rollback", COUNTER, "--yes"])["done"], true);
    assert_eq!((get(&house), versions(&house).0), (json!(7), json!("1.1.0")));
    let states = json(&house, &["state", "show", COUNTER]);
    assert_eq!(states["states"][2]["data"], json!({"total": 12, "additions": 1}), "{states:#}");
    assert_eq!(json(&house, &["outdated"])["plugins"][0]["rolled_back"], true);
    json(&house, &["rollback", COUNTER, "--yes"]);
    assert_eq!(versions(&house).0, "1.0.0");
    refused(&house, &["rollback", COUNTER, "--yes"], 4, "NoRollback");
    assert_eq!(versions(&house).1, ["2.0.0", "1.1.0", "1.0.0"]);

    // All of it is in the audit log, and nothing is left over.
    let audit = ended(&house, &["audit"]).expect(0).stdout;
    let records = audit.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let switched = records.filter(|record| record["kind"] == "update");
    let switched: Vec<_> = switched.map(|record| (record["from"].clone(), record["version"].clone())).collect();
    let expected = [("1.1.0", "2.0.0"), ("2.0.0", "1.1.0"), ("1.1.0", "1.0.0")];
    assert_eq!(switched, expected.map(|(from, to)| (json!(from), json!(to))), "but the host's, which kept no records");
    assert!(examine(&Store::new(house.path("store"))).is_empty());
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
