//! The other process of an anchor: this program again, told by its first argument what to do.

use std::{
    fs,
    io::{Read as _, Write as _},
    os::{
        fd::{AsFd as _, OwnedFd},
        unix::net::UnixStream,
    },
    path::Path,
    process::{Child, Command, Stdio},
};

use apex_plugins_tests::mapped;
use rustix::thread::{CpuSet, Pid, sched_getaffinity, sched_setaffinity};

use crate::harness::Work;

/// Does what the first argument says, if it says anything of the kind.
pub(crate) fn play() -> bool {
    let arguments: Vec<String> = std::env::args().collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [_, "pong", size] => pong(size.parse().unwrap()),
        [_, "pour", size] => pour(size.parse().unwrap()),
        [_, "dlopen", path] => mapped::open(Path::new(path)).unwrap(),
        [_, "dlopen-in-child", path] => {
            let status = this_program(&["dlopen", path]).status().unwrap();
            assert!(status.success());
        }
        _ => return false,
    }
    true
}

/// This program, to play the other process.
pub(crate) fn this_program(arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null());
    command
}

/// Another process at the other end of a socket pair, which is its standard input.
pub(crate) struct Other {
    pub(crate) socket: UnixStream,
    process: Child,
}

impl Other {
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let (socket, theirs) = UnixStream::pair().unwrap();
        let process = this_program(arguments).stdin(OwnedFd::from(theirs)).spawn().unwrap();
        Self { socket, process }
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        // It ends at the end of its input.
        self.socket.shutdown(std::net::Shutdown::Both).unwrap();
        self.process.wait().unwrap();
    }
}

impl Other {
    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }
}

/// Where two processes that talk to each other run.
#[derive(Clone, Copy)]
pub(crate) enum Cores {
    /// Each on a core of its own, which it must be woken on.
    Apart,
    /// Both on one, where the other goes on as soon as one waits.
    Shared,
}

/// Work that is done by this thread on one core, with those processes on a core of their own or on the same.
///
/// Left alone, the system puts two that talk to each other now on one core, now on two, and what they take differs by ten times.
pub(crate) fn placed(cores: Cores, others: impl Fn() -> Vec<u32> + 'static, work: Work) -> Work {
    Box::new(move |count| {
        let all = sched_getaffinity(None).unwrap();
        let mut allowed = (0..CpuSet::MAX_CPU).filter(|core| all.is_set(*core));
        let here = allowed.next().unwrap();
        let there = match cores {
            Cores::Apart => allowed.next().expect("there are two cores"),
            Cores::Shared => here,
        };
        sched_setaffinity(None, &only(here)).unwrap();
        others().into_iter().for_each(|process| move_to(process, &only(there)));
        let taken = work(count);
        sched_setaffinity(None, &all).unwrap();
        others().into_iter().for_each(|process| move_to(process, &all));
        taken
    })
}

fn only(core: usize) -> CpuSet {
    let mut set = CpuSet::new();
    set.set(core);
    set
}

/// Moves all threads of a process.
fn move_to(process: u32, cores: &CpuSet) {
    for thread in fs::read_dir(format!("/proc/{process}/task")).unwrap() {
        let number = thread.unwrap().file_name().to_str().and_then(|name| name.parse().ok());
        sched_setaffinity(Some(Pid::from_raw(number.unwrap()).unwrap()), cores).unwrap();
    }
}

fn input() -> UnixStream {
    UnixStream::from(std::io::stdin().as_fd().try_clone_to_owned().unwrap())
}

/// Gives back whatever comes, so many bytes at a time.
fn pong(size: usize) {
    let (mut socket, mut bytes) = (input(), vec![0; size]);
    while socket.read_exact(&mut bytes).is_ok() && socket.write_all(&bytes).is_ok() {}
}

/// Writes so many bytes for each byte that comes.
fn pour(size: usize) {
    let (mut socket, bytes) = (input(), vec![7; size]);
    let mut wanted = [0; 512];
    while let Ok(count @ 1..) = socket.read(&mut wanted) {
        for _ in 0..count {
            if socket.write_all(&bytes).is_err() {
                return;
            }
        }
    }
}
