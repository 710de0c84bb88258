//! The whole path on real plugins: discover, verify, resolve, load, call, stream, remember.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

use std::{path::Path, time::Duration};

use apex_plugins::{CallEvent, ErrorKind, FileStateStore, Placement, PluginManager, Progress, Status};
use apex_plugins_tests::{Publisher, package};
use futures::StreamExt as _;
use serde_json::{Value, json};

const GREETER: &str = "com.apexagent.examples.greeter";
const PROGRESS: &str = "com.apexagent.examples.progress_demo";
const STREAM: &str = "com.apexagent.examples.stream_demo";
const COUNTER: &str = "com.apexagent.examples.counter";
const FAULTY: &str = "com.apexagent.examples.faulty";

/// A root with these plugins, signed by a publisher that is trusted to run in process.
async fn manager(plugins: &[&str], directory: &Path) -> PluginManager {
    let publisher = Publisher::new();
    let root = directory.join("plugins");
    for plugin in plugins {
        package(plugin, Some(&publisher), &root);
    }
    PluginManager::builder()
        .root(&root)
        .trust(publisher.trusted(Placement::InProcess))
        .state(FileStateStore::open(directory.join("states")).unwrap())
        .build()
        .await
        .unwrap()
}

#[tokio::test]
async fn a_signed_plugin_is_found_verified_loaded_and_called() {
    let directory = tempfile::tempdir().unwrap();
    let plugins = manager(&["greeter"], directory.path()).await;
    let catalogue = plugins.catalogue();
    let [entry] = catalogue.entries() else { panic!("one plugin: {:?}", catalogue.entries()) };
    assert_eq!((entry.status(), entry.signer()), (Status::Ready, Some("examples")), "{:?}", entry.reason());
    let greeting = plugins.call(GREETER, "greet").params(json!({"name": "Ada"})).result().await.unwrap();
    assert!(greeting.as_str().unwrap().contains("Ada"), "{greeting}");
}

/// R6.1: the loader remembers modules by their bytes, never by their type or file name.
#[tokio::test]
async fn two_plugins_and_two_versions_in_one_process_answer_each_with_its_own_code() {
    let directory = tempfile::tempdir().unwrap();
    let plugins = manager(&["greeter", "greeter_v2", "counter"], directory.path()).await;
    let params = json!({"name": "Ada"});
    let greet = async |target: &str| plugins.call(target, "greet").params(params.clone()).result().await.unwrap();
    let (one, two) = (greet(&format!("{GREETER}@^1")).await, greet(&format!("{GREETER}@^2")).await);
    assert_ne!(one, two);
    assert_eq!(greet(GREETER).await, two, "without a specifier the highest version answers");
    assert_eq!(plugins.call(COUNTER, "add").params(json!({"by": 2})).result().await.unwrap(), json!(2));
    assert_eq!(greet(&format!("{GREETER}@==1.0.0")).await, one);
}

/// R6.1: one load a digest and process, so that statics of a plugin exist once.
#[tokio::test]
async fn the_same_bytes_are_loaded_once_however_many_hosts_ask() {
    let directory = tempfile::tempdir().unwrap();
    let publisher = Publisher::new();
    let root = directory.path().join("plugins");
    package("faulty", Some(&publisher), &root);
    let build = async || {
        PluginManager::builder().root(&root).trust(publisher.trusted(Placement::InProcess)).build().await.unwrap()
    };
    let (one, two) = (build().await, build().await);
    let params = json!({"key": "shared"});
    let started = async |plugins: &PluginManager| {
        plugins.call(FAULTY, "observe").params(params.clone()).result().await.unwrap()["started"].clone()
    };
    assert_eq!((started(&one).await, started(&two).await), (json!(0), json!(0)), "both hosts have started it");
    let call = tokio::spawn(one.call(FAULTY, "never").params(params.clone()).result());
    while started(&one).await == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    call.abort();
    assert_eq!(started(&two).await, json!(1), "the other host's instance shares the library's statics");
}

#[tokio::test]
async fn without_a_program_for_children_what_belongs_into_one_is_refused_and_never_run_in_process() {
    let directory = tempfile::tempdir().unwrap();
    let publisher = Publisher::new();
    let root = directory.path().join("plugins");
    package("greeter", Some(&publisher), &root);
    let store = publisher.trusted(Placement::Process);
    let plugins = PluginManager::builder()
        .root(&root)
        .trust(store)
        .child_program("/nonexistent/apex-host")
        .build()
        .await
        .unwrap();
    assert_eq!(plugins.catalogue().entries()[0].status(), Status::Ready);
    let error = plugins.call(GREETER, "greet").params(json!({"name": "Ada"})).result().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ChildHostMissing, "{error}");
    assert!(error.hint().is_some());
}

/// R6.14: the plugin's own copy of tokio gets a runtime of the plugin's own.
#[test]
fn tokio_timers_of_a_plugin_work_even_where_the_host_has_no_runtime() {
    let directory = tempfile::tempdir().unwrap();
    let greeting = futures::executor::block_on(async {
        let plugins = manager(&["greeter"], directory.path()).await;
        plugins.call(GREETER, "greet_slowly").params(json!({"name": "Ada"})).result().await.unwrap()
    });
    assert!(greeting.as_str().unwrap().contains("Ada"), "{greeting}");
}

/// R6.6: progress is ordered, within 0 to 100, and never follows the end.
#[tokio::test]
async fn progress_comes_in_order_and_ends_with_exactly_one_result() {
    let directory = tempfile::tempdir().unwrap();
    let plugins = manager(&["progress_demo"], directory.path()).await;
    let params = json!({"steps": 5, "step_ms": 1});
    let events: Vec<_> = plugins.call(PROGRESS, "work").params(params).events().collect().await;
    let (last, before) = events.split_last().unwrap();
    assert!(matches!(last, CallEvent::Done(_)), "{last:?}");
    let percentages: Vec<f64> = before
        .iter()
        .map(|event| match event {
            CallEvent::Progress(Progress { percentage: Some(percentage), .. }) => *percentage,
            other => panic!("only progress comes before the end: {other:?}"),
        })
        .collect();
    assert!(!percentages.is_empty() && percentages.is_sorted(), "{percentages:?}");
    assert!(percentages.iter().all(|percentage| (0.0..=100.0).contains(percentage)));
}

/// R6.7: chunks of both kinds, in order, then one end.
#[tokio::test]
async fn json_and_byte_streams_arrive_whole_and_in_order() {
    let directory = tempfile::tempdir().unwrap();
    let plugins = manager(&["stream_demo"], directory.path()).await;
    let events: Vec<_> = plugins.call(STREAM, "count").params(json!({"n": 4})).events().collect().await;
    let chunks: Vec<&Value> = events
        .iter()
        .filter_map(|event| if let CallEvent::Chunk(chunk) = event { Some(chunk) } else { None })
        .collect();
    assert_eq!(chunks, [&json!(1), &json!(2), &json!(3), &json!(4)]);
    assert!(matches!(events.last(), Some(CallEvent::Done(_))));

    let events: Vec<_> = plugins.call(STREAM, "bytes").events().collect().await;
    assert!(events.iter().any(|event| matches!(event, CallEvent::Bytes(bytes) if !bytes.is_empty())), "{events:?}");
}

#[tokio::test]
async fn an_error_midway_reaches_the_consumer_after_the_chunks_before_it() {
    let directory = tempfile::tempdir().unwrap();
    let plugins = manager(&["stream_demo"], directory.path()).await;
    let events: Vec<_> = plugins.call(STREAM, "fail_midway").events().collect().await;
    let (last, before) = events.split_last().unwrap();
    let CallEvent::Failed(error) = last else { panic!("the stream fails: {last:?}") };
    assert_eq!(error.kind(), ErrorKind::Execution);
    assert!(!before.is_empty() && before.iter().all(|event| !event.is_terminal()));
}

/// R7.1: what one manager saved, the next one loads, as a new process would.
#[tokio::test]
async fn state_outlives_the_manager_that_saved_it() {
    let directory = tempfile::tempdir().unwrap();
    let publisher = Publisher::new();
    let root = directory.path().join("plugins");
    package("counter", Some(&publisher), &root);
    for expected in [1, 2] {
        let plugins = PluginManager::builder()
            .root(&root)
            .trust(publisher.trusted(Placement::InProcess))
            .state(FileStateStore::open(directory.path().join("states")).unwrap())
            .build()
            .await
            .unwrap();
        let total = plugins.call(COUNTER, "add").params(json!({"by": 1})).result().await.unwrap();
        assert_eq!(total, json!(expected));
        assert!(plugins.shutdown(Duration::from_secs(60)).await.leftovers.is_empty());
    }
    assert!(directory.path().join("states").join(COUNTER).join("state_v1.0.0.json").is_file());
}

/// R6.4: every fault of the parameters at once, before the plugin sees them.
#[tokio::test]
async fn parameters_are_checked_before_the_plugin_sees_them() {
    let directory = tempfile::tempdir().unwrap();
    let plugins = manager(&["greeter"], directory.path()).await;
    let error = plugins.call(GREETER, "greet").params(json!({"name": 7, "nmae": "Ada"})).result().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidParameters);
    let text = format!("{error} {:?}", error.details());
    assert!(text.contains("/name") && text.contains("nmae"), "{text}");
}

#[tokio::test]
async fn what_is_not_there_is_told_apart() {
    let directory = tempfile::tempdir().unwrap();
    let plugins = manager(&["greeter"], directory.path()).await;
    let rows = [
        ("com.acme.nobody", "greet", ErrorKind::PluginNotFound),
        ("com.apexagent.examples.greeter@^9", "greet", ErrorKind::VersionNotFound),
        (GREETER, "gret", ErrorKind::ActionNotFound),
        ("../x", "greet", ErrorKind::InvalidRequest),
        ("com.apexagent.examples.greeter@>>1", "greet", ErrorKind::InvalidRequest),
    ];
    for (target, action, kind) in rows {
        let error = plugins.call(target, action).params(json!({"name": "Ada"})).result().await.unwrap_err();
        assert_eq!(error.kind(), kind, "{target} {action}: {error}");
    }
}

/// R6.9: a panic anywhere in a plugin is an error of the call, and the plugin goes on answering.
#[tokio::test]
async fn a_panic_in_a_plugin_is_an_error_and_the_host_lives_on() {
    let directory = tempfile::tempdir().unwrap();
    let plugins = manager(&["faulty", "greeter"], directory.path()).await;
    for action in ["panic", "panic_payload", "panic_in_drop"] {
        let error = plugins.call(FAULTY, action).result().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::PluginPanicked, "{action}: {error}");
        assert!(plugins.call(GREETER, "greet").params(json!({"name": "Ada"})).result().await.is_ok());
    }
    for action in ["panic_in_stream"] {
        let events: Vec<_> = plugins.call(FAULTY, action).events().collect().await;
        let Some(CallEvent::Failed(error)) = events.last() else { panic!("{action}: {events:?}") };
        assert_eq!(error.kind(), ErrorKind::PluginPanicked, "{action}: {error}");
    }
    assert!(plugins.call(FAULTY, "observe").result().await.is_ok(), "the plugin still answers");
}
