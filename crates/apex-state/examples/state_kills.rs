//! Kills a process that saves a state, at random moments, ten thousand times or as often as one likes:
//! `cargo run --release -p apex-state --example state_kills -- 10000`.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a program for people, which ends where it fails")]

#[path = "../soak/kills.rs"]
mod kills;

fn main() {
    kills::become_writer_if_asked();
    let mut numbers = std::env::args().skip(1).map(|number| number.parse::<u64>().unwrap());
    let rounds = numbers.next().unwrap_or(10_000);
    let seed = numbers.next().unwrap_or_else(|| u64::from(std::process::id()));
    println!("{rounds} kills, seed {seed}");
    let directory = tempfile::tempdir().unwrap();
    let acknowledged = kills::kill_again_and_again(&directory.path().join("states"), rounds, seed);
    println!("{acknowledged} saves were acknowledged, none is lost");
}
