//! One table of behaviour for all placements: the same plugin, linked, in process and in a child.

use std::{path::Path, sync::Arc, time::Duration};

use apex_plugin_sdk::linked;
use apex_plugins::{
    CallContext, CallEvent, CancellationToken, ErrorKind, FileStateStore, Limits, Placement, PluginManager, Progress,
};
use futures::StreamExt as _;
use serde_json::{Value, json};

use crate::{FAULTY, builder};

const PLACEMENTS: [Placement; 3] = [Placement::Linked, Placement::InProcess, Placement::Process];

/// Far more than any of this takes, even on a machine that is busy with other things.
const PATIENCE: Duration = Duration::from_secs(60);

/// A host of the plugin in that placement, where nothing takes so long that a slow machine would be to blame.
async fn host(directory: &Path, placement: Placement, limits: Limits) -> PluginManager {
    let builder = match placement {
        Placement::Linked => {
            let manifest = include_str!("../../plugins/faulty/plugin.json");
            let states = FileStateStore::open(directory.join("states")).unwrap();
            PluginManager::builder().builtin(manifest, linked::<faulty::Faulty>()).unwrap().state(states)
        }
        placement => builder(&["faulty"], directory, placement),
    };
    builder.limits(limits).build().await.unwrap()
}

/// Runs a check in each placement.
async fn everywhere(check: impl AsyncFn(PluginManager, Placement)) {
    for placement in PLACEMENTS {
        let directory = tempfile::tempdir().unwrap();
        let plugins = host(directory.path(), placement, Limits::default()).await;
        check(plugins.clone(), placement).await;
        let report = plugins.shutdown(Duration::from_secs(1)).await;
        // What blocks for ever is left over in this process alone: only a process can be ended.
        assert!(report.leftovers.is_empty() || placement != Placement::Process, "{placement}: {report:?}");
    }
}

async fn events(plugins: &PluginManager, action: &str, params: Value) -> Vec<CallEvent> {
    plugins.call(FAULTY, action).params(params).events().collect().await
}

async fn result(plugins: &PluginManager, action: &str, params: Value) -> Result<Value, ErrorKind> {
    let call = plugins.call(FAULTY, action).params(params).timeout(PATIENCE);
    call.result().await.map_err(|error| error.kind())
}

/// Waits until the plugin says that something holds of the producers under a key.
async fn until_observed(plugins: &PluginManager, key: &str, what: impl Fn(&Value) -> bool) {
    let start = std::time::Instant::now();
    loop {
        let seen = result(plugins, "observe", json!({"key": key})).await.unwrap();
        if what(&seen) {
            return;
        }
        assert!(start.elapsed() < PATIENCE, "{key}: {seen}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// R6.4.
#[tokio::test]
async fn a_call_has_one_result_and_its_parameters_are_validated_and_completed_first() {
    everywhere(async |plugins, placement| {
        assert_eq!(result(&plugins, "echo", json!({"number": 7})).await, Ok(json!(7)), "{placement}");
        let error = plugins.call(FAULTY, "echo").params(json!({"number": "x", "ms": "y"})).result().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidParameters, "{placement}: {error}");
        assert_eq!(error.details().and_then(Value::as_array).map(Vec::len), Some(2), "{placement}: {error:?}");
        let raw = plugins.call(FAULTY, "echo").raw(*br#"{"number": 8, "ms": 0}"#).await.unwrap();
        assert_eq!(raw, b"8", "{placement}");
        assert_eq!(result(&plugins, "no_such_action", json!({})).await, Err(ErrorKind::ActionNotFound), "{placement}");
        let streamed = result(&plugins, "count", json!({"number": 1})).await;
        assert_eq!(streamed, Err(ErrorKind::StreamingNotSupported), "{placement}");
    })
    .await;
}

/// R6.3.
#[tokio::test]
async fn errors_keep_their_kind_their_causes_and_their_details() {
    everywhere(async |plugins, placement| {
        let fail = plugins.call(FAULTY, "fail").params(json!({"kind": "ResourceNotFound"}));
        let error = fail.result().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ResourceNotFound, "{placement}: {error}");
        assert_eq!(error.causes().collect::<Vec<_>>(), ["the disk is gone", "the cable is out"], "{placement}");
        assert_eq!(error.details(), Some(&json!({"on_purpose": true})), "{placement}");
        assert_eq!((error.plugin().map(|id| id.as_str()), error.action()), (Some(FAULTY), Some("fail")), "{placement}");
        let claimed = result(&plugins, "fail", json!({"kind": "PluginCrashed"})).await;
        assert_eq!(claimed, Err(ErrorKind::Execution), "{placement}");
        for action in ["panic", "panic_payload", "panic_in_drop"] {
            assert_eq!(
                result(&plugins, action, json!({})).await,
                Err(ErrorKind::PluginPanicked),
                "{placement} {action}"
            );
        }
        assert_eq!(result(&plugins, "lie_result", json!({})).await, Err(ErrorKind::ProtocolViolation), "{placement}");
    })
    .await;
}

/// R6.6.
#[tokio::test]
async fn progress_comes_in_order_and_before_the_one_end() {
    everywhere(async |plugins, placement| {
        let events = events(&plugins, "work", json!({"steps": 5})).await;
        let percentages: Vec<_> = events
            .iter()
            .filter_map(|event| match event {
                CallEvent::Progress(Progress { percentage, .. }) => *percentage,
                _ => None,
            })
            .collect();
        assert_eq!(percentages, [20.0, 40.0, 60.0, 80.0, 100.0], "{placement}");
        assert!(matches!(events.last(), Some(CallEvent::Done(_))), "{placement}: {events:?}");
        assert_eq!(events.iter().filter(|event| event.is_terminal()).count(), 1, "{placement}");
    })
    .await;
}

/// R6.7.
#[tokio::test]
async fn streams_yield_all_chunks_in_order_whatever_their_number() {
    everywhere(async |plugins, placement| {
        for n in [0, 1, 2, 3, 700, 5000] {
            let mut events = events(&plugins, "count", json!({"number": 7, "chunks": n})).await;
            assert!(matches!(events.pop(), Some(CallEvent::Done(_))), "{placement}");
            let chunks: Vec<_> = events
                .into_iter()
                .map(|event| match event {
                    CallEvent::Chunk(chunk) => chunk,
                    other => panic!("{placement}: {other:?}"),
                })
                .collect();
            let expected: Vec<_> = (0..n).map(|chunk| json!({"number": 7, "chunk": chunk})).collect();
            assert_eq!(chunks, expected, "{placement}");
        }
        let bytes = events(&plugins, "flood_chunks", json!({"count": 40, "bytes": 65536})).await;
        let sizes: Vec<_> = bytes
            .iter()
            .filter_map(|event| match event {
                CallEvent::Bytes(bytes) => Some(bytes.len()),
                _ => None,
            })
            .collect();
        assert_eq!(sizes, [65536; 40], "{placement}");
        let failing = events(&plugins, "panic_in_stream", json!({})).await;
        assert_eq!(failing.len(), 3, "{placement}: {failing:?}");
        assert!(matches!(failing.last(), Some(CallEvent::Failed(_))), "{placement}: {failing:?}");
    })
    .await;
}

/// R6.7: in a child a bounded window is made ahead, and nothing before anybody asks.
#[tokio::test]
async fn a_stream_is_pulled_and_dropping_it_stops_its_producer() {
    everywhere(async |plugins, placement| {
        let ticks = |key: &str| plugins.call(FAULTY, "ticks").params(json!({"key": key})).events();
        let mut stream = ticks("dropped");
        for _ in 0..3 {
            assert!(matches!(stream.next().await, Some(CallEvent::Chunk(_))), "{placement}");
        }
        until_observed(&plugins, "dropped", |seen| {
            let pulled = seen["pulled"].as_u64().unwrap();
            seen["live"] == 1 && (3..=16).contains(&pulled) && (pulled == 3 || placement == Placement::Process)
        })
        .await;
        drop(stream);
        until_observed(&plugins, "dropped", |seen| seen["live"] == 0).await;
    })
    .await;
}

/// Bounds hold wherever the code runs (row 79).
#[tokio::test]
async fn what_is_larger_than_allowed_is_a_named_error() {
    for placement in PLACEMENTS {
        let directory = tempfile::tempdir().unwrap();
        let limits = Limits {
            max_params_bytes: 1 << 10,
            max_result_bytes: 1 << 20,
            max_chunk_bytes: 1 << 20,
            ..Limits::default()
        };
        let plugins = host(directory.path(), placement, limits).await;
        let long = result(&plugins, "trace", json!({"text": "x".repeat(2000)})).await;
        assert_eq!(long, Err(ErrorKind::ResourceLimit), "{placement}");
        let big = result(&plugins, "big_result", json!({"bytes": 2_000_000})).await;
        assert_eq!(big, Err(ErrorKind::ResourceLimit), "{placement}");
        let chunk = events(&plugins, "big_chunk", json!({"bytes": 2_000_000})).await;
        let Some(CallEvent::Failed(error)) = chunk.last() else { panic!("{placement}: {chunk:?}") };
        assert_eq!(error.kind(), ErrorKind::ResourceLimit, "{placement}: {error}");
        assert_eq!(result(&plugins, "echo", json!({"number": 1})).await, Ok(json!(1)), "{placement}");
        assert!(plugins.shutdown(PATIENCE).await.leftovers.is_empty(), "{placement}");
    }
}

/// R6.15, and R7: whose state it is follows from the call's context, which the host keeps.
#[tokio::test]
async fn state_is_kept_by_the_host_and_updated_without_losses() {
    everywhere(async |plugins, placement| {
        let add = || plugins.call(FAULTY, "add").params(json!({"by": 1})).result();
        let sums = futures::future::join_all((0..8).map(|_| add())).await;
        let mut sums: Vec<_> = sums.into_iter().map(|sum| sum.unwrap().as_u64().unwrap()).collect();
        sums.sort_unstable();
        assert_eq!(sums, [1, 2, 3, 4, 5, 6, 7, 8], "{placement}");
        let for_ada = CallContext { user: Some("ada".to_owned()), ..CallContext::default() };
        let total = plugins.call(FAULTY, "add").params(json!({"by": 2})).context(for_ada).result().await;
        assert_eq!(total.unwrap(), json!(10), "{placement}");
    })
    .await;
}

/// R6.8.
#[tokio::test]
async fn a_deadline_binds_whatever_the_action_does() {
    everywhere(async |plugins, placement| {
        assert_eq!(result(&plugins, "echo", json!({"number": 1})).await, Ok(json!(1)), "{placement}");
        for action in ["never", "block", "yield_for_ever"] {
            let call = plugins.call(FAULTY, action).timeout(Duration::from_millis(200));
            let error = tokio::time::timeout(PATIENCE, call.result()).await.unwrap().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::DeadlineExceeded, "{placement} {action}: {error}");
        }
        assert_eq!(result(&plugins, "echo", json!({"number": 7})).await, Ok(json!(7)), "{placement}");
    })
    .await;
}

/// R6.8.
#[tokio::test]
async fn cancellation_reaches_the_plugin_and_the_caller() {
    everywhere(async |plugins, placement| {
        for action in ["wait", "never"] {
            let token = CancellationToken::new();
            let call = plugins.call(FAULTY, action).params(json!({"key": action})).cancel_with(token.clone());
            let call = tokio::spawn(call.result());
            until_observed(&plugins, action, |seen| seen["live"] == 1).await;
            token.cancel();
            let error = tokio::time::timeout(PATIENCE, call).await.unwrap().unwrap().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Cancelled, "{placement} {action}");
            until_observed(&plugins, action, |seen| seen["live"] == 0).await;
        }
        until_observed(&plugins, "wait", |seen| seen["cancelled"] == 1).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_calls_at_once_get_each_its_own_answer() {
    everywhere(async |plugins, placement| {
        let calls = (0..500_u64).map(|number| {
            let plugins = plugins.clone();
            tokio::spawn(async move {
                let params = json!({"number": number, "ms": number % 3});
                (number, plugins.call(FAULTY, "echo").params(params).result().await)
            })
        });
        for call in calls.collect::<Vec<_>>() {
            let (number, echo) = call.await.unwrap();
            assert_eq!(echo.unwrap(), json!(number), "{placement}");
        }
        let metrics = plugins.metrics().into_iter().find(|metrics| metrics.action == "echo").unwrap();
        assert_eq!((metrics.calls, metrics.errors), (500, 0), "{placement}");
    })
    .await;
}

/// R6.16.
#[tokio::test]
async fn after_shutdown_nothing_is_answered_any_more() {
    everywhere(async |plugins, placement| {
        assert_eq!(result(&plugins, "echo", json!({"number": 1})).await, Ok(json!(1)), "{placement}");
        let slow = plugins.call(FAULTY, "echo").params(json!({"number": 2, "ms": 300})).result();
        let slow = tokio::spawn(slow);
        while plugins.metrics().iter().all(|metrics| metrics.in_flight == 0) && !slow.is_finished() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let report = plugins.shutdown(PATIENCE).await;
        assert!(report.leftovers.is_empty(), "{placement}: {report:?}");
        assert_eq!(slow.await.unwrap().unwrap(), json!(2), "{placement}: a call under way ends");
        let refused = result(&plugins, "echo", json!({"number": 3})).await;
        assert_eq!(refused, Err(ErrorKind::ShuttingDown), "{placement}");
    })
    .await;
}

#[test]
fn threads_without_a_runtime_get_their_answers_in_every_placement() {
    for placement in PLACEMENTS {
        let directory = tempfile::tempdir().unwrap();
        let started = host(directory.path(), placement, Limits::default());
        let plugins = Arc::new(apex_plugins::exec::block_on(started));
        let threads: Vec<_> = (0..8_u64)
            .map(|thread| {
                let plugins = Arc::clone(&plugins);
                std::thread::spawn(move || {
                    for number in (thread * 1000)..(thread * 1000 + 100) {
                        let params = json!({"number": number, "ms": 0});
                        let echo = plugins.call(FAULTY, "echo").params(params).result_blocking();
                        assert_eq!(echo.unwrap(), json!(number));
                    }
                    let chunks = plugins.call(FAULTY, "count").params(json!({"number": thread, "chunks": 300}));
                    assert_eq!(chunks.events_blocking().count(), 301);
                })
            })
            .collect();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    }
}
