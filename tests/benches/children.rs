//! P9, P10 and P17: what a child process costs, beside what the operating system takes for the same.
//!
//! `cargo bench -p apex-plugins-tests --bench children` prints the table; `-- ROW work|anchor COUNT` does one row's work
//! alone, for profilers. The anchors are this very program, started again: it plays the other process.
#![allow(clippy::unwrap_used, missing_docs, reason = "a benchmark ends where it fails")]

#[cfg(target_os = "linux")]
#[path = "../../crates/apex-exec/benches/ratios/harness.rs"]
mod harness;

#[cfg(target_os = "linux")]
#[path = "children/anchors.rs"]
mod anchors;
#[cfg(target_os = "linux")]
#[path = "children/rows.rs"]
mod rows;

#[cfg(target_os = "linux")]
fn main() {
    if anchors::play() {
        return;
    }
    let room = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    harness::run(&rows::rows(room.path()));
}

#[cfg(not(target_os = "linux"))]
fn main() {}
