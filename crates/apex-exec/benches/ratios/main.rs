//! P6, P7, P8 and P16 as ratios: work and anchor take turns within one run, and the median of the turns counts.
//!
//! `cargo bench -p apex-exec --bench ratios` prints the table. `-- ROW work|anchor COUNT` does one row's work alone so many
//! times, for profilers that count instructions.
#![allow(clippy::missing_panics_doc, reason = "benchmarks")]

mod harness;
#[path = "../exec/probe.rs"]
mod probe;

use std::{hint::black_box, pin::Pin, time::Instant};

use apex_abi::{FfiFuture, RVec};
use apex_exec::{CallEvent, CallRequest, Instance};
use futures::{Stream, StreamExt as _, executor::block_on, stream};
use serde_json::{Value, json};
use tokio::{runtime::Runtime, task::JoinSet};

use harness::{Row, Work, timed};
use probe::{Direct, Handler, echo, params, start};

fn call() -> Row {
    let handler: Box<dyn Handler> = black_box(Box::new(Direct));
    let anchor = timed(params, move |params| {
        let bytes = serde_json::to_vec(&params).expect("JSON");
        serde_json::from_slice::<Value>(&block_on(handler.handle(bytes))).expect("JSON")
    });
    let instance = start();
    let request = || CallRequest::new("greet").params(params());
    let work = timed(request, move |request| block_on(instance.result(request)).expect("a greeting"));
    Row { name: "P6 call, JSON", goal: 1.5, anchor, work }
}

fn raw() -> Row {
    let bytes = serde_json::to_vec(&params()).expect("JSON");
    let (for_anchor, for_work) = (bytes.clone(), bytes);
    let function: extern "C" fn(RVec<u8>) -> FfiFuture<RVec<u8>> = black_box(echo);
    let anchor = timed(move || for_anchor.clone(), move |bytes| block_on(function(bytes.into())));
    let instance = start();
    let request = move || CallRequest::new("echo").raw_params(for_work.clone());
    let work = timed(request, move |request| block_on(instance.raw(request)).expect("an echo"));
    Row { name: "P7 call, raw", goal: 1.3, anchor, work }
}

const CHUNKS: u64 = 1000;

async fn drain(instance: &Instance, params: Value) -> u64 {
    let mut events = instance.events(CallRequest::new("repeat").params(params));
    let mut count = 0;
    while let Some(event) = events.next().await {
        count += u64::from(matches!(black_box(event), CallEvent::Chunk(_) | CallEvent::Bytes(_)));
    }
    count
}

fn stream_of(name: &'static str, size: Option<usize>) -> Row {
    let anchor: Work = match size {
        None => timed(
            || (),
            |()| {
                let chunks = stream::iter((0..CHUNKS).map(|n| serde_json::to_vec(&json!({"n": n})).expect("JSON")));
                let chunks: Pin<Box<dyn Stream<Item = Vec<u8>>>> = black_box(Box::pin(chunks));
                let values = chunks.map(|bytes| serde_json::from_slice::<Value>(&bytes).expect("JSON"));
                assert_eq!(block_on(values.map(black_box).count()) as u64, CHUNKS);
            },
        ),
        Some(size) => timed(
            || (),
            move |()| {
                let chunks = stream::iter((0..CHUNKS).map(move |_| vec![7_u8; size]));
                let chunks: Pin<Box<dyn Stream<Item = Vec<u8>>>> = black_box(Box::pin(chunks));
                assert_eq!(block_on(chunks.map(black_box).count()) as u64, CHUNKS);
            },
        ),
    };
    let instance = start();
    let make = move || match size {
        None => json!({"n": CHUNKS}),
        Some(size) => json!({"n": CHUNKS, "size": size}),
    };
    let work = timed(make, move |params| assert_eq!(block_on(drain(&instance, params)), CHUNKS));
    Row { name, goal: 2.0, anchor, work }
}

/// Calls from one task, and the same number from many at once.
fn concurrent(name: &'static str, tasks: u32) -> Row {
    let many = |tasks: u32| -> Work {
        let (runtime, instance) = (Runtime::new().expect("a runtime"), start());
        Box::new(move |calls| {
            let started = Instant::now();
            runtime.block_on(async {
                let mut set = JoinSet::new();
                for task in 0..tasks {
                    let (instance, share) = (instance.clone(), calls / tasks + u32::from(task < calls % tasks));
                    set.spawn(async move {
                        for _ in 0..share {
                            instance.result(CallRequest::new("greet").params(params())).await.expect("a greeting");
                        }
                    });
                }
                set.join_all().await;
            });
            started.elapsed()
        })
    };
    Row { name, goal: 1.0, anchor: many(1), work: many(tasks) }
}

fn main() {
    let rows = [
        call(),
        raw(),
        stream_of("P8 stream, small JSON", None),
        stream_of("P8 stream, 64 KiB", Some(64 << 10)),
        concurrent("P16 2 tasks", 2),
        concurrent("P16 64 tasks", 64),
        concurrent("P16 1024 tasks", 1024),
    ];
    harness::run(&rows);
}
