//! Whatever a plugin does in its process, nothing is left of it: no process, descriptor, thread or file. Alone in its
//! process, so that all of those are its own.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use apex_plugins::{CallEvent, CancellationToken, ErrorKind, Limits, Placement, PluginManager};
use apex_plugins_tests::{Publisher, apex_host, package, processes};
use futures::StreamExt as _;
use serde_json::{Value, json};

const FAULTY: &str = "com.apexagent.examples.faulty";
const GREETER: &str = "com.apexagent.examples.greeter";

/// Longer than anything here may take, on a machine that has much else to do.
const PATIENCE: Duration = Duration::from_secs(60);

/// What there is of this process: its children, descriptors and threads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Belongings {
    children: usize,
    descriptors: usize,
    threads: usize,
}

impl Belongings {
    fn count() -> Self {
        let entries = |path: &str| fs::read_dir(path).unwrap().count();
        Self {
            children: processes::children().len(),
            descriptors: entries("/proc/self/fd"),
            threads: entries("/proc/self/task"),
        }
    }

    fn fits_into(self, before: Self) -> bool {
        self.children <= before.children && self.descriptors <= before.descriptors && self.threads <= before.threads
    }
}

async fn host(directory: &Path, publisher: &Publisher) -> PluginManager {
    let limits = Limits {
        crashes_allowed: usize::MAX,
        restart_pause: Duration::ZERO,
        child_patience: Duration::from_millis(200),
        max_result_bytes: 1 << 20,
        max_chunk_bytes: 1 << 20,
        ..Limits::default()
    };
    PluginManager::builder()
        .root(directory.join("plugins"))
        .trust(publisher.trusted(Placement::Process))
        .child_program(apex_host())
        .child_env("TMPDIR", directory.join("temporary"))
        .limits(limits)
        .build()
        .await
        .unwrap()
}

/// The only end of a call.
async fn end(plugins: &PluginManager, action: &str, params: Value, timeout: Duration) -> CallEvent {
    let events = plugins.call(FAULTY, action).params(params).timeout(timeout).events();
    let events: Vec<_> = tokio::time::timeout(PATIENCE, events.collect()).await.unwrap();
    assert_eq!(events.iter().filter(|event| event.is_terminal()).count(), 1, "{action}");
    events.last().unwrap().clone()
}

/// Calls another plugin without pause, which must never fail; gives how often.
async fn serve(plugins: PluginManager, until: CancellationToken) -> u64 {
    let mut served = 0;
    while !until.is_cancelled() {
        let greeted = plugins.call(GREETER, "greet").params(json!({"name": "Ada"})).timeout(PATIENCE).result().await;
        assert_eq!(greeted.unwrap(), "Hello, Ada!");
        served += 1;
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    served
}

/// What each action ends in, by the row of the attack catalogue; none is a good end.
fn faults() -> Vec<(u8, &'static str, Value, Option<ErrorKind>)> {
    use ErrorKind::{DeadlineExceeded, PluginCrashed, PluginPanicked, ResourceLimit};
    let nothing = || json!({});
    vec![
        (74, "panic", nothing(), Some(PluginPanicked)),
        (74, "panic_payload", nothing(), Some(PluginPanicked)),
        (74, "panic_in_drop", nothing(), Some(PluginPanicked)),
        (74, "panic_in_start", nothing(), Some(PluginPanicked)),
        (74, "panic_in_stream", nothing(), Some(PluginPanicked)),
        (74, "panic_in_stream_drop", json!({"endless": false}), Some(PluginPanicked)),
        (74, "panic_in_thread", nothing(), None),
        (74, "panic_when_given_up", nothing(), Some(DeadlineExceeded)),
        (74, "panic_twice", nothing(), Some(PluginCrashed)),
        (74, "panic_in_thread_local", nothing(), Some(PluginCrashed)),
        (75, "abort", nothing(), Some(PluginCrashed)),
        (75, "segfault", nothing(), Some(PluginCrashed)),
        (75, "exit", json!({"code": 0}), Some(PluginCrashed)),
        (75, "overflow_stack", nothing(), Some(PluginCrashed)),
        (75, "abort_in_stream", json!({"chunks": 3}), Some(PluginCrashed)),
        (76, "never", nothing(), Some(DeadlineExceeded)),
        (76, "yield_for_ever", nothing(), Some(DeadlineExceeded)),
        (76, "spin_for_ever", nothing(), Some(DeadlineExceeded)),
        (76, "block", nothing(), Some(DeadlineExceeded)),
        (76, "block_spinning", nothing(), Some(DeadlineExceeded)),
        (76, "stall", nothing(), Some(DeadlineExceeded)),
        (76, "ticks", nothing(), Some(DeadlineExceeded)),
        (79, "big_chunk", json!({"bytes": 2_000_000}), Some(ResourceLimit)),
        (79, "big_result", json!({"bytes": 2_000_000}), Some(ResourceLimit)),
        (79, "flood_output", json!({"bytes": 64 << 20, "to_stderr": false}), Some(ResourceLimit)),
        (79, "flood_progress", json!({"count": 20_000}), None),
        (79, "flood_chunks", json!({"count": 2_000, "bytes": 10}), None),
        (79, "flood_log", json!({"count": 20_000}), None),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_a_plugin_does_in_its_process_ends_in_its_named_error_and_leaves_nothing() {
    let (directory, publisher) = (tempfile::tempdir().unwrap(), Publisher::new());
    fs::create_dir(directory.path().join("temporary")).unwrap();
    for plugin in ["faulty", "greeter"] {
        package(plugin, Some(&publisher), &directory.path().join("plugins"));
    }
    // What is there for good, such as the thread that waits for all children, is there after a first round.
    let plugins = host(directory.path(), &publisher).await;
    assert!(matches!(end(&plugins, "echo", json!({"number": 1}), PATIENCE).await, CallEvent::Done(_)));
    let busy = Belongings::count();
    assert!(plugins.shutdown(PATIENCE).await.leftovers.is_empty());
    drop(plugins);
    // Threads without work stay for a while.
    let before =
        settled(|now| now.children == 0 && now.descriptors < busy.descriptors && now.threads < busy.threads).await;

    let plugins = host(directory.path(), &publisher).await;
    let until = CancellationToken::new();
    let serving = tokio::spawn(serve(plugins.clone(), until.clone()));
    for (row, action, params, expected) in faults() {
        let timeout = if expected == Some(ErrorKind::DeadlineExceeded) { Duration::from_millis(300) } else { PATIENCE };
        // The process that an earlier row ended is started again first, or its start would count against the deadline.
        let ready = end(&plugins, "echo", json!({"number": row}), PATIENCE).await;
        assert!(matches!(ready, CallEvent::Done(_)), "before row {row}, {action}: {ready:?}");
        match (end(&plugins, action, params, timeout).await, expected) {
            (CallEvent::Done(_), None) => {}
            (CallEvent::Failed(error), Some(expected)) => {
                assert_eq!(error.kind(), expected, "row {row}, {action}: {error}");
                assert_eq!((error.action(), error.plugin().map(|id| id.as_str())), (Some(action), Some(FAULTY)));
            }
            (end, _) => panic!("row {row}, {action}: {end:?}"),
        }
    }
    until.cancel();
    assert!(serving.await.unwrap() > 0);
    assert!(plugins.shutdown(PATIENCE).await.leftovers.is_empty());
    drop(plugins);
    let after = settled(|now| now.fits_into(before)).await;
    assert!(after.fits_into(before), "{after:?}, before {before:?}");
    let files: Vec<_> = fs::read_dir(directory.path().join("temporary")).unwrap().collect();
    assert!(files.is_empty(), "{files:?}");
}

/// Waits until what there is is as it should be, for so long as anybody may wait; gives what there is.
async fn settled(is_so: impl Fn(Belongings) -> bool) -> Belongings {
    let until = Instant::now() + PATIENCE;
    loop {
        let now = Belongings::count();
        if is_so(now) || Instant::now() > until {
            return now;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
