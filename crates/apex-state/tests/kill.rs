//! Attack 69 on a real disk with real processes: kills at any moment lose no acknowledged save.
//!
//! This is a program of its own (`harness = false`), so that it can start itself as the process that is killed. The example
//! `state_kills` kills as often as one likes.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test ends where it fails; its child talks on stdout")]

#[path = "../soak/kills.rs"]
mod kills;

const ROUNDS: u64 = 40;

fn main() {
    kills::become_writer_if_asked();
    kills_lose_no_acknowledged_save();
}

fn kills_lose_no_acknowledged_save() {
    let directory = tempfile::tempdir().unwrap();
    let acknowledged = kills::kill_again_and_again(&directory.path().join("states"), ROUNDS, 7);
    println!("kills_lose_no_acknowledged_save: {ROUNDS} kills, {acknowledged} saves ... ok");
}
