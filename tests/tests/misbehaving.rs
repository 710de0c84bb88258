//! A plugin that misbehaves in the host's own process: each way ends in its named error, and others are served on.
//!
//! Rows 74, 76 and 79 of the attack catalogue as far as a process can survive them; what it cannot survive is tried in
//! a child.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

use std::time::{Duration, Instant};

use apex_plugins::{CallEvent, ErrorKind, Event, Limits, Placement, PluginManager};
use apex_plugins_tests::{Publisher, package};
use futures::StreamExt as _;
use serde_json::{Value, json};

const FAULTY: &str = "com.apexagent.examples.faulty";
const GREETER: &str = "com.apexagent.examples.greeter";

/// Longer than anything here may take, on a machine that has much else to do.
const PATIENCE: Duration = Duration::from_secs(60);

async fn plugins(limits: Limits) -> (tempfile::TempDir, PluginManager) {
    let (directory, publisher) = (tempfile::tempdir().unwrap(), Publisher::new());
    for plugin in ["faulty", "greeter"] {
        package(plugin, Some(&publisher), directory.path());
    }
    let builder = PluginManager::builder().root(directory.path()).trust(publisher.trusted(Placement::InProcess));
    (directory, builder.limits(limits).build().await.unwrap())
}

/// What a call gets that is to exceed its deadline.
const SOON: Duration = Duration::from_millis(200);

/// The last event of a call, which must be its only end, and how many chunks came before.
async fn end(plugins: &PluginManager, action: &str, params: Value, timeout: Duration) -> (usize, CallEvent) {
    let events = plugins.call(FAULTY, action).params(params).timeout(timeout).events();
    let events: Vec<_> = tokio::time::timeout(2 * PATIENCE, events.collect()).await.unwrap();
    let ends = events.iter().filter(|event| event.is_terminal()).count();
    assert_eq!(ends, 1, "{action}");
    let chunks = events.iter().filter(|event| matches!(event, CallEvent::Chunk(_) | CallEvent::Bytes(_))).count();
    (chunks, events.last().unwrap().clone())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_fault_that_a_process_survives_is_one_named_error_and_others_are_served() {
    let limits = Limits { max_chunk_bytes: 1 << 20, max_result_bytes: 1 << 20, ..Limits::default() };
    let (_directory, plugins) = plugins(limits).await;
    let nothing = || json!({});
    let faults = [
        (74, "panic", nothing(), ErrorKind::PluginPanicked),
        (74, "panic_payload", nothing(), ErrorKind::PluginPanicked),
        (74, "panic_in_drop", nothing(), ErrorKind::PluginPanicked),
        (74, "panic_when_given_up", nothing(), ErrorKind::DeadlineExceeded),
        (74, "panic_in_start", nothing(), ErrorKind::PluginPanicked),
        (74, "panic_in_stream", nothing(), ErrorKind::PluginPanicked),
        (74, "panic_in_stream_drop", json!({"endless": false}), ErrorKind::PluginPanicked),
        (74, "panic_in_stream_drop", json!({"endless": true}), ErrorKind::DeadlineExceeded),
        (76, "never", nothing(), ErrorKind::DeadlineExceeded),
        (76, "yield_for_ever", nothing(), ErrorKind::DeadlineExceeded),
        (76, "block", nothing(), ErrorKind::DeadlineExceeded),
        (76, "stall", nothing(), ErrorKind::DeadlineExceeded),
        (76, "ticks", nothing(), ErrorKind::DeadlineExceeded),
        (79, "big_chunk", json!({"bytes": 2_000_000}), ErrorKind::ResourceLimit),
        (79, "big_result", json!({"bytes": 2_000_000}), ErrorKind::ResourceLimit),
    ];
    for (row, action, params, expected) in faults {
        let timeout = if expected == ErrorKind::DeadlineExceeded { SOON } else { PATIENCE };
        let (_, end) = end(&plugins, action, params, timeout).await;
        let CallEvent::Failed(error) = end else { panic!("row {row}, {action}: {end:?}") };
        assert_eq!(error.kind(), expected, "row {row}, {action}: {error}");
        assert_eq!((error.action(), error.plugin().map(|id| id.as_str())), (Some(action), Some(FAULTY)));
        let greeted = plugins.call(GREETER, "greet").params(json!({"name": "Ada"})).timeout(PATIENCE).result().await;
        assert_eq!(greeted.unwrap(), "Hello, Ada!", "after {action}");
    }
    let of_panic = plugins.metrics().into_iter().find(|metrics| metrics.action == "panic").unwrap();
    assert_eq!((of_panic.calls, of_panic.errors_of(ErrorKind::PluginPanicked)), (1, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn floods_are_bounded_by_what_is_asked_for() {
    let (_directory, plugins) = plugins(Limits { progress_buffer: 16, ..Limits::default() }).await;
    let (_, progress) = end(&plugins, "flood_progress", json!({"count": 20_000}), PATIENCE).await;
    assert!(matches!(progress, CallEvent::Done(_)), "{progress:?}");
    let metrics = plugins.metrics().into_iter().find(|metrics| metrics.action == "flood_progress").unwrap();
    assert!(metrics.progress_given_up >= 20_000 - 16, "{}", metrics.progress_given_up);

    // Nothing is produced that nobody takes.
    let flood = json!({"key": "flood", "count": 1_000_000, "bytes": 10});
    let taken = plugins.call(FAULTY, "flood_chunks").params(flood).events().take(3).count().await;
    let observed = plugins.call(FAULTY, "observe").params(json!({"key": "flood"})).result().await.unwrap();
    assert_eq!((taken, &observed["pulled"], &observed["live"]), (3, &json!(3), &json!(0)));
}

/// R6.5: who holds a worker is told to whoever listens.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plugin_that_holds_its_worker_is_an_event() {
    let limits = Limits { slow_poll: Duration::from_millis(50), ..Limits::default() };
    let (_directory, plugins) = plugins(limits).await;
    let mut events = plugins.events();
    let told = tokio::spawn(async move {
        loop {
            if let Some(Event::SlowPoll(slow)) = events.next().await {
                break slow;
            }
        }
    });
    // Polls are looked at from outside: on a machine that has much else to do, one may be over before anybody looks.
    let start = Instant::now();
    while !told.is_finished() {
        assert!(start.elapsed() < PATIENCE, "nobody is told");
        plugins.call(FAULTY, "spin").params(json!({"ms": 300})).result().await.unwrap();
    }
    let slow = told.await.unwrap();
    assert_eq!((slow.plugin.as_str(), slow.action.as_str()), (FAULTY, "spin"));
    assert!(slow.duration >= Duration::from_millis(50), "{slow:?}");
}
