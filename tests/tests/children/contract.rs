//! One table of behaviour for all placements.

use std::{sync::Arc, time::Duration};

use apex_plugins::{CallEvent, CancellationToken, ErrorKind, Placement, PluginManager, Progress};
use futures::StreamExt as _;
use serde_json::{Value, json};

use crate::{COUNTER, FAULTY, GREETER, PROGRESS, STREAM, builder};

const PLACEMENTS: [Placement; 2] = [Placement::InProcess, Placement::Process];

/// Runs a check in each placement.
async fn everywhere(check: impl AsyncFn(PluginManager, Placement)) {
    for placement in PLACEMENTS {
        let directory = tempfile::tempdir().unwrap();
        let all = ["greeter", "progress_demo", "stream_demo", "counter", "faulty"];
        let plugins = builder(&all, directory.path(), placement).build().await.unwrap();
        check(plugins.clone(), placement).await;
        let report = plugins.shutdown(Duration::from_secs(1)).await;
        // What blocks for ever is left over in process alone: only a process can be ended.
        assert!(report.leftovers.is_empty() || placement == Placement::InProcess, "{placement}: {report:?}");
    }
}

async fn events(plugins: &PluginManager, plugin: &str, action: &str, params: Value) -> Vec<CallEvent> {
    plugins.call(plugin, action).params(params).events().collect().await
}

#[tokio::test]
async fn a_call_has_one_result_and_its_parameters_are_validated_first() {
    everywhere(async |plugins, placement| {
        let greet = |params: Value| plugins.call(GREETER, "greet").params(params).result();
        let greeting = greet(json!({"name": "Ada"})).await.unwrap();
        assert!(greeting.as_str().unwrap().contains("Ada"), "{placement}: {greeting}");
        let error = greet(json!({"nam": 1})).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidParameters, "{placement}: {error}");
    })
    .await;
}

#[tokio::test]
async fn errors_keep_their_kind_and_their_causes() {
    everywhere(async |plugins, placement| {
        let fail = plugins.call(FAULTY, "fail").params(json!({"kind": "ResourceNotFound"}));
        let error = fail.result().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ResourceNotFound, "{placement}: {error}");
        assert!(error.causes().count() > 0, "{placement}: {error:?}");
        let claimed = plugins.call(FAULTY, "fail").params(json!({"kind": "PluginCrashed"}));
        assert_eq!(claimed.result().await.unwrap_err().kind(), ErrorKind::Execution, "{placement}");
        let panicked = plugins.call(FAULTY, "panic").result().await.unwrap_err();
        assert_eq!(panicked.kind(), ErrorKind::PluginPanicked, "{placement}: {panicked}");
    })
    .await;
}

#[tokio::test]
async fn progress_comes_in_order_and_before_the_one_end() {
    everywhere(async |plugins, placement| {
        let events = events(&plugins, PROGRESS, "work", json!({"steps": 5, "step_ms": 1})).await;
        let percentages: Vec<_> = events
            .iter()
            .filter_map(|event| match event {
                CallEvent::Progress(Progress { percentage, .. }) => *percentage,
                _ => None,
            })
            .collect();
        assert!(percentages.len() >= 5 && percentages.is_sorted(), "{placement}: {percentages:?}");
        assert!(matches!(events.last(), Some(CallEvent::Done(_))), "{placement}: {events:?}");
        assert_eq!(events.iter().filter(|event| event.is_terminal()).count(), 1, "{placement}");
    })
    .await;
}

#[tokio::test]
async fn streams_yield_all_chunks_in_order_whatever_their_number() {
    everywhere(async |plugins, placement| {
        for n in [0, 1, 2, 3, 700, 5000] {
            let chunks: Vec<_> = events(&plugins, STREAM, "count", json!({"n": n, "delay_ms": 0}))
                .await
                .into_iter()
                .filter_map(|event| match event {
                    CallEvent::Chunk(chunk) => Some(chunk),
                    CallEvent::Done(_) => None,
                    other => panic!("{placement}: {other:?}"),
                })
                .collect();
            assert_eq!(chunks.len(), n, "{placement}");
            let numbers: Vec<_> = chunks.iter().map(Value::to_string).collect();
            let mut sorted = numbers.clone();
            sorted.sort_by_key(String::len);
            assert_eq!(numbers, sorted, "{placement}");
        }
        let bytes = events(&plugins, STREAM, "bytes", json!({"chunks": 40, "size": 65536})).await;
        let sizes = bytes.iter().filter_map(|event| match event {
            CallEvent::Bytes(bytes) => Some(bytes.len()),
            _ => None,
        });
        assert_eq!(sizes.sum::<usize>(), 40 * 65536, "{placement}");
        let failing = events(&plugins, STREAM, "fail_midway", json!({"after": 3})).await;
        assert_eq!(failing.len(), 4, "{placement}: {failing:?}");
        assert!(matches!(failing.last(), Some(CallEvent::Failed(_))), "{placement}: {failing:?}");
    })
    .await;
}

#[tokio::test]
async fn state_is_kept_by_the_host_and_updated_without_losses() {
    everywhere(async |plugins, placement| {
        let add = || plugins.call(COUNTER, "add").params(json!({"by": 1})).result();
        let sums = futures::future::join_all((0..8).map(|_| add())).await;
        assert!(sums.iter().all(Result::is_ok), "{placement}: {sums:?}");
        let total = plugins.call(COUNTER, "get").result().await.unwrap();
        assert_eq!(total, json!(8), "{placement}");
    })
    .await;
}

#[tokio::test]
async fn a_deadline_binds_whatever_the_action_does() {
    everywhere(async |plugins, placement| {
        for action in ["never", "block", "yield_for_ever"] {
            let call = plugins.call(FAULTY, action).timeout(Duration::from_millis(200));
            let error = call.result().await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::DeadlineExceeded, "{placement} {action}: {error}");
        }
        let echo = plugins.call(FAULTY, "echo").params(json!({"number": 7, "ms": 0})).result().await;
        assert_eq!(echo.unwrap(), json!(7), "{placement}");
    })
    .await;
}

#[tokio::test]
async fn cancellation_reaches_the_plugin_and_the_caller() {
    everywhere(async |plugins, placement| {
        for action in ["wait", "never"] {
            let token = CancellationToken::new();
            let call = plugins.call(FAULTY, action).cancel_with(token.clone());
            let cancel = async {
                tokio::task::yield_now().await;
                token.cancel();
            };
            let (result, ()) = tokio::join!(call.result(), cancel);
            assert_eq!(result.unwrap_err().kind(), ErrorKind::Cancelled, "{placement} {action}");
        }
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
    })
    .await;
}

#[test]
fn threads_without_a_runtime_read_their_answers_themselves() {
    let directory = tempfile::tempdir().unwrap();
    let started = builder(&["faulty"], directory.path(), Placement::Process).build();
    let plugins = Arc::new(apex_plugins::exec::block_on(started).unwrap());
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
