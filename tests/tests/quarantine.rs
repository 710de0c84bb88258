//! Row 77: what crashes again and again is kept from running, for good, until somebody lets it run again by hand.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

use std::{
    path::Path,
    time::{Duration, Instant},
};

use apex_plugins::{Builder, ErrorKind, Limits, Placement, PluginManager, Status};
use apex_plugins_tests::{Publisher, apex_host, package};
use serde_json::{Value, json};

const FAULTY: &str = "com.apexagent.examples.faulty";
const GREETER: &str = "com.apexagent.examples.greeter";

/// Longer than anything here may take, on a machine that has much else to do.
const PATIENCE: Duration = Duration::from_secs(60);

fn builder(directory: &Path, publisher: &Publisher) -> Builder {
    // All crashes count, however long they take.
    let limits = Limits {
        crashes_allowed: 2,
        crash_window: Duration::from_secs(3600),
        restart_pause: Duration::from_millis(1),
        ..Limits::default()
    };
    PluginManager::builder()
        .root(directory.join("plugins"))
        .trust(publisher.trusted(Placement::Process))
        .child_program(apex_host())
        .overrides(directory.join("overrides.json"))
        .limits(limits)
}

async fn echo(plugins: &PluginManager) -> Result<Value, ErrorKind> {
    let call = plugins.call(FAULTY, "echo").params(json!({"number": 7})).timeout(PATIENCE);
    call.result().await.map_err(|error| error.kind())
}

async fn crash_into_quarantine(plugins: &PluginManager) {
    for _ in 0..3 {
        let error = plugins.call(FAULTY, "abort").timeout(PATIENCE).result().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::PluginCrashed, "{error}");
    }
    let error = plugins.call(FAULTY, "echo").params(json!({"number": 7})).result().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PluginQuarantined, "{error}");
    assert!(error.hint().is_some_and(|hint| hint.contains("apex enable")), "{error:?}");
}

/// What the catalogue says of it.
fn status(plugins: &PluginManager) -> (Status, Option<String>) {
    let catalogue = plugins.catalogue();
    let entry = &catalogue.versions(&FAULTY.parse().unwrap())[0];
    (entry.status(), entry.reason().map(|reason| reason.code.to_string()))
}

#[tokio::test]
async fn a_quarantine_outlives_the_host_and_is_lifted_by_hand() {
    let (directory, publisher) = (tempfile::tempdir().unwrap(), Publisher::new());
    for plugin in ["faulty", "greeter"] {
        package(plugin, Some(&publisher), &directory.path().join("plugins"));
    }
    let build = || builder(directory.path(), &publisher).build();
    let first = build().await.unwrap();
    crash_into_quarantine(&first).await;
    let greeted = first.call(GREETER, "greet").params(json!({"name": "Ada"})).result().await;
    assert!(greeted.is_ok(), "others are served: {greeted:?}");
    // What was to be noted is noted when this is over.
    first.shutdown(PATIENCE).await;
    let quarantined = (Status::Blocked, Some("PluginQuarantined".to_owned()));
    assert_eq!(status(&first), quarantined);

    let (second, third) = (build().await.unwrap(), build().await.unwrap());
    for plugins in [&second, &third] {
        assert_eq!(status(plugins), quarantined);
        assert_eq!(echo(plugins).await, Err(ErrorKind::PluginQuarantined));
    }
    let entries = second.set_enabled(&FAULTY.parse().unwrap(), true).await.unwrap();
    assert_eq!(entries[0].status(), Status::Ready);
    assert_eq!(echo(&second).await, Ok(json!(7)));
    // The other host finds out when it is asked.
    assert_eq!(echo(&third).await, Ok(json!(7)));
    second.shutdown(PATIENCE).await;
    third.shutdown(PATIENCE).await;
}

#[tokio::test]
async fn a_quarantine_is_lifted_in_the_host_that_saw_the_crashes_too() {
    let (directory, publisher) = (tempfile::tempdir().unwrap(), Publisher::new());
    package("faulty", Some(&publisher), &directory.path().join("plugins"));
    let plugins = builder(directory.path(), &publisher).build().await.unwrap();
    crash_into_quarantine(&plugins).await;
    let start = Instant::now();
    while status(&plugins).0 != Status::Blocked {
        assert!(start.elapsed() < PATIENCE, "the quarantine is not noted");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(echo(&plugins).await, Err(ErrorKind::PluginQuarantined));
    assert_eq!(plugins.lift_quarantine(&FAULTY.parse().unwrap()).await.unwrap(), 1);
    assert_eq!(echo(&plugins).await, Ok(json!(7)));
    // The crashes from before are forgiven.
    crash_into_quarantine(&plugins).await;
    plugins.shutdown(PATIENCE).await;
}

/// A plugin that crashes before it is initialized has no instance that could remember it.
#[tokio::test]
async fn who_crashes_while_it_is_started_is_quarantined_as_well_and_forgiven_without_a_file() {
    let (directory, publisher) = (tempfile::tempdir().unwrap(), Publisher::new());
    package("faulty", Some(&publisher), &directory.path().join("plugins"));
    let crashing = |plugins: Builder| plugins.configuration(FAULTY.parse().unwrap(), json!({"initialize": "abort"}));
    let limits = Limits {
        crashes_allowed: 2,
        crash_window: Duration::from_secs(3600),
        restart_pause: Duration::from_millis(1),
        ..Limits::default()
    };
    let bare = PluginManager::builder()
        .root(directory.path().join("plugins"))
        .trust(publisher.trusted(Placement::Process))
        .child_program(apex_host())
        .limits(limits);
    let plugins = crashing(bare).build().await.unwrap();
    for round in 0..2 {
        for _ in 0..3 {
            assert_eq!(echo(&plugins).await, Err(ErrorKind::PluginCrashed), "round {round}");
        }
        assert_eq!(echo(&plugins).await, Err(ErrorKind::PluginQuarantined), "round {round}");
        assert_eq!(plugins.lift_quarantine(&FAULTY.parse().unwrap()).await.unwrap(), 1);
    }
    plugins.shutdown(PATIENCE).await;
}
