//! The start of a confined child process against the start of one that is not confined.
#![allow(clippy::unwrap_used, missing_docs, reason = "a benchmark ends where it fails; criterion writes the rest")]

use std::{
    path::Path,
    time::{Duration, Instant},
};

use apex_plugins::{
    Placement,
    exec::{CallRequest, ChildProgram, Instance, InstanceOptions, Loader, Sandbox},
    meta::Document,
    trust::Verified,
};
use apex_plugins_tests::{Publisher, apex_host, package};
use criterion::Criterion;
use serde_json::json;

/// Starts a plugin so many times, each in a process of its own, until it has answered a first call.
fn starts(times: u64, plugin: &Path, sandbox: &Sandbox) -> Duration {
    let document = Document::parse(&std::fs::read(plugin.join("plugin.json")).unwrap()).unwrap();
    let loader = Loader::new().with_child_program(ChildProgram::at(apex_host()));
    let one = || {
        let verified =
            Verified::assume_trusted(plugin, &document, Placement::Process, "a benchmark of starts").unwrap();
        let loaded = loader.load(verified).unwrap();
        let options = InstanceOptions { sandbox: sandbox.clone(), ..InstanceOptions::default() };
        let begin = Instant::now();
        let instance = Instance::start_blocking(loaded, options).unwrap();
        instance.result_blocking(CallRequest::new("greet").params(json!({"name": "Ada"}))).unwrap();
        let took = begin.elapsed();
        instance.shutdown_blocking(Duration::from_secs(5));
        took
    };
    (0..times).map(|_| one()).sum()
}

fn main() {
    let room = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let plugin = package("greeter", Some(&Publisher::new()), &room.path().join("plugins"));
    let permissions = ["fs.read:/usr", "net.connect:443", "process.spawn"].map(|text| text.parse().unwrap());
    let sandboxes = [
        ("anchor: not confined", Sandbox::open("the anchor of a benchmark")),
        ("nothing granted", Sandbox::closed()),
        ("files, a port, programs", Sandbox::closed().asked(permissions.clone()).granted(permissions)),
    ];
    let mut criterion = Criterion::default().configure_from_args();
    let mut group = criterion.benchmark_group("S1 confined start");
    group.sample_size(40);
    for (name, sandbox) in sandboxes {
        group.bench_function(name, |bencher| bencher.iter_custom(|times| starts(times, &plugin, &sandbox)));
    }
    group.finish();
    criterion.final_summary();
}
