//! A verified load of a plugin against a plain `dlopen` of the same file: performance goal P11.
//!
//! The dynamic linker loads a file once a process, so each measurement is taken by a fresh process, which is this very
//! program: it does the work once and says how long that took. `hash` is the tree digest alone, which the goal allows on
//! top of twice the anchor.
#![allow(clippy::unwrap_used, missing_docs, reason = "a benchmark ends where it fails; criterion writes the rest")]
#![expect(clippy::print_stdout, reason = "the measured process answers by its output")]

use std::{
    env,
    hint::black_box,
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
    time::{Duration, Instant},
};

use apex_plugins::{
    Placement, Policy, TrustStore,
    meta::{DigestAlgorithm, Document, TARGET_TRIPLE},
    trust::{Verifier, tree_digest},
};
use apex_plugins_tests::{Publisher, mapped, package};
use criterion::Criterion;

fn library(plugin: &Path) -> PathBuf {
    plugin.join("lib").join(TARGET_TRIPLE).join("libgreeter.so")
}

/// Does one piece of work, in a process that has done nothing else.
fn measured(work: &str, plugin: &Path, store: &Path) -> Duration {
    let document = Document::parse(&std::fs::read(plugin.join("plugin.json")).unwrap()).unwrap();
    let verifier = Verifier::new(Arc::new(TrustStore::load(store).unwrap()), Policy::standard());
    let start = Instant::now();
    match work {
        "dlopen" => mapped::open(&library(plugin)).unwrap(),
        "hash" => {
            black_box(tree_digest(plugin, DigestAlgorithm::Blake3).unwrap());
        }
        "verify" => {
            black_box(verifier.verify(plugin, &document, false, false).unwrap());
        }
        _ => {
            let verified = verifier.verify(plugin, &document, false, false).unwrap();
            mapped::open(&verified.library().path()).unwrap();
        }
    }
    start.elapsed()
}

/// Lets fresh processes do the work so many times, and adds up what they say.
fn processes(times: u64, work: &str, plugin: &Path, store: &Path) -> Duration {
    let one = || {
        let mut command = Command::new(env::current_exe().unwrap());
        let output = command.args(["measure", work]).arg(plugin).arg(store).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Duration::from_nanos(String::from_utf8(output.stdout).unwrap().trim().parse().unwrap())
    };
    (0..times).map(|_| one()).sum()
}

fn load(criterion: &mut Criterion) {
    let room = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let publisher = Publisher::new();
    let plugin = package("greeter", Some(&publisher), &room.path().join("plugins"));
    let store = room.path().join("trust.json");
    publisher.trusted(Placement::InProcess).save(&store).unwrap();
    let mut group = criterion.benchmark_group("P11 load");
    group.sample_size(20);
    for (name, work) in
        [("anchor: dlopen", "dlopen"), ("hash", "hash"), ("verify, not loaded", "verify"), ("verified load", "load")]
    {
        group.bench_function(name, |bencher| bencher.iter_custom(|times| processes(times, work, &plugin, &store)));
    }
    group.finish();
}

fn main() {
    let arguments: Vec<String> = env::args().collect();
    if let [_, task, work, plugin, store] = &arguments[..]
        && task == "measure"
    {
        println!("{}", measured(work, Path::new(plugin), Path::new(store)).as_nanos());
        return;
    }
    let mut criterion = Criterion::default().configure_from_args();
    load(&mut criterion);
    criterion.final_summary();
}
