//! Progress to sinks: live, in order, and never after the end.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use apex_exec::{CallEvent, CallRequest, InstanceOptions, Limits};
use apex_meta::Progress;
use serde_json::json;

use crate::probe::{hears, hears_within, say, start, start_with};

fn collecting() -> (Arc<Mutex<Vec<f64>>>, Arc<dyn apex_exec::ProgressSink>) {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&seen);
    (seen, Arc::new(move |progress: &Progress| sink.lock().unwrap().extend(progress.percentage)))
}

#[test]
fn a_sink_sees_every_report_in_order() {
    // R6.6
    let (seen, sink) = collecting();
    start().result_blocking(CallRequest::new("steps").params(json!({"n": 4})).progress(sink)).unwrap();
    assert_eq!(*seen.lock().unwrap(), [25.0, 50.0, 75.0, 100.0]);
}

#[test]
fn a_sink_sees_reports_while_the_action_still_holds_its_worker() {
    let sink = |progress: &Progress| {
        if progress.percentage == Some(50.0) {
            say("live", "half");
            say("live", "release");
        }
    };
    let script = json!({"steps": [{"report": 50.0}, {"hear": "live"}, {"report": 100.0}]});
    let reply = start().result_blocking(CallRequest::new("script").params(script).progress(Arc::new(sink)));
    assert_eq!(reply.unwrap(), true);
    assert!(hears_within("live", "half", Duration::ZERO));
}

#[test]
fn a_panicking_sink_does_not_end_the_call() {
    let sink = |_: &Progress| panic!("on purpose");
    let reply = start().result_blocking(CallRequest::new("steps").params(json!({"n": 3})).progress(Arc::new(sink)));
    assert_eq!(reply.unwrap(), 3);
}

#[test]
fn what_a_thread_of_the_plugin_reports_after_the_end_goes_nowhere() {
    // R6.6
    let (seen, sink) = collecting();
    start().result_blocking(CallRequest::new("late").params(json!({"key": "late"})).progress(sink)).unwrap();
    say("late", "release");
    assert!(hears("late", "saw the end"), "the call's token is signalled when it is over");
    assert!(seen.lock().unwrap().is_empty());
}

#[test]
fn events_give_up_old_progress_for_new_when_the_consumer_is_slow() {
    let limits = Limits { progress_buffer: 2, ..Limits::default() };
    let instance = start_with(InstanceOptions { limits, ..InstanceOptions::default() });
    let steps: Vec<_> = (1..=5).map(|n| json!({"report": n})).collect();
    let events = instance.events_blocking(CallRequest::new("script").params(json!({"steps": steps})));
    let seen: Vec<_> = events
        .filter_map(|event| match event {
            CallEvent::Progress(progress) => progress.percentage,
            _ => None,
        })
        .collect();
    assert_eq!(seen, [4.0, 5.0]);
    let metrics = instance.metrics();
    assert_eq!(metrics.iter().find(|metrics| metrics.action == "script").unwrap().progress_given_up, 3);
}
