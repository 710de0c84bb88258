//! What a call costs beyond the work of the action itself: P6, P7, P8 and P16 of the performance goals, each with its
//! anchor in the same run.
//!
//! The plugin is linked in, which costs the same as a loaded one but for the allocator of its own.
#![allow(clippy::missing_panics_doc, reason = "benchmarks")]

mod probe;

use std::{hint::black_box, pin::Pin, time::Instant};

use apex_abi::{FfiFuture, RVec};
use apex_exec::{CallEvent, CallRequest, Instance};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use futures::{Stream, StreamExt, executor::block_on, stream};
use serde_json::{Value, json};
use tokio::{runtime::Runtime, task::JoinSet};

use probe::{Direct, Handler, echo, params, start};

/// P6: JSON in and out, parameters validated, against the same handler and the same JSON work through `dyn`.
fn call(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("P6 call");
    let handler: Box<dyn Handler> = Box::new(Direct);
    group.bench_function("anchor: dyn handler", |bencher| {
        bencher.iter_batched(
            params,
            |params| {
                let bytes = serde_json::to_vec(&params).expect("JSON");
                let reply = block_on(handler.handle(bytes));
                serde_json::from_slice::<Value>(&reply).expect("JSON")
            },
            BatchSize::SmallInput,
        );
    });
    let instance = start();
    group.bench_function("result", |bencher| {
        bencher.iter_batched(
            || CallRequest::new("greet").params(params()),
            |request| block_on(instance.result(request)).expect("a greeting"),
            BatchSize::SmallInput,
        );
    });
    group.finish();
}

/// P7: bytes in and out, against an `extern "C"` function that returns a boxed future.
fn raw(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("P7 raw");
    let bytes = serde_json::to_vec(&params()).expect("JSON");
    let function: extern "C" fn(RVec<u8>) -> FfiFuture<RVec<u8>> = black_box(echo);
    group.bench_function("anchor: extern C future", |bencher| {
        bencher.iter_batched(|| bytes.clone(), |bytes| block_on(function(bytes.into())), BatchSize::SmallInput);
    });
    let instance = start();
    group.bench_function("raw", |bencher| {
        bencher.iter_batched(
            || CallRequest::new("echo").raw_params(bytes.clone()),
            |request| block_on(instance.raw(request)).expect("an echo"),
            BatchSize::SmallInput,
        );
    });
    group.finish();
}

async fn drain(instance: &Instance, params: Value) -> u64 {
    let events = instance.events(CallRequest::new("repeat").params(params));
    events.filter(|event| std::future::ready(matches!(event, CallEvent::Chunk(_) | CallEvent::Bytes(_)))).count().await
        as u64
}

/// P8: a stream of small JSON chunks, and one of 64 KiB byte chunks, against a boxed `dyn Stream` of the same.
fn streams(criterion: &mut Criterion) {
    const COUNT: u64 = 1000;
    const SIZE: usize = 64 << 10;
    let mut group = criterion.benchmark_group("P8 stream");
    group.throughput(Throughput::Elements(COUNT));
    let instance = start();
    group.bench_function("anchor: dyn stream, JSON", |bencher| {
        bencher.iter(|| {
            let chunks = stream::iter((0..COUNT).map(|n| serde_json::to_vec(&json!({"n": n})).expect("JSON")));
            let chunks: Pin<Box<dyn Stream<Item = Vec<u8>>>> = Box::pin(chunks);
            let values = chunks.map(|bytes| serde_json::from_slice::<Value>(&bytes).expect("JSON"));
            assert_eq!(block_on(values.map(black_box).count()) as u64, COUNT);
        });
    });
    group.bench_function("events, JSON", |bencher| {
        bencher.iter(|| assert_eq!(block_on(drain(&instance, json!({"n": COUNT}))), COUNT));
    });
    group.bench_function("anchor: dyn stream, 64 KiB", |bencher| {
        bencher.iter(|| {
            let chunks: Pin<Box<dyn Stream<Item = Vec<u8>>>> =
                Box::pin(stream::iter((0..COUNT).map(|_| vec![7; SIZE])));
            assert_eq!(block_on(chunks.map(black_box).count()) as u64, COUNT);
        });
    });
    group.bench_function("events, 64 KiB", |bencher| {
        bencher.iter(|| assert_eq!(block_on(drain(&instance, json!({"n": COUNT, "size": SIZE}))), COUNT));
    });
    group.finish();
}

/// P16: calls from 1, 2, 64 and 1,024 tasks at once; the time is that of one call, whoever made it.
fn concurrency(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("P16 concurrency");
    group.throughput(Throughput::Elements(1));
    let (runtime, instance) = (Runtime::new().expect("a runtime"), start());
    for tasks in [1, 2, 64, 1024] {
        group.bench_function(format!("{tasks} tasks"), |bencher| {
            bencher.iter_custom(|calls| {
                let started = Instant::now();
                runtime.block_on(async {
                    let mut set = JoinSet::new();
                    for task in 0..tasks {
                        let (instance, share) = (instance.clone(), calls / tasks + u64::from(task < calls % tasks));
                        set.spawn(async move {
                            for _ in 0..share {
                                instance.result(CallRequest::new("greet").params(params())).await.expect("a greeting");
                            }
                        });
                    }
                    while let Some(ended) = set.join_next().await {
                        ended.expect("no panic");
                    }
                });
                started.elapsed()
            });
        });
    }
    group.finish();
}

criterion_group!(benches, call, raw, streams, concurrency);
criterion_main!(benches);
