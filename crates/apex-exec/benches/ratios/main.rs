//! P6, P7, P8 and P16 as ratios: work and anchor take turns within one run, and the median of the turns counts.
//!
//! `cargo bench -p apex-exec --bench ratios` prints the table. `-- ROW work|anchor COUNT` does one row's work alone so many
//! times, for profilers that count instructions.
#![allow(clippy::missing_panics_doc, clippy::print_stdout, reason = "benchmarks")]

#[path = "../exec/probe.rs"]
mod probe;

use std::{
    hint::black_box,
    pin::Pin,
    time::{Duration, Instant},
};

use apex_abi::{FfiFuture, RVec};
use apex_exec::{CallEvent, CallRequest, Instance};
use futures::{Stream, StreamExt as _, executor::block_on, stream};
use serde_json::{Value, json};
use tokio::{runtime::Runtime, task::JoinSet};

use probe::{Direct, Handler, echo, params, start};

/// How many turns each row takes, and how long one lasts at least.
const TURNS: usize = 21;
const TURN: Duration = Duration::from_millis(40);

/// Work that is done so many times; gives how long that took, preparations left out.
type Work = Box<dyn Fn(u32) -> Duration>;

struct Row {
    name: &'static str,
    goal: f64,
    anchor: Work,
    work: Work,
}

/// Times `run` on inputs that were made before.
fn timed<I: 'static, O>(make: impl Fn() -> I + 'static, run: impl Fn(I) -> O + 'static) -> Work {
    Box::new(move |count| {
        let mut taken = Duration::ZERO;
        let mut left = count as usize;
        while left > 0 {
            let inputs: Vec<I> = (0..left.min(1000)).map(|_| make()).collect();
            left -= inputs.len();
            let mut outputs = Vec::with_capacity(inputs.len());
            let started = Instant::now();
            outputs.extend(inputs.into_iter().map(&run));
            taken += started.elapsed();
            black_box(outputs);
        }
        taken
    })
}

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

/// How often the work fits into one turn.
fn count_for_turn(work: &Work) -> u32 {
    let mut count = 1;
    while work(count) < TURN {
        count *= 2;
    }
    count
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
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
    let arguments: Vec<_> = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    if let [name, which, count] = &arguments[..] {
        let row = rows.iter().find(|row| row.name.starts_with(name.as_str())).expect("a row of that name");
        let work = if which == "anchor" { &row.anchor } else { &row.work };
        println!("{:?}", work(count.parse().expect("a count")));
        return;
    }
    println!("{:24} {:>12} {:>12} {:>7} {:>6}", "", "anchor, ns", "work, ns", "ratio", "goal");
    for Row { name, goal, anchor, work } in &rows {
        let counts = (count_for_turn(anchor), count_for_turn(work));
        let each = |work: &Work, count: u32| work(count).as_nanos() as f64 / f64::from(count);
        let turns: Vec<_> = (0..TURNS).map(|_| (each(anchor, counts.0), each(work, counts.1))).collect();
        let of = |pick: fn(&(f64, f64)) -> f64| median(turns.iter().map(pick).collect());
        let ratio = of(|(anchor, work)| work / anchor);
        println!("{name:24} {:12.0} {:12.0} {ratio:7.2} {goal:6.1}", of(|turn| turn.0), of(|turn| turn.1));
    }
}
