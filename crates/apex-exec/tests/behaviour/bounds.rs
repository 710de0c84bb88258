//! Deadlines and cancellation: the plugin is told, and the caller is not kept waiting.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use apex_exec::{CallRequest, InstanceOptions, Limits, Observer, SlowPoll, Transition};
use apex_meta::ErrorKind;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::probe::{LONG, hears, hears_within, say, start, start_with};

const SOON: Duration = Duration::from_millis(50);

fn keyed(action: &str, key: &str) -> CallRequest {
    CallRequest::new(action).params(json!({"key": key}))
}

#[test]
fn a_deadline_binds_an_action_that_waits_for_ever_and_drops_it() {
    // R6.8
    let started = Instant::now();
    let error = start().result_blocking(keyed("never", "deadline-never").timeout(SOON)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::DeadlineExceeded);
    assert!(error.retryable());
    assert_eq!(error.message(), "did not end within 50ms");
    assert!(started.elapsed() >= SOON && started.elapsed() < LONG);
    assert!(hears("deadline-never", "dropped"));
}

#[test]
fn a_deadline_that_has_passed_keeps_the_call_from_the_plugin() {
    let error = start().result_blocking(keyed("never", "passed").deadline(Instant::now())).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::DeadlineExceeded);
    assert!(!hears_within("passed", "started", Duration::ZERO));
}

#[test]
fn the_host_can_exit_though_a_blocking_action_never_returns() {
    // R6.8: neither the answer nor the drop of the runtime waits for the plugin.
    let started = Instant::now();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let instance = start();
    // One that got no thread in time never began, and is tried again.
    while !hears_within("exit", "started", Duration::ZERO) {
        let error = runtime.block_on(instance.result(keyed("block", "exit").timeout(SOON))).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::DeadlineExceeded);
    }
    while instance.abandoned() > 1 {
        std::thread::yield_now();
    }
    assert_eq!((instance.in_flight(), instance.abandoned()), (0, 1));
    drop(runtime);
    assert!(started.elapsed() < LONG);
    assert!(!hears_within("exit", "dropped", Duration::ZERO), "it still blocks");
    say("exit", "release");
    assert!(hears("exit", "was cancelled"));
    assert!(hears("exit", "dropped"));
    while instance.abandoned() > 0 {
        std::thread::yield_now();
    }
}

#[test]
fn cancelling_reaches_the_plugin_which_may_end_in_an_orderly_way() {
    // R6.8
    let (instance, token) = (start(), CancellationToken::new());
    let cancel = token.clone();
    let canceller = std::thread::spawn(move || {
        assert!(hears("orderly", "started"));
        cancel.cancel();
    });
    let error = instance.result_blocking(keyed("wait_for_cancel", "orderly").cancel_with(token)).unwrap_err();
    canceller.join().unwrap();
    assert_eq!(error.kind(), ErrorKind::Cancelled);
    assert!(hears_within("orderly", "cancelled", Duration::ZERO), "the plugin knew before its caller had the answer");
}

#[test]
fn an_action_that_ends_well_within_the_grace_has_its_result() {
    let (instance, token) = (start(), CancellationToken::new());
    let cancel = token.clone();
    std::thread::spawn(move || {
        hears("finishes", "started");
        cancel.cancel();
    });
    let limits = Limits { cancel_grace: LONG, ..Limits::default() };
    drop(instance);
    let instance = start_with(InstanceOptions { limits, ..InstanceOptions::default() });
    let reply = instance.result_blocking(keyed("finish_on_cancel", "finishes").cancel_with(token));
    assert_eq!(reply.unwrap(), "finished all the same");
}

#[test]
fn an_action_that_ignores_cancellation_does_not_keep_its_caller() {
    for (action, key) in [("never", "ignores"), ("block", "ignores-blocking")] {
        let (instance, token) = (start(), CancellationToken::new());
        let cancel = token.clone();
        std::thread::spawn(move || {
            hears(key, "started");
            cancel.cancel();
        });
        let error = instance.result_blocking(keyed(action, key).cancel_with(token)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Cancelled, "{action}");
        say(key, "release");
        assert!(hears(key, "dropped"));
    }
}

#[test]
fn a_call_cancelled_beforehand_never_reaches_the_plugin() {
    let token = CancellationToken::new();
    token.cancel();
    let error = start().result_blocking(keyed("never", "beforehand").cancel_with(token)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Cancelled);
    assert!(!hears_within("beforehand", "started", Duration::ZERO));
}

#[test]
fn dropping_the_future_of_a_call_drops_the_action() {
    let instance = start();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async {
        let call = instance.result(keyed("never", "given-up"));
        assert!(tokio::time::timeout(SOON, call).await.is_err());
    });
    assert!(hears("given-up", "dropped"));
    assert_eq!(instance.in_flight(), 0);
    let metrics = instance.metrics();
    let never = metrics.iter().find(|metrics| metrics.action == "never").unwrap();
    assert_eq!((never.errors, never.given_up, never.errors_by_kind.len()), (1, 1, 0));
}

#[test]
fn blocking_actions_beyond_threads_and_queue_are_refused() {
    let limits = Limits { blocking_threads: 1, blocking_queue: 0, ..Limits::default() };
    let instance = start_with(InstanceOptions { limits, ..InstanceOptions::default() });
    // The thread that initialized the plugin may still be on its way back to wait for work, or slow to take it up.
    while !hears_within("taken", "started", Duration::ZERO) {
        let first = instance.result_blocking(keyed("block", "taken").timeout(SOON)).unwrap_err();
        assert!(matches!(first.kind(), ErrorKind::ResourceLimit | ErrorKind::DeadlineExceeded), "{first}");
    }
    let second = instance.result_blocking(keyed("block", "taken")).unwrap_err();
    assert_eq!(second.kind(), ErrorKind::ResourceLimit);
    say("taken", "release");
}

#[test]
fn the_watchdog_names_an_action_that_holds_its_worker() {
    // R6.5
    struct Watching(Mutex<Vec<SlowPoll>>);
    impl Observer for Watching {
        fn transition(&self, _: &Transition) {}
        fn slow_poll(&self, slow: &SlowPoll) {
            self.0.lock().unwrap().push(slow.clone());
            say("holds", if slow.over { "over" } else { "named" });
        }
    }
    let watching = Arc::new(Watching(Mutex::default()));
    let limits = Limits { slow_poll: Duration::from_millis(20), ..Limits::default() };
    let observer = Arc::clone(&watching) as Arc<dyn Observer>;
    let instance = start_with(InstanceOptions { limits, observer, ..InstanceOptions::default() });
    let call = instance.result(keyed("hold_worker", "holds"));
    let caller = std::thread::spawn(move || futures::executor::block_on(call));
    assert!(hears("holds", "named"), "it is named while it holds the worker");
    say("holds", "release");
    assert_eq!(caller.join().unwrap().unwrap(), "released");
    assert!(hears("holds", "over"));
    let metrics = instance.metrics().into_iter().find(|metrics| metrics.action == "hold_worker").unwrap();
    assert_eq!(metrics.slow_polls, 1, "one poll, however often it was told of");
    assert!(metrics.slowest_poll >= limits_slow());
    let seen = watching.0.lock().unwrap();
    assert!(seen.iter().all(|slow| slow.action == "hold_worker" && slow.duration >= limits_slow()), "{seen:?}");
}

fn limits_slow() -> Duration {
    Duration::from_millis(20)
}
