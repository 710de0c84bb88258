//! A counter's life while it is called without pause: updated, refused, confirmed, found ill, updated and rolled back,
//! code and state together, each step as `--json` tells it (R5.1, R5.2, R5.4, R5.5, R5.6, R5.8).
//!
//! The host that is called is the one that switches, since only a host can fence its own instances: what it saves while
//! another program carries the state over would be refused to that program as a `StateConflict`, or be left behind with
//! the old version. Its answers are compared with what the command line says of the same step. Whatever changes nothing
//! is done by the command line beside the load, a failed update too; and when the host has ended, the rest is done by
//! it alone.

use std::{collections::BTreeSet, time::Duration};

use apex_plugins::{
    CancellationToken, FileStateStore, PluginManager, TrustStore, UpdateOptions,
    install::{Consent, Store, examine},
};
use apex_plugins_tests::apex_host;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::{
    house::House,
    registry::{Watch, assert_is_as_shown},
    updating::{COUNTER, apex, ended, get, json, publish, refused, versions},
};

const PATIENCE: Duration = Duration::from_secs(60);

/// More than is ever counted here.
const MUCH: i64 = 1 << 40;

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

async fn add(plugins: &PluginManager, by: i64) -> i64 {
    let call = plugins.call(COUNTER, "add").params(json!({"by": by})).timeout(PATIENCE);
    call.result().await.unwrap().as_i64().unwrap()
}

fn agreed() -> UpdateOptions {
    UpdateOptions { consent: Consent::to_all(), drain: PATIENCE, ..UpdateOptions::default() }
}

/// Callers that add one again and again.
struct Load {
    callers: Vec<JoinHandle<Vec<i64>>>,
    until: CancellationToken,
}

impl Load {
    fn start(plugins: &PluginManager) -> Self {
        let until = CancellationToken::new();
        let count_on = |plugins: PluginManager, until: CancellationToken| async move {
            let mut totals = Vec::new();
            while !until.is_cancelled() {
                totals.push(add(&plugins, 1).await);
            }
            totals
        };
        let callers = (0..3).map(|_| tokio::spawn(count_on(plugins.clone(), until.clone())));
        Self { callers: callers.collect(), until }
    }

    /// Each total that a caller was told; no call has failed.
    async fn end(self) -> Vec<i64> {
        self.until.cancel();
        let mut totals = Vec::new();
        for caller in self.callers {
            totals.extend(caller.await.unwrap());
        }
        totals
    }
}

/// What the command line says that an update would change, and would do nothing about.
fn planned(house: &House) -> Value {
    let planned = json(house, &["update", "--dry-run"]);
    assert_eq!(planned["done"], false);
    planned["updates"].clone()
}

fn states(house: &House) -> Vec<Value> {
    json(house, &["state", "show", COUNTER])["states"].as_array().unwrap().clone()
}

fn begin(house: &House) {
    publish(house, "counter");
    json(house, &["source", "add", "shop", "packages"]);
    let done = json(house, &["install", COUNTER, "--yes"]);
    assert_eq!((&done["done"], &done["plan"]["steps"][0]["action"]), (&json!(true), &json!("install")));
    assert_eq!(json(house, &["run", COUNTER, "add", "-p", "by=1"]), 1);
    assert_eq!(json(house, &["outdated"]), json!({"plugins": []}));
}

async fn a_minor_version_is_taken(house: &House, plugins: &PluginManager) {
    publish(house, "counter_v1_1");
    let outdated = json(house, &["outdated"])["plugins"][0].clone();
    assert_eq!((&outdated["installed"], &outdated["available"]), (&json!("1.0.0"), &json!("1.1.0")));
    assert_eq!(outdated["update"]["actions"]["added"], json!(["reaches"]));
    assert_eq!(outdated["update"]["concerns"], json!([]));
    let planned = planned(house);
    let options = UpdateOptions { drain: PATIENCE, ..UpdateOptions::default() };
    let applied = plugins.update(&[], &options).await.unwrap();
    assert_eq!((json!(applied.updates), applied.states), (planned, 1), "nobody had to agree");
    assert_eq!(versions(house), (json!("1.1.0"), vec!["1.1.0".to_owned(), "1.0.0".to_owned()]));
    let of = states(house).iter().map(|state| state["version"].clone()).collect::<Vec<_>>();
    assert_eq!(of, [json!("1.0.0"), json!("1.1.0")]);
}

/// What asks for more is refused, whatever `--yes` says, until each concern has its word.
fn a_major_version_is_refused(house: &House) {
    publish(house, "counter_v2");
    let update = &planned(house)[0];
    assert_eq!((&update["to"], &update["version_step"]), (&json!("2.0.0"), &json!("major")));
    assert_eq!(update["permissions"], json!({"added": ["env:COUNTER_UNIT"], "removed": []}));
    assert_eq!(update["actions"]["removed"], json!(["reaches", "reset"]));
    assert_eq!(update["actions"]["changed"][1], json!({"name": "get", "parts": ["description", "returns"]}));
    for arguments in [&["update"] as &[_], &["update", "--yes"], &["update", COUNTER, "--yes", "--allow-major"]] {
        let error = refused(house, arguments, 4, "UpdateNotConfirmed");
        assert!(error["hint"].as_str().unwrap().contains("--grant PERMISSION"), "{error:#}");
        assert_eq!(error["details"]["updates"][0], *update);
    }
    assert_eq!(versions(house).0, "1.1.0");
}

fn confirmed() -> Vec<&'static str> {
    vec!["update", COUNTER, "--yes", "--allow-major", "--allow-changed-actions", "--grant", "env:COUNTER_UNIT"]
}

/// Confirmed, but in ill health: code, state and grants are as they were, and those who call notice nothing.
async fn an_ill_version_is_not_taken(house: &House, plugins: &PluginManager) {
    add(plugins, -MUCH).await;
    let error = refused(house, &confirmed(), 1, "HealthCheckFailed");
    assert!(error["causes"].to_string().contains("the total is -"), "{error:#}");
    assert_eq!(plugins.update(&[], &agreed()).await.unwrap_err().code(), "HealthCheckFailed");
    assert!(get(house).as_i64().unwrap() < 0);
    assert_eq!((states(house).len(), versions(house).0), (2, json!("1.1.0")));
    assert_eq!(json(house, &["grant", COUNTER])["grants"], json!([]));
    add(plugins, MUCH).await;
}

async fn a_major_version_is_taken(house: &House, plugins: &PluginManager) {
    let planned = planned(house);
    let applied = plugins.update(&[], &agreed()).await.unwrap();
    assert_eq!((json!(applied.updates), applied.states), (planned, 1));
    assert_eq!(versions(house).0, "2.0.0");
    add(plugins, 0).await;
    let additions = states(house)[2]["data"]["additions"].as_i64().unwrap();
    assert!(additions > 0, "it counts on in the form of the new version");
    assert_eq!(json(house, &["outdated"]), json!({"plugins": []}));
}

async fn the_way_back_is_gone(house: &House, plugins: &PluginManager, at_least: i64) {
    let planned = json(house, &["rollback", COUNTER, "--dry-run"]);
    assert_eq!((&planned["done"], &planned["updates"][0]["version_step"]), (&json!(false), &json!("down")));
    let applied = plugins.rollback(&COUNTER.parse().unwrap(), None, &agreed()).await.unwrap();
    assert_eq!(json!(applied.updates), planned["updates"]);
    let outdated = json(house, &["outdated"])["plugins"][0].clone();
    assert_eq!((&outdated["installed"], &outdated["rolled_back"]), (&json!("1.1.0"), &json!(true)));
    let of = |version: &str| states(house).iter().find(|state| state["version"] == version).unwrap()["data"].clone();
    assert!(of("2.0.0")["total"].as_i64().unwrap() >= at_least, "what the new version saved is still there");
}

/// The same once more, by the command line alone, whose processes have the store for themselves.
fn the_command_line_does_the_same(house: &House) {
    let before = get(house).as_i64().unwrap();
    let done = json(house, &confirmed());
    assert_eq!((&done["done"], &done["updates"][0]["from"]), (&json!(true), &json!("1.1.0")));
    assert_eq!(get(house), json!({"total": before, "additions": 0}));
    assert_eq!(json(house, &["run", COUNTER, "unit", "--isolation", "process"]), "apples");
    assert_eq!(json(house, &["run", COUNTER, "add", "-p", "by=5"]), before + 5);
    refused(house, &["rollback", COUNTER], 4, "NotConfirmed");
    let done = json(house, &["rollback", COUNTER, "--yes"]);
    assert_eq!((&done["done"], &done["updates"][0]["to"]), (&json!(true), &json!("1.1.0")));
    assert_eq!((get(house), versions(house).0), (json!(before), json!("1.1.0")));
    assert_eq!(states(house)[2]["data"], json!({"total": before + 5, "additions": 1}));
    json(house, &["rollback", COUNTER, "--yes"]);
    assert_eq!(versions(house).0, "1.0.0");
    refused(house, &["rollback", COUNTER, "--yes"], 4, "NoRollback");
    assert_eq!(versions(house).1, ["2.0.0", "1.1.0", "1.0.0"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_counters_life_from_its_first_version_to_its_second_and_back() {
    let house = House::new();
    begin(&house);
    let watch = Watch::over(apex(&house));
    watch.next("watching");
    let plugins = host(&house).await;

    let load = Load::start(&plugins);
    a_minor_version_is_taken(&house, &plugins).await;
    a_major_version_is_refused(&house);
    an_ill_version_is_not_taken(&house, &plugins).await;
    a_major_version_is_taken(&house, &plugins).await;
    // No total is told twice, none is left out; for a while each was less by so much.
    let totals: Vec<_> = load.end().await.into_iter().map(|total| total.rem_euclid(MUCH)).collect();
    let last = 1 + i64::try_from(totals.len()).unwrap();
    assert_eq!(totals.into_iter().collect::<BTreeSet<_>>(), (2..=last).collect());

    let load = Load::start(&plugins);
    the_way_back_is_gone(&house, &plugins, last).await;
    let then = add(&plugins, 0).await;
    load.end().await;
    let now = add(&plugins, 0).await;
    assert!(then <= now && get(&house) == now, "version 1.1 counts on from where it was");
    assert!(plugins.shutdown(PATIENCE).await.leftovers.is_empty());
    the_command_line_does_the_same(&house);

    // Another process has seen each switch, whoever did it.
    let mut seen = Vec::new();
    while seen.len() < 6 {
        let line = watch.next_of(&["updated", "rolled_back"]);
        assert_eq!(line["id"], COUNTER);
        assert_is_as_shown(&line, "docs/updates_guide.md");
        let text = |member: &str| line[member].as_str().unwrap().to_owned();
        seen.push([text("event"), text("from"), text("to")].join(" "));
    }
    let (up, down) = ("updated 1.1.0 2.0.0", "rolled_back 2.0.0 1.1.0");
    assert_eq!(seen, ["updated 1.0.0 1.1.0", up, down, up, down, "rolled_back 1.1.0 1.0.0"]);

    // All that the command line did is in the audit log, and nothing is left over.
    let audit = ended(&house, &["audit"]).expect(0).stdout;
    let records = audit.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let switched = records.filter(|record| record["kind"] == "update");
    let switched: Vec<_> = switched.map(|record| (record["from"].clone(), record["version"].clone())).collect();
    let expected = [("1.1.0", "2.0.0"), ("2.0.0", "1.1.0"), ("1.1.0", "1.0.0")];
    assert_eq!(switched, expected.map(|(from, to)| (json!(from), json!(to))), "but the host's, which kept no records");
    assert!(examine(&Store::new(house.path("store"))).is_empty());
}
