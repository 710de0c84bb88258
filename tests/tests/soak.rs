//! A short soak: no answer is lost, doubled or another call's. Whether memory stays flat is for the long one to say, an
//! example: so short a one sees what allocators keep and backtraces read.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

#[path = "../soak/soak.rs"]
mod soak;

use std::time::Duration;

#[test]
fn mixed_calls_over_all_placements_end_exactly_once_each() {
    let directory = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let plan = soak::Plan {
        calls: 15_000,
        kills: u64::from(cfg!(target_os = "linux")),
        // Far more than it takes.
        at_most: Duration::from_secs(300),
        tasks: 32,
        seed: 7,
        kill_every: cfg!(target_os = "linux").then_some(Duration::from_millis(400)),
    };
    let report = runtime.block_on(async { soak::soak(soak::subjects(directory.path()).await, plan).await });
    assert!(report.faults.is_empty(), "{report}");
    assert!(report.calls() >= plan.calls && report.kills >= plan.kills, "{report}");
    let placements: &[_] = if cfg!(target_os = "linux") { &["linked", "in-process", "process"] } else { &["linked"] };
    for placement in placements.iter().copied() {
        assert!(report.ends.contains_key(&(placement, "done".to_owned())), "{report}");
    }
}
