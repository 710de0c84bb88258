//! Attack 69 on a real disk with real processes: kills at any moment lose no acknowledged save.
//!
//! This is a program of its own (`harness = false`), so that it can start itself as the process that is killed.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test ends where it fails; its child talks on stdout")]

use std::{
    env,
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use apex_state::{FileStateStore, StateKey};
use serde_json::{Value, json};

const WRITER: &str = "--writer";
const ROUNDS: u64 = 40;

fn main() {
    let arguments: Vec<_> = env::args().collect();
    match arguments.iter().position(|argument| argument == WRITER) {
        Some(at) => write_for_ever(Path::new(&arguments[at + 1])),
        None => kills_lose_no_acknowledged_save(),
    }
}

fn key() -> StateKey {
    StateKey::new("com.acme.counter".parse().unwrap(), "1.0.0".parse().unwrap())
}

/// Large enough that a torn one would show.
fn state(generation: u64) -> Value {
    json!({"generation": generation, "filler": vec![generation; 500]})
}

/// Saves without end, and says each generation when it is acknowledged.
fn write_for_ever(states: &Path) {
    let store = FileStateStore::open(states).unwrap();
    let mut last = store.load_blocking(&key()).unwrap().map_or(0, |record| record.generation);
    let mut out = std::io::stdout().lock();
    loop {
        last = store.save_blocking(&key(), last, &state(last + 1)).unwrap();
        writeln!(out, "{last}").unwrap();
        out.flush().unwrap();
    }
}

fn kills_lose_no_acknowledged_save() {
    let directory = tempfile::tempdir().unwrap();
    let states = directory.path().join("states");
    let mut acknowledged = 0;
    for round in 0..ROUNDS {
        let mut writer =
            Command::new(env::current_exe().unwrap()).arg(WRITER).arg(&states).stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(writer.stdout.take().unwrap()).lines();
        let first = lines.next().unwrap().unwrap();
        // Spread over the time that a few saves take, so that each of their steps is hit in some round.
        thread::sleep(Duration::from_micros(round * 173));
        writer.kill().unwrap();
        writer.wait().unwrap();
        // What the pipe still holds was said before the kill.
        let last = lines.map_while(Result::ok).last().unwrap_or(first);
        acknowledged = acknowledged.max(last.parse::<u64>().unwrap());

        let record = FileStateStore::open(&states).unwrap().load_blocking(&key()).unwrap().unwrap();
        assert!(record.recovered.is_none(), "round {round}: {record:?}");
        assert!(
            record.generation == acknowledged || record.generation == acknowledged + 1,
            "round {round}: acknowledged {acknowledged}, found {}",
            record.generation
        );
        assert_eq!(record.data, state(record.generation), "round {round}");
    }
    println!("kills_lose_no_acknowledged_save: {ROUNDS} kills, {acknowledged} saves ... ok");
}
