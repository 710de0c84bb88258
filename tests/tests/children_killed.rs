//! A plugin's process is killed at random moments under load. Alone in its process, so that every child is its own.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

#[path = "../soak/kills.rs"]
mod kills;

/// Each call has exactly one end: its result, or the one error that a death gives it. `cargo run --example kills` takes
/// more turns.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killing_the_process_at_random_moments_ends_each_call_exactly_once() {
    let directory = tempfile::tempdir().unwrap();
    let report = kills::kill_again_and_again(directory.path(), 30).await;
    assert!(report.faults.is_empty(), "{report:?}");
    assert!(report.kills >= 30, "{report:?}");
    assert!(report.answered > 0 && report.crashed > 0, "{report:?}");
}
