//! Another implementation of the tree digest, in another language, comes to the same digests.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]
#![expect(clippy::disallowed_methods, reason = "what is hashed can be made again")]

use std::{
    collections::BTreeSet,
    fs::{self, Permissions},
    io::{ErrorKind, Write as _},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use apex_meta::DigestAlgorithm;
use apex_trust::tree_digest;
use proptest::{
    prelude::*,
    strategy::ValueTree as _,
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};

const TREES: usize = 200;

/// Lengths around the blocks and chunks of the hash functions, and others.
fn length() -> impl Strategy<Value = usize> {
    let edges =
        vec![0, 1, 55, 56, 63, 64, 65, 127, 128, 1023, 1024, 1025, 2047, 2048, 2049, 3072, 3073, 4097, 5121, 8193];
    prop_oneof![2 => prop::sample::select(edges), 3 => 0..300_usize]
}

/// A path, a length, a first byte and whether the owner may execute the file.
fn files() -> impl Strategy<Value = Vec<(String, usize, u8, bool)>> {
    // Names whose order by bytes is not that of a walk through directories: `a-b` stands before `a/b`.
    let path = "[ab](-[ab]|\\.[A-C])?(/[ab0](-[xy]|_z)?){0,3}";
    prop::collection::vec((path, length(), any::<u8>(), any::<bool>()), 0..7)
}

/// Writes those of the files that can stand beside each other.
fn plant(directory: &Path, files: &[(String, usize, u8, bool)]) {
    fs::create_dir(directory).unwrap();
    let mut taken = BTreeSet::new();
    for (path, length, first, executable) in files {
        let under = |other: &String| other.starts_with(&format!("{path}/")) || path.starts_with(&format!("{other}/"));
        if taken.iter().any(under) || !taken.insert(path.clone()) {
            continue;
        }
        let (full, step) = (directory.join(path), usize::from(*first) % 7 + 1);
        fs::create_dir_all(full.parent().unwrap()).unwrap();
        let content: Vec<u8> = (0..*length).map(|at| first.wrapping_add((at * step % 251) as u8)).collect();
        fs::write(&full, content).unwrap();
        fs::set_permissions(&full, Permissions::from_mode(if *executable { 0o755 } else { 0o644 })).unwrap();
    }
    if files.len().is_multiple_of(2) {
        // It does not count, at the root; elsewhere it does.
        fs::write(directory.join("plugin.json"), "{}").unwrap();
        fs::create_dir_all(directory.join("empty/inner")).unwrap();
        fs::write(directory.join("empty/plugin.json"), "{}").unwrap();
    }
}

#[expect(clippy::print_stderr, reason = "a skipped test says so")]
#[test]
fn another_implementation_comes_to_the_same_digests() {
    let room = tempfile::tempdir().unwrap();
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, b"two hundred trees of some files.");
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let directories: Vec<PathBuf> = (0..TREES)
        .map(|number| {
            let directory = room.path().join(number.to_string());
            plant(&directory, &files().new_tree(&mut runner).unwrap().current());
            directory
        })
        .collect();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tree_digest.py");
    let python = Command::new("python3").arg(script).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let mut python = match python {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            eprintln!("skipped: there is no python3 to compare with");
            return;
        }
        other => other.unwrap(),
    };
    // Some ten kilobytes, which fit the pipe whether or not they are read meanwhile.
    let input: String = directories.iter().map(|directory| format!("{}\n", directory.display())).collect();
    python.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = python.wait_with_output().unwrap();
    assert!(output.status.success(), "the script failed");

    let output = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.lines().count(), TREES);
    let mut distinct = BTreeSet::new();
    for (line, directory) in output.lines().zip(&directories) {
        let digest = |algorithm| tree_digest(directory, algorithm).unwrap().to_string();
        let (blake3, sha256) = (digest(DigestAlgorithm::Blake3), digest(DigestAlgorithm::Sha256));
        let hex = |digest: &str| digest.split_once(':').unwrap().1.to_owned();
        assert_eq!(line, format!("{} {} {}", hex(&blake3), hex(&sha256), directory.display()));
        distinct.insert(blake3);
    }
    assert!(distinct.len() > TREES / 2, "the trees differ");
}
