//! What it costs to parse and validate the `plugin.json` of a typical plugin.
#![allow(missing_docs, clippy::unwrap_used, reason = "a benchmark")]

use std::hint::black_box;

use apex_meta::{Document, JsonLimits, check, parse_strict_json};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

/// 2 KiB: four actions with parameters as a list and as schemas, a configuration, dependencies, checksum and signature.
const TYPICAL: &str = include_str!("typical_plugin.json");

fn metadata(criterion: &mut Criterion) {
    let report = check(TYPICAL.as_bytes());
    assert_eq!(report.all().count(), 0, "{:?}", report.all().collect::<Vec<_>>());
    let mut group = criterion.benchmark_group("plugin.json of 2 KiB");
    group.throughput(Throughput::Bytes(TYPICAL.len() as u64));
    group.bench_function("serde_json alone, for scale", |bencher| {
        bencher.iter(|| serde_json::from_str::<serde_json::Value>(black_box(TYPICAL)).unwrap());
    });
    group.bench_function("strict JSON", |bencher| {
        bencher.iter(|| parse_strict_json(black_box(TYPICAL.as_bytes()), JsonLimits::METADATA).unwrap());
    });
    group
        .bench_function("document", |bencher| bencher.iter(|| Document::parse(black_box(TYPICAL.as_bytes())).unwrap()));
    group.bench_function("check", |bencher| bencher.iter(|| check(black_box(TYPICAL.as_bytes()))));
    let broken = TYPICAL.replace("\"version\": \"1.4.2\"", "\"version\": \"1.4\"");
    group.bench_function("check that finds a fault", |bencher| bencher.iter(|| check(black_box(broken.as_bytes()))));
    group.finish();
}

criterion_group!(benches, metadata);
criterion_main!(benches);
