//! The misbehaving plugin keeps its word about what it counts.
#![allow(clippy::unwrap_used, reason = "tests")]

#[allow(dead_code, reason = "each plugin uses its part")]
#[path = "../../../../crates/apex-plugin-sdk/tests/objects/host.rs"]
mod host;

use std::{
    pin::Pin,
    task::{Context as TaskContext, Waker},
};

use futures::StreamExt;
use host::Running;
use serde_json::{Value, json};

use super::*;

fn observed(faulty: &Running, key: &str) -> Value {
    faulty.call("observe", &json!({"key": key})).unwrap()
}

/// Tests of hosts believe what `observe` says.
#[test]
fn observe_tells_what_became_of_streams_and_calls() {
    let (faulty, canceller) = Running::start::<Faulty>(&json!({})).unwrap();
    let mut context = TaskContext::from_waker(Waker::noop());
    let mut stalled = faulty.stream("stall", &json!({"key": "stall"})).unwrap();
    assert!(stalled.poll_next_unpin(&mut context).is_ready());
    assert!(stalled.poll_next_unpin(&mut context).is_pending());
    let row = |live: u8, cancelled: u8, pulled: u8| json!({"started": 1, "live": live, "cancelled": cancelled, "pulled": pulled});
    assert_eq!(observed(&faulty, "stall"), row(1, 0, 2));
    drop(stalled);
    assert_eq!(observed(&faulty, "stall"), row(0, 0, 2));

    let mut waiting = faulty.begin("wait", &json!({"key": "wait"}));
    assert!(Pin::new(&mut waiting).poll(&mut context).is_pending());
    assert_eq!(observed(&faulty, "wait"), row(1, 0, 0));
    canceller.cancel();
    assert_eq!(futures::executor::block_on(waiting).unwrap_err().kind, ErrorKind::Cancelled);
    assert_eq!(observed(&faulty, "wait"), row(0, 1, 0));
}

#[test]
fn a_call_that_panics_when_it_is_given_up_still_counts_its_end() {
    let faulty = Running::start::<Faulty>(&json!({})).unwrap().0;
    let mut call = faulty.begin("panic_when_given_up", &json!({"key": "grenade"}));
    assert!(Pin::new(&mut call).poll(&mut TaskContext::from_waker(Waker::noop())).is_pending());
    drop(call);
    assert_eq!(observed(&faulty, "grenade")["live"], 0);
    assert_eq!(faulty.log().len(), 1);
}

#[test]
fn every_action_of_the_manifest_is_written_and_no_other() {
    let manifest: Value = serde_json::from_str(include_str!("../plugin.json")).unwrap();
    let declared: std::collections::BTreeSet<&str> =
        manifest["actions"].as_array().unwrap().iter().map(|action| action["name"].as_str().unwrap()).collect();
    // The arms of both matches stand twelve columns in; those of `ending` eight.
    let arms = include_str!("lib.rs").lines().filter(|line| line.starts_with("            \""));
    let written =
        arms.flat_map(|arm| arm.split(" => ").next().unwrap().split(" | ")).map(|name| name.trim().trim_matches('"'));
    assert_eq!(declared, written.collect());
}

#[test]
fn what_behaves_answers_and_what_takes_in_bounds_gives_back() {
    let faulty = Running::start::<Faulty>(&json!({})).unwrap().0;
    assert_eq!(faulty.call("resource", &json!({"path": "absent"})).unwrap_err().kind, ErrorKind::ResourceNotFound);
    let answers = [
        ("echo", json!({"number": 7, "ms": 1}), json!(7)),
        ("eat_memory", json!({"mebibytes": 2}), json!(2)),
        ("leak_descriptors", json!({"count": 1}), json!(1)),
        ("flood_log", json!({"count": 3, "bytes": 5}), json!(3)),
        ("flood_progress", json!({"count": 3}), json!(3)),
    ];
    for (action, params, answer) in answers {
        assert_eq!(faulty.call(action, &params).unwrap(), answer, "{action}");
    }
    assert_eq!(faulty.log(), ["lllll"; 3]);
    let count = |action, params: Value| {
        let chunks = futures::executor::block_on_stream(faulty.stream(action, &params).unwrap());
        chunks.map(Result::unwrap).count()
    };
    assert_eq!(count("count", json!({"number": 1, "chunks": 4})), 4);
    assert_eq!(count("flood_chunks", json!({"count": 5, "bytes": 10})), 5);
    assert_eq!(count("big_chunk", json!({"bytes": 10})), 1);
}
