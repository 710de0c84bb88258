//! The tree digest of 256 MiB against `b3sum` on the same files: performance goal P5.
//!
//! `cargo xtask bench` puts `b3sum` into `target/tools`; otherwise the one on the search path is taken, and without
//! either the digests stand without their anchor. The files lie in the page cache in both cases.
#![allow(clippy::unwrap_used, missing_docs, reason = "a benchmark ends where it fails; criterion writes its main")]
#![expect(clippy::print_stderr, reason = "a missing anchor is said")]
#![expect(clippy::disallowed_methods, reason = "what is hashed can be made again")]

use std::{
    fs,
    hint::black_box,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use apex_meta::DigestAlgorithm;
use apex_trust::tree_digest;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use tempfile::TempDir;

const TOTAL: usize = 256 << 20;

/// How many files the bytes are spread over: a few libraries, or many resources.
const SHAPES: [usize; 3] = [4, 16, 1024];

/// Beside the build, since the system's directory for temporary files is often no real disk.
fn plant(files: usize) -> (TempDir, Vec<PathBuf>) {
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let mut noise = 0x9e37_79b9_7f4a_7c15_u64;
    let paths = (0..files)
        .map(|number| {
            let path = directory.path().join(format!("file{number:04}"));
            let content = std::iter::repeat_with(|| {
                // Xorshift: bytes that no file system could leave out.
                noise ^= noise << 13;
                noise ^= noise >> 7;
                noise ^= noise << 17;
                noise.to_le_bytes()
            });
            let content: Vec<u8> = content.take(TOTAL / files / 8).flatten().collect();
            fs::write(&path, content).unwrap();
            path
        })
        .collect();
    (directory, paths)
}

fn b3sum() -> Option<PathBuf> {
    let own = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().join("tools/bin/b3sum");
    let works = |path: &Path| {
        let mut command = Command::new(path);
        command.arg("--version").stdout(Stdio::null()).status().is_ok_and(|status| status.success())
    };
    [own, "b3sum".into()].into_iter().find(|path| works(path))
}

fn tree(criterion: &mut Criterion) {
    let b3sum = b3sum();
    if b3sum.is_none() {
        eprintln!("there is no b3sum: the digests stand without their anchor");
    }
    for files in SHAPES {
        let (directory, paths) = plant(files);
        let mut group = criterion.benchmark_group(format!("P5 tree digest of 256 MiB in {files} files"));
        group.sample_size(10).measurement_time(Duration::from_secs(5)).throughput(Throughput::Bytes(TOTAL as u64));
        if let Some(b3sum) = &b3sum {
            group.bench_function("anchor: b3sum", |bencher| {
                bencher.iter(|| {
                    let status = Command::new(b3sum).args(&paths).stdout(Stdio::null()).status().unwrap();
                    assert!(status.success());
                });
            });
        }
        for algorithm in [DigestAlgorithm::Blake3, DigestAlgorithm::Sha256] {
            group.bench_function(algorithm.as_str(), |bencher| {
                bencher.iter(|| tree_digest(black_box(directory.path()), algorithm).unwrap());
            });
        }
    }
}

criterion_group!(benches, tree);
criterion_main!(benches);
