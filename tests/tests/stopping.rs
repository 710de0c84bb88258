//! What was given up stops, seen from the plugin's side; what never returns keeps nobody waiting.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

use std::{
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use apex_plugins::{CallEvent, CancellationToken, ErrorKind, Placement, PluginManager};
use apex_plugins_tests::{Publisher, apex, package};
use futures::StreamExt as _;
use serde_json::{Value, json};

const FAULTY: &str = "com.apexagent.examples.faulty";

/// Far more than any of this takes, even on a machine that is busy with other things.
const PATIENCE: Duration = Duration::from_secs(60);

async fn faulty(directory: &Path) -> PluginManager {
    let publisher = Publisher::new();
    package("faulty", Some(&publisher), directory);
    PluginManager::builder().root(directory).trust(publisher.trusted(Placement::InProcess)).build().await.unwrap()
}

/// What the plugin says of the producers that were started under a key.
async fn observed(plugins: &PluginManager, key: &str) -> Value {
    plugins.call(FAULTY, "observe").params(json!({"key": key})).result().await.unwrap()
}

/// Waits until the plugin says that nothing lives under the key any more.
async fn until_nothing_lives(plugins: &PluginManager, key: &str) -> Value {
    let start = Instant::now();
    loop {
        let seen = observed(plugins, key).await;
        if seen["live"] == 0 {
            return seen;
        }
        assert!(start.elapsed() < PATIENCE, "still alive: {seen}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// R6.7: dropping the stream drops the producer, which made no more than was asked for.
#[tokio::test]
async fn dropping_a_stream_stops_its_producer_which_made_only_what_was_pulled() {
    let directory = tempfile::tempdir().unwrap();
    let plugins = faulty(directory.path()).await;
    let mut events = plugins.call(FAULTY, "ticks").params(json!({"key": "drop"})).events();
    for _ in 0..3 {
        assert!(matches!(events.next().await, Some(CallEvent::Chunk(_))));
    }
    let seen = observed(&plugins, "drop").await;
    assert_eq!((&seen["live"], &seen["pulled"]), (&json!(1), &json!(3)), "{seen}");
    drop(events);
    let seen = until_nothing_lives(&plugins, "drop").await;
    assert_eq!(seen["pulled"], json!(3), "{seen}");
}

/// R6.8: the token reaches the plugin, and the caller gets its answer.
#[tokio::test]
async fn cancelling_reaches_the_plugin_and_answers_the_caller() {
    let directory = tempfile::tempdir().unwrap();
    let plugins = faulty(directory.path()).await;
    for action in ["wait", "never"] {
        let token = CancellationToken::new();
        let call = plugins.call(FAULTY, action).params(json!({"key": action})).cancel_with(token.clone());
        let call = tokio::spawn(call.result());
        while observed(&plugins, action).await["started"] == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        token.cancel();
        let error = tokio::time::timeout(PATIENCE, call).await.unwrap().unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Cancelled, "{action}: {error}");
        until_nothing_lives(&plugins, action).await;
    }
    assert_eq!(observed(&plugins, "wait").await["cancelled"], json!(1), "`wait` saw the cancellation itself");
}

#[tokio::test]
async fn dropping_a_call_drops_what_the_plugin_was_doing() {
    let directory = tempfile::tempdir().unwrap();
    let plugins = faulty(directory.path()).await;
    observed(&plugins, "warm").await;
    let mut call = Box::pin(plugins.call(FAULTY, "never").params(json!({"key": "dropped"})).result());
    assert!(futures::poll!(&mut call).is_pending());
    while observed(&plugins, "dropped").await["live"] != 1 {
        assert!(futures::poll!(&mut call).is_pending());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    drop(call);
    until_nothing_lives(&plugins, "dropped").await;
}

/// R6.8: for async and for blocking actions alike.
#[tokio::test]
async fn the_deadline_answers_even_if_the_plugin_never_does() {
    let directory = tempfile::tempdir().unwrap();
    let plugins = faulty(directory.path()).await;
    observed(&plugins, "warm").await;
    for action in ["never", "block"] {
        // A blocking action that got no thread in time never began, and is tried again.
        let begin = Instant::now();
        while observed(&plugins, action).await["started"] == 0 {
            assert!(begin.elapsed() < PATIENCE, "{action} never began");
            let call = plugins.call(FAULTY, action).params(json!({"key": action})).timeout(Duration::from_millis(50));
            let error = tokio::time::timeout(PATIENCE, call.result()).await.unwrap().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::DeadlineExceeded, "{action}: {error}");
        }
    }
    let report = tokio::time::timeout(PATIENCE, plugins.shutdown(Duration::from_millis(50))).await.unwrap();
    assert_eq!(report.leftovers.len(), 1, "the blocked thread is told of: {report:?}");
    let error = plugins.call(FAULTY, "observe").result().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ShuttingDown);
}

/// Dropping a runtime waits for its own blocking tasks for ever; ours are none of them.
#[test]
fn a_runtime_can_be_dropped_while_a_blocking_action_never_returns() {
    let directory = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let error = runtime.block_on(async {
        let plugins = faulty(directory.path()).await;
        plugins.call(FAULTY, "block").timeout(Duration::from_millis(50)).result().await.unwrap_err()
    });
    assert_eq!(error.kind(), ErrorKind::DeadlineExceeded);
    let (dropped, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        drop(runtime);
        dropped.send(()).unwrap();
    });
    told.recv_timeout(PATIENCE).unwrap();
}

#[test]
fn a_process_exits_although_a_blocking_action_never_returns() {
    let directory = tempfile::tempdir().unwrap();
    let publisher = Publisher::new();
    package("faulty", Some(&publisher), &directory.path().join("plugins"));
    let trust = directory.path().join("trust.json");
    publisher.trusted(Placement::InProcess).save(&trust).unwrap();
    let status = Command::new(apex())
        .arg("--root")
        .arg(directory.path().join("plugins"))
        .arg("--trust")
        .arg(trust)
        .arg("--store")
        .arg(directory.path().join("store"))
        .arg("--state-dir")
        .arg(directory.path().join("states"))
        .args(["run", FAULTY, "block", "--timeout", "50ms"])
        .output()
        .unwrap();
    assert_eq!(status.status.code(), Some(6), "{}", String::from_utf8_lossy(&status.stderr));
}
