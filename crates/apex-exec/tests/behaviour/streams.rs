//! Streams: pulled, never buffered, with one end.

use std::time::Duration;

use apex_exec::{CallEvent, CallEvents, CallRequest, InstanceOptions, Limits};
use apex_meta::ErrorKind;
use futures::{StreamExt, executor::block_on, future::poll_fn, poll};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::probe::{PLACES, hears, hears_within, say, start, start_with};

fn call(action: &str, params: Value) -> CallRequest {
    CallRequest::new(action).params(params)
}

/// The events without progress, as text: chunks as JSON, then `done`, or the error's code.
fn told(events: impl Iterator<Item = CallEvent>) -> Vec<String> {
    events
        .filter_map(|event| match event {
            CallEvent::Chunk(chunk) => Some(chunk.to_string()),
            CallEvent::Bytes(bytes) => Some(format!("{} bytes", bytes.len())),
            CallEvent::Done(_) => Some("done".to_owned()),
            CallEvent::Failed(error) => Some(error.code().to_owned()),
            _ => None,
        })
        .collect()
}

#[test]
fn chunks_arrive_in_order_and_then_one_end() {
    // R6.7
    for action in ["count", "blocking_count"] {
        let mut events = start().events_blocking(call(action, json!({"n": 3})));
        assert_eq!(told(events.by_ref()), ["1", "2", "3", "done"], "{action}");
        assert!(events.next().is_none(), "{action}");
    }
}

#[test]
fn progress_comes_before_the_chunk_that_it_was_reported_before() {
    let mut events = start().events_blocking(call("count", json!({"n": 2})));
    for _ in 0..2 {
        assert!(matches!(events.next(), Some(CallEvent::Progress(_))));
        assert!(matches!(events.next(), Some(CallEvent::Chunk(_))));
    }
    assert!(matches!(events.next(), Some(CallEvent::Done(Value::Null))));
}

#[test]
fn an_error_midway_reaches_the_consumer_and_ends_the_stream() {
    // R6.7
    for action in ["count", "blocking_count"] {
        let events = start().events_blocking(call(action, json!({"n": 5, "fail_at": 3})));
        assert_eq!(told(events), ["1", "2", "Execution"], "{action}");
    }
    assert_eq!(told(start().events_blocking(call("no_stream", json!({})))), ["ResourceNotFound"]);
    assert_eq!(told(start().events_blocking(call("bad_chunk", json!({})))), ["1", "ProtocolViolation"]);
    assert_eq!(told(start().events_blocking(call("panic_stream", json!({})))), ["1", "PluginPanicked"]);
}

#[test]
fn what_keeps_a_call_from_the_plugin_is_an_event_too() {
    assert_eq!(told(start().events_blocking(call("nothing", json!({})))), ["ActionNotFound"]);
    assert_eq!(told(start().events_blocking(call("echo", json!({})))), ["InvalidParameters"]);
}

#[test]
fn an_action_without_a_stream_has_events_too() {
    let events: Vec<_> = start().events_blocking(call("steps", json!({"n": 3}))).collect();
    let seen: Vec<_> = events.iter().map(|event| matches!(event, CallEvent::Progress(_))).collect();
    assert_eq!(seen, [true, true, true, false]);
    assert!(matches!(&events[3], CallEvent::Done(result) if *result == 3));
}

#[test]
fn bytes_arrive_as_they_are() {
    let events = start().events_blocking(call("bytes", json!({"n": 3, "size": 65536})));
    let bytes: Vec<_> = events
        .filter_map(|event| match event {
            CallEvent::Bytes(bytes) => Some(bytes),
            _ => None,
        })
        .collect();
    assert_eq!(bytes.len(), 3);
    assert!(bytes.iter().enumerate().all(|(n, bytes)| bytes.len() == 65536 && bytes.iter().all(|b| *b == n as u8)));
}

#[test]
fn the_bytes_of_a_chunk_are_the_plugins_own_and_no_copy() {
    // R6.7 and P8: what lies at the same place was not copied.
    let events = start().events_blocking(call("watched_bytes", json!({"n": 8, "size": 65536})));
    let chunks: Vec<_> = events
        .filter_map(|event| match event {
            CallEvent::Bytes(bytes) => Some(bytes),
            _ => None,
        })
        .collect();
    let places: Vec<_> = chunks.iter().map(|chunk| chunk.as_ptr() as usize).collect();
    assert_eq!(places.len(), 8);
    assert_eq!(places, *PLACES.lock().unwrap());
}

#[test]
fn a_chunk_that_is_too_large_ends_the_stream() {
    let limits = Limits { max_chunk_bytes: 100, ..Limits::default() };
    let instance = start_with(InstanceOptions { limits, ..InstanceOptions::default() });
    assert_eq!(told(instance.events_blocking(call("bytes", json!({"n": 1, "size": 100})))), ["100 bytes", "done"]);
    assert_eq!(told(instance.events_blocking(call("bytes", json!({"n": 1, "size": 101})))), ["ResourceLimit"]);
}

#[test]
fn nothing_is_asked_of_the_plugin_before_the_consumer_asks() {
    let instance = start();
    let events = instance.events(call("silent", json!({"key": "unasked"})));
    assert_eq!(instance.in_flight(), 0);
    drop(events);
    assert!(!hears_within("unasked", "dropped", Duration::ZERO));
    assert_eq!(instance.metrics().iter().map(|metrics| metrics.calls).sum::<u64>(), 0);
}

#[test]
fn dropping_the_events_stops_the_producer() {
    // R6.7
    let instance = start();
    let mut events = instance.events(call("endless", json!({"key": "stopped"})));
    assert!(matches!(block_on(events.next()), Some(CallEvent::Chunk(_))));
    assert_eq!(instance.in_flight(), 1);
    assert!(!hears_within("stopped", "dropped", Duration::ZERO));
    drop(events);
    assert!(hears_within("stopped", "dropped", Duration::ZERO), "it is dropped before the drop of the events returns");
    assert_eq!(instance.in_flight(), 0);
}

#[test]
fn dropping_the_events_of_a_blocking_producer_stops_it_without_blocking_the_consumer() {
    let instance = start();
    let mut events = instance.events(call("blocking_silent", json!({"key": "blocks"})));
    // It is opened on a thread, and then asked for its first chunk on a thread, which blocks.
    while !hears_within("blocks", "started", Duration::from_millis(1)) {
        assert!(block_on(async { poll!(events.next()) }).is_pending());
    }
    drop(events);
    assert_eq!((instance.in_flight(), instance.abandoned()), (0, 1));
    say("blocks", "release");
    assert!(hears("blocks", "dropped"));
}

#[test]
fn cancelling_ends_a_stream_and_its_producer() {
    let (instance, token) = (start(), CancellationToken::new());
    let mut events = instance.events(call("silent", json!({"key": "cancelled"})).cancel_with(token.clone()));
    block_on(async {
        assert!(poll!(events.next()).is_pending());
        assert!(hears("cancelled", "started"));
        token.cancel();
        assert_eq!(failure(&mut events).await, ErrorKind::Cancelled);
        assert!(hears_within("cancelled", "dropped", Duration::ZERO));
        assert!(events.next().await.is_none());
    });
}

#[test]
fn a_deadline_binds_a_producer_that_is_always_ready() {
    let mut events = start().events(call("endless", json!({})).timeout(Duration::from_millis(50)));
    let end = block_on(async {
        loop {
            match events.next().await {
                Some(CallEvent::Failed(error)) => break error,
                Some(CallEvent::Chunk(_)) => {}
                other => panic!("{other:?}"),
            }
        }
    });
    assert_eq!(end.kind(), ErrorKind::DeadlineExceeded);
}

#[test]
fn the_token_is_signalled_when_a_silent_stream_passes_its_deadline() {
    let mut events = start().events(call("silent", json!({"key": "silent"})).timeout(Duration::from_millis(50)));
    assert_eq!(block_on(failure(&mut events)), ErrorKind::DeadlineExceeded);
    assert!(hears("silent", "dropped"));
}

#[test]
fn events_stay_at_their_end() {
    let mut events = start().events(call("count", json!({"n": 1})));
    let ends = block_on(events.by_ref().filter(|event| std::future::ready(event.is_terminal())).count());
    assert_eq!(ends, 1);
    for _ in 0..3 {
        assert!(block_on(poll_fn(|context| events.poll_next_unpin(context))).is_none());
    }
}

async fn failure(events: &mut CallEvents) -> ErrorKind {
    match events.next().await {
        Some(CallEvent::Failed(error)) => error.kind(),
        other => panic!("expected the end, found {other:?}"),
    }
}
