//! Ending: bounded, and honest about what is left.

use std::time::{Duration, Instant};

use apex_exec::{CallRequest, Instance, InstanceOptions, Lifecycle, Limits};
use apex_meta::ErrorKind;
use futures::{StreamExt, executor::block_on};
use serde_json::json;

use crate::probe::{LONG, hears, hears_within, say, start_with};

/// What is given to what is not to end in time.
const SOON: Duration = Duration::from_millis(100);

fn instance(configuration: serde_json::Value) -> Instance {
    ending_within(LONG, configuration)
}

/// An instance that waits so long for what does not end.
fn ending_within(limit: Duration, configuration: serde_json::Value) -> Instance {
    let limits = Limits { shutdown_timeout: limit, cancel_grace: limit, ..Limits::default() };
    start_with(InstanceOptions { configuration, limits, ..InstanceOptions::default() })
}

fn keyed(action: &str, key: &str) -> CallRequest {
    CallRequest::new(action).params(json!({"key": key}))
}

#[test]
fn calls_under_way_may_end_and_new_ones_are_refused() {
    // R6.16
    let instance = instance(json!({"key": "drained"}));
    let call = instance.result(keyed("block", "drained"));
    let caller = std::thread::spawn(move || block_on(call));
    assert!(hears("drained", "started"));
    let ending = instance.clone();
    let shutdown = std::thread::spawn(move || ending.shutdown_blocking(LONG));
    while instance.lifecycle() != Lifecycle::Draining {
        std::thread::yield_now();
    }
    let refused = instance.result_blocking(CallRequest::new("whoami")).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ShuttingDown);
    assert!(!hears_within("drained", "shut down", Duration::ZERO), "the plugin ends after its calls");
    say("drained", "release");
    assert_eq!(caller.join().unwrap().unwrap(), "released");
    assert!(shutdown.join().unwrap().is_clean());
    assert!(hears("drained", "shut down"));
    assert_eq!(instance.lifecycle(), Lifecycle::Stopped);
}

#[test]
fn calls_that_outlast_the_drain_are_told_to_end() {
    let instance = instance(json!({}));
    let call = instance.result(keyed("wait_for_cancel", "outlasts"));
    let caller = std::thread::spawn(move || block_on(call));
    assert!(hears("outlasts", "started"));
    assert!(instance.shutdown_blocking(Duration::from_millis(20)).is_clean());
    assert!(hears("outlasts", "cancelled"));
    assert_eq!(caller.join().unwrap().unwrap_err().kind(), ErrorKind::ShuttingDown);
}

#[test]
fn what_does_not_end_is_reported_and_left_behind() {
    let started = Instant::now();
    let instance = ending_within(SOON, json!({}));
    let call = instance.result(keyed("block", "left"));
    let caller = std::thread::spawn(move || block_on(call));
    assert!(hears("left", "started"));
    let report = instance.shutdown_blocking(Duration::from_millis(20));
    assert_eq!(report.leftovers.len(), 1);
    assert_eq!(report.leftovers[0].action, "block");
    assert_eq!(caller.join().unwrap().unwrap_err().kind(), ErrorKind::ShuttingDown);
    assert!(started.elapsed() < LONG);
    assert_eq!(instance.shutdown_blocking(Duration::ZERO).leftovers.len(), 1, "asked again, it says the same");
    say("left", "release");
    assert!(hears("left", "dropped"));
}

#[test]
fn a_shutdown_that_was_given_up_can_be_taken_up_again() {
    let instance = instance(json!({"key": "taken-up"}));
    let call = instance.result(keyed("block", "taken-up"));
    let caller = std::thread::spawn(move || block_on(call));
    assert!(hears("taken-up", "started"));
    block_on(async {
        let mut first = std::pin::pin!(instance.shutdown(LONG));
        assert!(futures::poll!(first.as_mut()).is_pending());
    });
    assert_eq!(instance.lifecycle(), Lifecycle::Draining);
    say("taken-up", "release");
    assert!(instance.shutdown_blocking(LONG).is_clean());
    assert_eq!(instance.lifecycle(), Lifecycle::Stopped);
    assert!(caller.join().unwrap().is_ok());
}

#[test]
fn events_that_nobody_polls_do_not_hold_up_the_end() {
    let instance = ending_within(SOON, json!({}));
    let mut events = instance.events(CallRequest::new("endless"));
    assert!(block_on(events.next()).is_some());
    let report = instance.shutdown_blocking(Duration::from_millis(20));
    assert_eq!(report.leftovers.len(), 1);
    let next = block_on(events.next());
    assert!(
        matches!(&next, Some(apex_exec::CallEvent::Failed(error)) if error.kind() == ErrorKind::ShuttingDown),
        "{next:?}"
    );
    assert!(instance.shutdown_blocking(Duration::ZERO).is_clean());
}

#[test]
fn a_plugin_that_ends_badly_is_reported() {
    let report = instance(json!({"stop": "fail"})).shutdown_blocking(Duration::ZERO);
    assert_eq!(report.error.unwrap().message(), "cannot flush");
    let report = ending_within(SOON, json!({"stop": "never"})).shutdown_blocking(Duration::ZERO);
    assert_eq!(report.error.unwrap().kind(), ErrorKind::DeadlineExceeded);
}
