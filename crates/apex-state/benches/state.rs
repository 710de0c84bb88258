//! A durable save and a load, each against the least that does the same: performance goal P12.
//!
//! The save's anchor writes the same bytes to a new file, syncs it, renames it over the old one and syncs the directory.
//! The load's anchor reads the same file and parses it. `store` is the blocking call, `async` adds the way to the
//! store's threads and back.
#![allow(clippy::unwrap_used, missing_docs, reason = "a benchmark ends where it fails; criterion writes its main")]

use std::{
    fs::{self, File, OpenOptions},
    hint::black_box,
    io::Write as _,
    path::Path,
};

use apex_state::{FileStateStore, StateKey, StateStore as _};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use serde_json::{Value, json};
use tempfile::TempDir;

const SIZES: [usize; 3] = [100, 16 << 10, 1 << 20];

/// Beside the build, since the system's directory for temporary files is often no real disk.
fn sandbox() -> TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap()
}

fn key() -> StateKey {
    StateKey::new("com.acme.counter".parse().unwrap(), "1.0.0".parse().unwrap())
}

/// A state of about so many bytes of JSON, made of what states are made of.
fn state(bytes: usize) -> Value {
    let entry = |number: usize| json!({"id": number, "name": format!("entry {number}"), "weight": 0.5, "done": false});
    json!({"entries": (0..(bytes / 60).max(1)).map(entry).collect::<Vec<_>>()})
}

#[expect(clippy::disallowed_methods, reason = "this is what the store is measured against")]
fn replace(directory: &Path, bytes: &[u8]) {
    let (temporary, file) = (directory.join("anchor.tmp"), directory.join("anchor.json"));
    let mut new = OpenOptions::new().write(true).create_new(true).open(&temporary).unwrap();
    new.write_all(bytes).unwrap();
    new.sync_all().unwrap();
    fs::rename(&temporary, &file).unwrap();
    File::open(directory).unwrap().sync_all().unwrap();
}

fn save(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("save");
    group.sample_size(30);
    for size in SIZES {
        let (directory, state) = (sandbox(), state(size));
        let store = FileStateStore::open(directory.path().join("states")).unwrap();
        let mut last = store.save_blocking(&key(), 0, &state).unwrap();
        let bytes = fs::read(store.path(&key())).unwrap();
        group.throughput(Throughput::Bytes(bytes.len() as u64));
        group.bench_function(BenchmarkId::new("anchor", size), |bencher| {
            bencher.iter(|| replace(directory.path(), &bytes));
        });
        group.bench_function(BenchmarkId::new("store", size), |bencher| {
            bencher.iter(|| last = store.save_blocking(&key(), last, &state).unwrap());
        });
        group.bench_function(BenchmarkId::new("async", size), |bencher| {
            bencher.iter(|| last = futures::executor::block_on(store.save(&key(), last, &state)).unwrap());
        });
    }
    group.finish();
}

fn load(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("load");
    for size in SIZES {
        let (directory, state) = (sandbox(), state(size));
        let store = FileStateStore::open(directory.path().join("states")).unwrap();
        store.save_blocking(&key(), 0, &state).unwrap();
        let file = store.path(&key());
        group.throughput(Throughput::Bytes(fs::metadata(&file).unwrap().len()));
        group.bench_function(BenchmarkId::new("anchor", size), |bencher| {
            bencher.iter(|| black_box(serde_json::from_slice::<Value>(&fs::read(&file).unwrap()).unwrap()));
        });
        group.bench_function(BenchmarkId::new("store", size), |bencher| {
            bencher.iter(|| black_box(store.load_blocking(&key()).unwrap()));
        });
        group.bench_function(BenchmarkId::new("async", size), |bencher| {
            bencher.iter(|| black_box(futures::executor::block_on(store.load(&key())).unwrap()));
        });
    }
    group.finish();
}

criterion_group!(benches, save, load);
criterion_main!(benches);
