//! A plugin that is replaced while it is called: calls under way end on the old one, new ones go to the new one, and
//! nothing is lost (R5.3).
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use apex_plugins::{CancellationToken, ErrorKind, Event, Placement, PluginManager, exec::Lifecycle};
use apex_plugins_tests::{Publisher, apex_host, package_changed};
use futures::StreamExt as _;
use serde_json::{Value, json};

const FAULTY: &str = "com.apexagent.examples.faulty";

/// Longer than anything here may take, on a machine that has much else to do.
const PATIENCE: Duration = Duration::from_secs(60);

/// Puts a version in the place of what is there.
fn put(version: &str, publisher: &Publisher, root: &Path) {
    if root.exists() {
        fs::remove_dir_all(root).unwrap();
    }
    package_changed("faulty", Some(publisher), root, |manifest| manifest["version"] = version.into());
}

async fn echo(plugins: &PluginManager, number: u64, ms: u64) -> Result<Value, ErrorKind> {
    let call = plugins.call(FAULTY, "echo").params(json!({"number": number, "ms": ms})).timeout(PATIENCE);
    call.result().await.map_err(|error| error.kind())
}

/// Calls without pause; every call must have its own answer. Gives how many there were.
async fn call_on(plugins: PluginManager, caller: u64, until: CancellationToken) -> u64 {
    let mut calls = 0;
    while !until.is_cancelled() {
        let number = (caller << 32) | calls;
        assert_eq!(echo(&plugins, number, number % 3).await, Ok(json!(number)));
        calls += 1;
    }
    calls
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replacing_a_plugin_under_load_loses_no_call_and_ends_the_old_one() {
    for placement in [Placement::InProcess, Placement::Process] {
        let (directory, publisher) = (tempfile::tempdir().unwrap(), Publisher::new());
        let root = directory.path().join("plugins");
        put("1.0.0", &publisher, &root);
        let trust = publisher.trusted(placement);
        let plugins =
            PluginManager::builder().root(&root).trust(trust).child_program(apex_host()).build().await.unwrap();
        let mut events = plugins.events();
        assert_eq!(echo(&plugins, 1, 0).await, Ok(json!(1)));
        let until = CancellationToken::new();
        let callers: Vec<_> =
            (0..4_u64).map(|caller| tokio::spawn(call_on(plugins.clone(), caller, until.clone()))).collect();
        let slow = tokio::spawn({
            let plugins = plugins.clone();
            async move { echo(&plugins, 99, 700).await }
        });
        for version in ["1.0.1", "1.1.0", "2.0.0"] {
            tokio::time::sleep(Duration::from_millis(50)).await;
            put(version, &publisher, &root);
            plugins.rescan().await.unwrap();
            // It is loaded now, and needs its files no more.
            assert_eq!(echo(&plugins, 98, 0).await, Ok(json!(98)), "{placement} {version}");
        }
        assert_eq!(slow.await.unwrap(), Ok(json!(99)), "{placement}: it began on an old one");
        until.cancel();
        for caller in callers {
            assert!(caller.await.unwrap() > 0, "{placement}");
        }
        let mut stopped = Vec::new();
        let start = Instant::now();
        while stopped.is_empty() {
            assert!(start.elapsed() < PATIENCE, "{placement}: nothing was stopped");
            let event = tokio::time::timeout(PATIENCE, events.next()).await.unwrap();
            if let Some(Event::Lifecycle { version, to: Lifecycle::Stopped, .. }) = event {
                stopped.push(version.to_string());
            }
        }
        assert!(!stopped.contains(&"2.0.0".to_owned()), "{placement}: {stopped:?}");
        assert_eq!(echo(&plugins, 5, 0).await, Ok(json!(5)));
        assert!(plugins.shutdown(PATIENCE).await.leftovers.is_empty(), "{placement}");
    }
}

/// What is switched off ends, and what is switched on again is started again.
#[tokio::test]
async fn switching_a_plugin_off_ends_it_and_switching_it_on_starts_it_again() {
    let (directory, publisher) = (tempfile::tempdir().unwrap(), Publisher::new());
    let root = directory.path().join("plugins");
    put("1.0.0", &publisher, &root);
    let plugins = PluginManager::builder()
        .root(&root)
        .trust(publisher.trusted(Placement::Process))
        .child_program(apex_host())
        .overrides(directory.path().join("overrides.json"))
        .build()
        .await
        .unwrap();
    let (mut events, faulty) = (plugins.events(), FAULTY.parse().unwrap());
    assert_eq!(echo(&plugins, 1, 0).await, Ok(json!(1)));
    plugins.set_enabled(&faulty, false).await.unwrap();
    assert_eq!(echo(&plugins, 2, 0).await, Err(ErrorKind::PluginDisabled));
    let is_stopped = |event: &Event| matches!(event, Event::Lifecycle { to: Lifecycle::Stopped, .. });
    let stopped = async { while !is_stopped(&events.next().await.unwrap()) {} };
    tokio::time::timeout(PATIENCE, stopped).await.unwrap();
    plugins.set_enabled(&faulty, true).await.unwrap();
    assert_eq!(echo(&plugins, 3, 0).await, Ok(json!(3)));
    assert!(plugins.shutdown(PATIENCE).await.leftovers.is_empty());
}
