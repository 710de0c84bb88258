//! A save, and what must be true of the state whenever it is interrupted.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

use apex_state::{FileStateStore, StateKey};
use libc::c_long;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::trace::{self, Ending, Mishap};

/// The calls that can change a file system, with the errors that they are made to fail with.
const CHANGING: &[(c_long, &[i32])] = &[
    (libc::SYS_open, &[libc::ENOSPC]),
    (libc::SYS_openat, &[libc::ENOSPC, libc::EACCES]),
    (libc::SYS_openat2, &[libc::EACCES]),
    (libc::SYS_write, &[libc::ENOSPC, libc::EIO]),
    (libc::SYS_writev, &[libc::ENOSPC]),
    (libc::SYS_pwrite64, &[libc::ENOSPC]),
    (libc::SYS_ftruncate, &[libc::EIO]),
    (libc::SYS_fsync, &[libc::EIO]),
    (libc::SYS_fdatasync, &[libc::EIO]),
    (libc::SYS_mkdir, &[libc::ENOSPC, libc::EACCES]),
    (libc::SYS_mkdirat, &[libc::ENOSPC]),
    (libc::SYS_rename, &[libc::EIO]),
    (libc::SYS_renameat, &[libc::EIO]),
    (libc::SYS_renameat2, &[libc::EIO]),
    (libc::SYS_link, &[libc::EACCES, libc::EMLINK]),
    (libc::SYS_linkat, &[libc::EACCES, libc::EMLINK]),
    (libc::SYS_unlink, &[libc::EIO]),
    (libc::SYS_unlinkat, &[libc::EIO]),
    (libc::SYS_flock, &[libc::ENOLCK]),
];

fn is_changing(call: c_long) -> bool {
    CHANGING.iter().any(|(known, _)| *known == call)
}

fn key() -> StateKey {
    StateKey::new("com.acme.counter".parse().unwrap(), "1.0.0".parse().unwrap())
}

fn state(number: u64) -> Value {
    json!({"number": number, "filler": vec![number; 300]})
}

/// A directory of states in which nothing was saved yet, or something twice.
struct Bench {
    home: TempDir,
    old: Option<(u64, Value)>,
    new: (u64, Value),
}

impl Bench {
    fn new(is_first: bool) -> Self {
        // In memory where there is such a thing: what a kill leaves does not depend on the disk.
        let memory = Path::new("/dev/shm");
        let home = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap();
        let (old, new) = match is_first {
            true => (None, (1, state(1))),
            false => (Some((2, state(2))), (3, state(3))),
        };
        let bench = Self { home, old, new };
        let store = FileStateStore::open(bench.template()).unwrap();
        for number in 1..bench.new.0 {
            store.save_blocking(&key(), number - 1, &state(number)).unwrap();
        }
        bench
    }

    fn template(&self) -> PathBuf {
        self.home.path().join("template")
    }

    /// Saves in states of its own, with a mishap.
    fn attempt(&self, is_chosen: impl Fn(c_long) -> bool, calls: usize, mishap: Mishap) -> (PathBuf, Ending) {
        let states = self.home.path().join("states");
        fs::remove_dir_all(&states).unwrap_or_default();
        copy(&self.template(), &states);
        let mut command = Command::new(env::current_exe().unwrap());
        command.arg("--act").arg(&states);
        let ending = trace::run(&mut command, |call| is_chosen(call.number), calls, mishap);
        (states, ending)
    }

    /// The state is the old one or the new one, and can be saved from there.
    fn check(&self, states: &Path, place: &str) -> bool {
        let store = FileStateStore::open(states).unwrap();
        let record = store.load_blocking(&key()).unwrap_or_else(|error| panic!("{place}: {error}"));
        assert!(record.as_ref().is_none_or(|record| record.recovered.is_none()), "{place}: {record:?}");
        let found = record.map(|record| (record.generation, record.data));
        let is_new = found.as_ref() == Some(&self.new);
        assert!(is_new || found == self.old, "{place}: {found:?}");
        let generation = found.map_or(0, |(generation, _)| generation);
        let next =
            store.save_blocking(&key(), generation, &state(9)).unwrap_or_else(|error| panic!("{place}: {error}"));
        assert!(next > generation, "{place}");
        assert_eq!(store.load_blocking(&key()).unwrap().unwrap().data, state(9), "{place}");
        is_new
    }
}

/// Kills the process at each call that changes something in turn, until it ends by itself.
pub(crate) fn kill_everywhere(is_first: bool) {
    let bench = Bench::new(is_first);
    let (mut old, mut new) = (0, 0);
    for calls in 0.. {
        let (states, ending) = bench.attempt(is_changing, calls, Mishap::Kill);
        let place = format!("first {is_first}: at call {calls}: {ending:?}");
        match (ending, bench.check(&states, &place)) {
            (Ending::Killed(_), true) => new += 1,
            (Ending::Killed(_), false) => old += 1,
            (Ending::Exited(0, None), true) => break,
            other => panic!("{place}: {other:?}"),
        }
    }
    assert!(old > 5 && new > 0, "{old} kills left the old state, {new} the new one");
    println!("every_system_call: first {is_first}: killed {old} times before the switch, {new} times after it ... ok");
}

/// Has each call that changes something fail in turn, with each of its errors, and writes write half.
pub(crate) fn fail_everywhere(is_first: bool) {
    let bench = Bench::new(is_first);
    let (mut refused, mut done) = (0, 0);
    let fails = CHANGING.iter().flat_map(|(call, errors)| errors.iter().map(|error| (*call, Mishap::Fail(*error))));
    for (chosen, mishap) in fails.chain([(libc::SYS_write, Mishap::Shorten)]) {
        for calls in 0.. {
            let (states, ending) = bench.attempt(|call| call == chosen, calls, mishap);
            let place = format!("first {is_first}: {mishap:?} at call {calls} of number {chosen}: {ending:?}");
            let Ending::Exited(code, happened) = ending else { panic!("{place}") };
            if happened.is_none() {
                break;
            }
            let is_new = bench.check(&states, &place);
            assert_eq!(code, if is_new { 0 } else { 1 }, "{place}");
            (refused, done) = if is_new { (refused, done + 1) } else { (refused + 1, done) };
        }
    }
    assert!(refused > 5 && done > 0, "{refused} refused, {done} done all the same");
    println!("every_system_call: first {is_first}: failed {refused} times, went on {done} times ... ok");
}

/// The traced process: saves what comes next, before its parent's eyes.
pub(crate) fn act(states: &Path) -> ExitCode {
    let store = FileStateStore::open(states).unwrap();
    let last = store.load_blocking(&key()).unwrap().map_or(0, |record| record.generation);
    trace::be_traced();
    match store.save_blocking(&key(), last, &state(last + 1)) {
        Ok(_) => ExitCode::SUCCESS,
        Err(error) if ["StateIo", "StateLocked"].contains(&error.code()) => ExitCode::from(1),
        Err(_) => ExitCode::from(2),
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &target),
            false => drop(fs::copy(entry.path(), &target).unwrap()),
        }
    }
}
