//! What happens to a host at its system calls, and at which of them.

use std::{
    cell::RefCell,
    env,
    path::{Path, PathBuf},
};

use libc::c_long;

use crate::{
    scenario::{Bench, Scenario},
    trace::{Call, Ending, Mishap},
};

/// The calls that change a file or its being durable, by descriptor.
const WRITING: &[c_long] = &[
    libc::SYS_write,
    libc::SYS_writev,
    libc::SYS_pwrite64,
    libc::SYS_copy_file_range,
    libc::SYS_ftruncate,
    libc::SYS_fsync,
    libc::SYS_fdatasync,
    libc::SYS_fchmod,
];

/// Those that change a file system by path, but for those that open a file.
const CHANGING: &[c_long] = &[
    libc::SYS_mkdir,
    libc::SYS_mkdirat,
    libc::SYS_rmdir,
    libc::SYS_rename,
    libc::SYS_renameat,
    libc::SYS_renameat2,
    libc::SYS_link,
    libc::SYS_linkat,
    libc::SYS_unlink,
    libc::SYS_unlinkat,
    libc::SYS_chmod,
    libc::SYS_fchmodat,
];

/// Says of each call whether it changes a file system: of writes that follow each other into one file the first, since
/// each leaves a file that is not whole.
fn is_changing(home: PathBuf) -> impl Fn(Call) -> bool {
    let is_first = is_first();
    move |call| {
        if CHANGING.contains(&call.number) {
            return true;
        }
        let Some(path) = WRITING.contains(&call.number).then(|| call.path()).flatten() else { return false };
        path.starts_with(&home) && (is_first(&path) || call.number != libc::SYS_write)
    }
}

/// Says of each file whether it is another one than the last time.
fn is_first() -> impl Fn(&Path) -> bool {
    let last = RefCell::new(PathBuf::new());
    move |path| last.replace(path.to_owned()) != path
}

/// Calls that are made to fail, or to do half of what they should.
struct Fault {
    calls: &'static [c_long],
    mishap: Mishap,
    /// On which files: a write may be one to another thread, which nobody survives.
    on: On,
    /// Of how many one is enough in an ordinary run.
    one_of: usize,
}

#[derive(Clone, Copy)]
enum On {
    /// Whatever the call is about.
    Anything,
    /// The file that is opened.
    Opened,
    /// The file of the descriptor.
    Descriptor,
}

const OPENING: &[c_long] = &[libc::SYS_open, libc::SYS_openat, libc::SYS_openat2];
const READING: &[c_long] = &[libc::SYS_read, libc::SYS_pread64];

const FAULTS: &[Fault] = &[
    Fault { calls: &[libc::SYS_fsync], mishap: Mishap::Fail(libc::EIO), on: On::Anything, one_of: 1 },
    Fault { calls: &[libc::SYS_mkdir], mishap: Mishap::Fail(libc::ENOSPC), on: On::Anything, one_of: 1 },
    Fault { calls: &[libc::SYS_rename], mishap: Mishap::Fail(libc::EIO), on: On::Anything, one_of: 1 },
    Fault { calls: &[libc::SYS_linkat], mishap: Mishap::Fail(libc::EACCES), on: On::Anything, one_of: 1 },
    Fault { calls: &[libc::SYS_unlink], mishap: Mishap::Fail(libc::EIO), on: On::Anything, one_of: 1 },
    Fault { calls: OPENING, mishap: Mishap::Fail(libc::ENOSPC), on: On::Opened, one_of: 12 },
    Fault { calls: OPENING, mishap: Mishap::Fail(libc::EMFILE), on: On::Opened, one_of: 12 },
    Fault { calls: &[libc::SYS_write], mishap: Mishap::Fail(libc::ENOSPC), on: On::Descriptor, one_of: 2 },
    Fault { calls: &[libc::SYS_write], mishap: Mishap::Shorten, on: On::Descriptor, one_of: 2 },
    Fault { calls: READING, mishap: Mishap::Fail(libc::EIO), on: On::Descriptor, one_of: 6 },
    Fault { calls: READING, mishap: Mishap::Shorten, on: On::Descriptor, one_of: 6 },
];

impl Fault {
    /// Says of each call whether it is one of these; if not `every`, of those that follow each other on one file the first.
    fn is_of(&self, every: bool) -> impl Fn(Call) -> bool {
        let is_first = is_first();
        move |call| {
            let path = || match self.on {
                On::Opened => call.opened(),
                _ => call.path(),
            };
            let is_of_file = |path: PathBuf| is_ours(&path) && (is_first(&path) || every);
            let is_meant = self.calls.contains(&call.number);
            is_meant && (matches!(self.on, On::Anything) || path().is_some_and(is_of_file))
        }
    }
}

/// A file that the host works on: in its directories, or a copy in memory.
fn is_ours(path: &Path) -> bool {
    path.starts_with(env::temp_dir()) || path.to_str().is_some_and(|path| path.starts_with("/memfd:"))
}

/// Kills the host at each call that changes something in turn, or at each call at all, until it ends by itself.
pub(crate) fn kill_everywhere(scenario: &Scenario, every: bool) {
    let bench = Bench::new(scenario);
    let (mut old, mut new) = (0, 0);
    for calls in 0.. {
        let is_changing = is_changing(bench.shop.path("home"));
        let (home, ending) = bench.attempt(|call| every || is_changing(call), calls, Mishap::Kill);
        let place = format!("{}: at call {calls}: {ending:?}", scenario.name);
        match (ending, bench.check(&home, (old + new) % 8 == 0, &place)) {
            (Ending::Killed(_), true) => new += 1,
            (Ending::Killed(_), false) => old += 1,
            (Ending::Exited(0, None), true) => break,
            other => panic!("{place}: {other:?}"),
        }
    }
    assert!(old > 3 && new > 0, "{}: {old} kills left the old state, {new} the new one", scenario.name);
    println!("every_system_call: {}: killed {old} times before the switch, {new} times after it ... ok", scenario.name);
}

/// Has calls fail in turn, and some write or read half of what they should.
pub(crate) fn fail_everywhere(scenario: &Scenario, every: bool) {
    let bench = Bench::new(scenario);
    let (mut refused, mut done) = (0, 0);
    for fault in FAULTS {
        for calls in (0..).step_by(if every { 1 } else { fault.one_of }) {
            let (home, ending) = bench.attempt(fault.is_of(every), calls, fault.mishap);
            let place =
                format!("{}: {:?} at call {calls} of {:?}: {ending:?}", scenario.name, fault.mishap, fault.calls);
            let Ending::Exited(code, happened) = ending else { panic!("{place}") };
            if happened.is_none() {
                break;
            }
            let is_new = bench.check(&home, calls % 4 == 0, &place);
            assert!(if is_new { code == 0 || code == 3 } else { code == 1 }, "{place}");
            assert!(fault.mishap != Mishap::Shorten || code == 0, "{place}: the rest was not read or written");
            (refused, done) = if is_new { (refused, done + 1) } else { (refused + 1, done) };
        }
    }
    assert!(refused > 3 && done > 0, "{}: {refused} refused, {done} done all the same", scenario.name);
    println!("every_system_call: {}: failed {refused} times, went on {done} times ... ok", scenario.name);
}
