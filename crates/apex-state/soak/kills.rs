//! A process that saves without pause, killed again and again at random moments; it is this program, started again.

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

/// Becomes the process that is killed, if it was started as one.
pub(crate) fn become_writer_if_asked() {
    let arguments: Vec<_> = env::args().collect();
    if let Some(at) = arguments.iter().position(|argument| argument == WRITER) {
        write_for_ever(Path::new(&arguments[at + 1]));
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
fn write_for_ever(states: &Path) -> ! {
    let store = FileStateStore::open(states).unwrap();
    let mut last = store.load_blocking(&key()).unwrap().map_or(0, |record| record.generation);
    let mut out = std::io::stdout().lock();
    loop {
        last = store.save_blocking(&key(), last, &state(last + 1)).unwrap();
        writeln!(out, "{last}").unwrap();
        out.flush().unwrap();
    }
}

/// Kills so many writers, each after a random while; gives how many saves were acknowledged. None of them is lost.
pub(crate) fn kill_again_and_again(states: &Path, rounds: u64, mut random: u64) -> u64 {
    let mut acknowledged = 0;
    for round in 0..rounds {
        let mut writer =
            Command::new(env::current_exe().unwrap()).arg(WRITER).arg(states).stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(writer.stdout.take().unwrap()).lines();
        let first = lines.next().unwrap().unwrap();
        // Within the time that a few saves take, so that each of their steps is hit in some round.
        thread::sleep(Duration::from_micros(next(&mut random) % 7000));
        writer.kill().unwrap();
        writer.wait().unwrap();
        // What the pipe still holds was said before the kill.
        let last = lines.map_while(Result::ok).last().unwrap_or(first);
        acknowledged = acknowledged.max(last.parse::<u64>().unwrap());

        let record = FileStateStore::open(states).unwrap().load_blocking(&key()).unwrap().unwrap();
        assert!(record.recovered.is_none(), "round {round}: {record:?}");
        assert!(
            record.generation == acknowledged || record.generation == acknowledged + 1,
            "round {round}: acknowledged {acknowledged}, found {}",
            record.generation
        );
        assert_eq!(record.data, state(record.generation), "round {round}");
    }
    acknowledged
}

/// SplitMix64.
fn next(random: &mut u64) -> u64 {
    *random = random.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *random;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}
