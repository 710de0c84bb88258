//! Starting, and who is told.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use apex_exec::{CallError, Instance, InstanceOptions, Lifecycle, Limits, Transition};
use apex_meta::{ErrorKind, Placement};
use serde_json::json;

use crate::probe::{hears, hears_within, loaded, say};

type Seen = Arc<Mutex<Vec<Transition>>>;

fn observed(configuration: serde_json::Value, limits: Limits) -> (Seen, InstanceOptions) {
    let seen = Seen::default();
    let sink = Arc::clone(&seen);
    let observer = Arc::new(move |transition: &Transition| sink.lock().unwrap().push(transition.clone()));
    (seen, InstanceOptions { configuration, limits, observer, ..InstanceOptions::default() })
}

fn fails_to_start(configuration: serde_json::Value, limits: Limits) -> CallError {
    let (seen, options) = observed(configuration, limits);
    let error = Instance::start_blocking(loaded(), options).unwrap_err();
    let seen = seen.lock().unwrap();
    let last = seen.last().unwrap();
    assert_eq!((last.from, last.to), (Some(Lifecycle::Loaded), Lifecycle::Failed));
    assert_eq!(last.error.as_ref().unwrap().kind(), error.kind());
    assert_eq!(error.plugin().unwrap().as_str(), "com.apexagent.tests.probe");
    error
}

#[test]
fn every_step_of_a_life_is_told_in_order() {
    // R6.2
    let (seen, options) = observed(json!({}), Limits::default());
    let instance = Instance::start_blocking(loaded(), options).unwrap();
    assert_eq!(instance.lifecycle(), Lifecycle::Running);
    assert!(instance.shutdown_blocking(Duration::ZERO).is_clean());
    let steps: Vec<_> = seen.lock().unwrap().iter().map(|transition| (transition.from, transition.to)).collect();
    let chain =
        [Lifecycle::Loaded, Lifecycle::Initialized, Lifecycle::Running, Lifecycle::Draining, Lifecycle::Stopped];
    let from = [None].into_iter().chain(chain.map(Some));
    assert_eq!(steps, from.zip(chain).collect::<Vec<_>>());
}

#[test]
fn the_configuration_is_validated_and_given_its_defaults() {
    let (_, options) = observed(serde_json::Value::Null, Limits::default());
    let instance = Instance::start_blocking(loaded(), options).unwrap();
    let seen = instance.result_blocking(apex_exec::CallRequest::new("configuration")).unwrap();
    assert_eq!(seen, json!({"depth": 3}));
    let error = fails_to_start(json!({"depth": "deep", "start": 1}), Limits::default());
    assert_eq!(error.kind(), ErrorKind::Configuration);
    assert_eq!(error.details().unwrap().as_array().unwrap().len(), 2);
    assert_eq!(fails_to_start(json!([]), Limits::default()).kind(), ErrorKind::Configuration);
}

#[test]
fn a_plugin_that_cannot_start_says_why() {
    let error = fails_to_start(json!({"start": "fail"}), Limits::default());
    assert_eq!((error.kind(), error.message()), (ErrorKind::Initialization, "cannot start"));
    assert_eq!(error.causes().collect::<Vec<_>>(), ["no disk"]);
    assert_eq!(fails_to_start(json!({"start": "panic"}), Limits::default()).kind(), ErrorKind::PluginPanicked);
}

#[test]
fn a_plugin_that_hangs_while_it_starts_does_not_hang_the_host() {
    let limits = Limits { initialize_timeout: Duration::from_millis(50), ..Limits::default() };
    for start in ["never", "block"] {
        // One that got no thread in time never began, and is tried again.
        while !hears_within(start, "initializing", Duration::ZERO) {
            let error = fails_to_start(json!({"start": start, "key": start}), limits.clone());
            assert_eq!(error.kind(), ErrorKind::DeadlineExceeded, "{start}");
        }
    }
    say("block", "release");
    assert!(hears("block", "plugin dropped"), "an instance that nobody waits for any more is dropped");
}

#[test]
fn an_observer_that_panics_does_no_harm() {
    let observer = Arc::new(|_: &Transition| panic!("on purpose"));
    let options = InstanceOptions { observer, ..InstanceOptions::default() };
    assert_eq!(Instance::start_blocking(loaded(), options).unwrap().lifecycle(), Lifecycle::Running);
}

#[test]
fn dropping_the_last_handle_drops_the_plugin() {
    let (_, options) = observed(json!({"key": "last-handle"}), Limits::default());
    let instance = Instance::start_blocking(loaded(), options).unwrap();
    drop(instance.clone());
    drop(instance);
    assert!(hears("last-handle", "plugin dropped"));
}

#[test]
fn a_linked_plugin_says_so() {
    assert_eq!(loaded().placement(), Placement::Linked);
    assert!(loaded().verified().is_none());
}

#[test]
fn states_of_other_versions_are_migrated_by_the_plugin() {
    let (_, options) = observed(json!({}), Limits::default());
    let instance = Instance::start_blocking(loaded(), options).unwrap();
    let migrate =
        |from: &str| futures::executor::block_on(instance.migrate_state(&from.parse().unwrap(), json!({"total": 1})));
    assert_eq!(migrate("0.9.0").unwrap(), Some(json!({"total": 1, "migrated": true})));
    assert_eq!(migrate("0.7.0").unwrap(), None);
    assert_eq!(migrate("0.8.0").unwrap_err().kind(), ErrorKind::Execution);
}
