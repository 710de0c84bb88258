//! What happens to plugins that are loaded when the operator changes whom to trust.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

use std::{path::Path, time::Duration};

use apex_plugins::{
    CallError, CallEvent, ErrorKind, Event, EventStream, Limits, Placement, PluginId, PluginManager, Reason,
    trust::{KeyId, TrustStore},
};
use apex_plugins_tests::{PREFIX, Publisher, apex_host, package, package_changed};
use futures::{FutureExt as _, StreamExt as _};
use serde_json::{Value, json};

#[path = "withdrawing/file.rs"]
mod file;

const FAULTY: &str = "com.apexagent.examples.faulty";
const NEIGHBOUR: &str = "org.neighbour.counter";

/// More than the ten seconds that an operator is promised, which are reckoned for a machine that has time for it; that
/// the bounds of all steps add up to less is a test of the crate.
const PATIENCE: Duration = Duration::from_secs(60);

/// A plugin that misbehaves by one publisher, and a counter by another, whom nothing here concerns.
struct Scene {
    directory: tempfile::TempDir,
    publisher: Publisher,
    store: TrustStore,
}

impl Scene {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let (publisher, neighbour) = (Publisher::new(), Publisher::new());
        let root = directory.path().join("plugins");
        package("faulty", Some(&publisher), &root);
        package_changed("greeter", Some(&neighbour), &root, |metadata| metadata["id"] = json!(NEIGHBOUR));
        let mut store = publisher.trusted(Placement::InProcess);
        store.add_publisher("neighbour", neighbour.key.public_key(), &["org.neighbour"], Placement::InProcess).unwrap();
        Self { directory, publisher, store }
    }

    fn path(&self) -> &Path {
        self.directory.path()
    }

    fn key(&self) -> KeyId {
        self.publisher.key.public_key().key_id()
    }

    fn builder(&self) -> apex_plugins::Builder {
        // Calls may go on for one second, and those that are cut off have three to be seen to end.
        let (shutdown_timeout, cancel_grace) = (Duration::from_secs(1), Duration::from_secs(3));
        let limits = Limits { shutdown_timeout, cancel_grace, ..Limits::default() };
        PluginManager::builder().root(self.path().join("plugins")).limits(limits)
    }

    async fn manager(&self) -> PluginManager {
        self.builder().trust(self.store.clone()).build().await.unwrap()
    }

    fn revoked(&self) -> TrustStore {
        let mut store = self.store.clone();
        store.revoke(&self.key(), "2026-11-22T08:30:00Z".parse().unwrap(), "stolen").unwrap();
        store
    }
}

async fn observe(plugins: &PluginManager, key: &str) -> Result<Value, CallError> {
    plugins.call(FAULTY, "observe").params(json!({"key": key})).result().await
}

async fn until_started(plugins: &PluginManager, key: &str) {
    while observe(plugins, key).await.unwrap()["started"] == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn neighbour_serves(plugins: &PluginManager) {
    let greeting = plugins.call(NEIGHBOUR, "greet").params(json!({"name": "Ada"})).result().await;
    assert!(greeting.as_ref().is_ok_and(|text| text.as_str().unwrap().contains("Ada")), "{greeting:?}");
}

/// The code that a call is refused or cut off with.
#[track_caller]
fn code(error: &CallError) -> String {
    assert_eq!(error.kind(), ErrorKind::PluginBlocked, "{error}");
    assert!(error.hint().is_some(), "{error}");
    error.details().unwrap()["reason"]["code"].as_str().unwrap().to_owned()
}

/// Waits for the event that a plugin has ended; gives why, what was cut off and what is left over.
async fn stopped(events: &mut EventStream) -> (PluginId, Reason, Vec<String>, Vec<String>) {
    let end = async {
        loop {
            match events.next().await {
                Some(Event::StoppedUntrusted { plugin, reason, cut, leftovers, .. }) => {
                    return (plugin, reason, cut, leftovers);
                }
                Some(_) => {}
                None => panic!("the manager has gone"),
            }
        }
    };
    tokio::time::timeout(PATIENCE, end).await.expect("it ended")
}

#[tokio::test]
async fn a_revoked_key_ends_what_it_signed_and_cuts_off_what_does_not_end() {
    let scene = Scene::new();
    let plugins = scene.manager().await;
    let mut events = plugins.events();
    let call = plugins.call(FAULTY, "never").params(json!({"key": "cut"}));
    let call = tokio::spawn(call.result());
    until_started(&plugins, "cut").await;
    neighbour_serves(&plugins).await;

    plugins.set_trust(scene.revoked()).await.unwrap();
    assert_eq!(code(&observe(&plugins, "cut").await.unwrap_err()), "KeyRevoked", "new calls are refused at once");
    let (plugin, reason, cut, leftovers) = stopped(&mut events).await;
    assert_eq!((plugin.as_str(), &*reason.code), (FAULTY, "KeyRevoked"));
    assert_eq!((cut, leftovers), (vec!["never".to_owned()], Vec::new()));
    let error = call.await.unwrap().unwrap_err();
    assert_eq!((code(&error), error.action()), ("KeyRevoked".to_owned(), Some("never")));
    neighbour_serves(&plugins).await;
}

/// A plugin in a child process is ended in the same way, its process with it.
#[tokio::test]
async fn a_revoked_key_ends_what_runs_in_a_child_process() {
    let scene = Scene::new();
    let builder = scene.builder().trust(scene.store.clone()).isolation(Placement::Process);
    let plugins = builder.child_program(apex_host()).build().await.unwrap();
    let mut events = plugins.events();
    let call = tokio::spawn(plugins.call(FAULTY, "never").params(json!({"key": "child"})).result());
    until_started(&plugins, "child").await;
    plugins.set_trust(scene.revoked()).await.unwrap();
    assert_eq!(code(&observe(&plugins, "child").await.unwrap_err()), "KeyRevoked");
    let (plugin, reason, cut, leftovers) = stopped(&mut events).await;
    assert_eq!((plugin.as_str(), &*reason.code), (FAULTY, "KeyRevoked"));
    assert_eq!((cut, leftovers), (vec!["never".to_owned()], Vec::new()));
    assert_eq!(code(&call.await.unwrap().unwrap_err()), "KeyRevoked");
    neighbour_serves(&plugins).await;
}

#[tokio::test]
async fn a_call_that_ends_in_time_gives_its_result() {
    let scene = Scene::new();
    // As much as possible of the ten seconds is left to the call.
    let (shutdown_timeout, cancel_grace) = (Duration::from_secs(1), Duration::ZERO);
    let limits = Limits { shutdown_timeout, cancel_grace, ..Limits::default() };
    let plugins = scene.builder().limits(limits).trust(scene.store.clone()).build().await.unwrap();
    let mut events = plugins.events();
    let call = plugins.call(FAULTY, "block_for").params(json!({"key": "in time", "ms": 300}));
    let call = tokio::spawn(call.result());
    until_started(&plugins, "in time").await;
    plugins.set_trust(scene.revoked()).await.unwrap();
    assert_eq!(call.await.unwrap().unwrap(), json!("awake"));
    let (_, reason, cut, leftovers) = stopped(&mut events).await;
    assert_eq!((&*reason.code, cut.len(), leftovers.len()), ("KeyRevoked", 0, 0));
}

/// A consumer who takes no more chunks does not keep the plugin.
#[tokio::test]
async fn a_stream_under_way_ends_with_the_reason() {
    let scene = Scene::new();
    let plugins = scene.manager().await;
    let mut events = plugins.events();
    let mut chunks = plugins.call(FAULTY, "stall").params(json!({"key": "stream"})).events();
    assert!(matches!(chunks.next().await, Some(CallEvent::Chunk(_))));
    // Asked for the second chunk, which never comes.
    assert!(chunks.next().now_or_never().is_none());
    plugins.set_trust(scene.revoked()).await.unwrap();
    let last = tokio::time::timeout(PATIENCE, chunks.next()).await.unwrap();
    let Some(CallEvent::Failed(error)) = last else { panic!("cut off: {last:?}") };
    assert_eq!(code(&error), "KeyRevoked");
    assert!(chunks.next().await.is_none());
    let (_, _, cut, _) = stopped(&mut events).await;
    assert_eq!(cut, ["stall"]);
}

/// What a blocking action does cannot be ended in process; the host is told of it, and goes on.
#[tokio::test]
async fn what_never_returns_is_named_as_left_over() {
    let scene = Scene::new();
    let plugins = scene.manager().await;
    let mut events = plugins.events();
    let call = tokio::spawn(plugins.call(FAULTY, "block").params(json!({"key": "left"})).result());
    until_started(&plugins, "left").await;
    plugins.set_trust(scene.revoked()).await.unwrap();
    let (_, _, cut, leftovers) = stopped(&mut events).await;
    assert_eq!((cut, leftovers), (vec!["block".to_owned()], vec!["block".to_owned()]));
    assert_eq!(code(&call.await.unwrap().unwrap_err()), "KeyRevoked");
    neighbour_serves(&plugins).await;
}

#[tokio::test]
async fn each_way_to_lose_trust_stops_a_plugin_and_trust_given_back_starts_it_anew() {
    let scene = Scene::new();
    let plugins = scene.manager().await;
    let mut events = plugins.events();
    observe(&plugins, "").await.unwrap();
    let digest = *plugins.catalogue().versions(&FAULTY.parse().unwrap())[0].digest().unwrap();
    let change = |change: &dyn Fn(&mut TrustStore)| {
        let mut store = scene.store.clone();
        change(&mut store);
        store
    };
    let elsewhere = |store: &mut TrustStore| {
        store.remove_publisher("examples").unwrap();
        store.add_publisher("examples", scene.publisher.key.public_key(), &["org.else"], Placement::InProcess).unwrap();
    };
    for (what, store, expected) in [
        ("a denied digest", change(&|store| assert!(store.deny(digest))), "DigestDenied"),
        ("a publisher who is forgotten", change(&|store| drop(store.remove_publisher("examples"))), "UntrustedKey"),
        ("another prefix", change(&elsewhere), "PublisherNotAllowed"),
        ("a revoked key", scene.revoked(), "KeyRevoked"),
    ] {
        let catalogue = plugins.set_trust(store).await.unwrap();
        assert_eq!(catalogue.versions(&FAULTY.parse().unwrap())[0].reason().unwrap().code, expected, "{what}");
        assert_eq!(code(&observe(&plugins, "").await.unwrap_err()), expected, "{what}");
        assert_eq!(stopped(&mut events).await.1.code, expected, "{what}");
        neighbour_serves(&plugins).await;
        plugins.set_trust(scene.store.clone()).await.unwrap();
        observe(&plugins, "").await.unwrap_or_else(|error| panic!("after {what}: {error}"));
    }
}

#[tokio::test]
async fn a_publisher_who_may_no_longer_run_in_process_does_not() {
    let scene = Scene::new();
    let plugins = scene.manager().await;
    let mut events = plugins.events();
    observe(&plugins, "").await.unwrap();
    let mut store = scene.store.clone();
    store.add_publisher("examples", scene.publisher.key.public_key(), &[PREFIX], Placement::Process).unwrap();
    plugins.set_trust(store).await.unwrap();
    assert_eq!(stopped(&mut events).await.1.code, "PlacementTightened");
    neighbour_serves(&plugins).await;
}

/// Expiry ends new acceptance and never a running fleet.
#[tokio::test]
async fn a_key_that_expires_leaves_alone_what_was_accepted_while_it_counted() {
    let scene = Scene::new();
    let plugins = scene.manager().await;
    observe(&plugins, "").await.unwrap();
    let mut store = scene.store.clone();
    store.set_validity(&scene.key(), None, Some("2001-01-01T00:00:00Z".parse().unwrap())).unwrap();
    plugins.set_trust(store.clone()).await.unwrap();
    observe(&plugins, "").await.unwrap();
    let fresh = scene.builder().trust(store).build().await.unwrap();
    assert_eq!(code(&observe(&fresh, "").await.unwrap_err()), "KeyExpired");
}
