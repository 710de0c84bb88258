//! A process under `ptrace(2)`: stopped at each of its system calls, to be killed there or to have the call fail.

use std::{
    collections::BTreeSet,
    ffi::OsString,
    fs::File,
    io,
    os::unix::{ffi::OsStringExt as _, fs::FileExt as _},
    path::PathBuf,
    process::{Child, Command},
};

use libc::{c_int, c_long, c_void, pid_t};

/// Where registers stand in `struct user` (`sys/user.h`), in bytes.
const RDX: usize = 12 * 8;
const RSI: usize = 13 * 8;
const RDI: usize = 14 * 8;
const RAX: usize = 10 * 8;
const ORIG_RAX: usize = 15 * 8;

/// What to do at the system call that was chosen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Mishap {
    /// The process is killed before the call.
    Kill,
    /// The call does nothing and fails with this error number.
    Fail(c_int),
    /// The call, a read or a write, reads or writes half of what it should.
    Shorten,
}

/// A system call that is about to be made.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Call {
    /// Its number.
    pub(crate) number: c_long,
    thread: pid_t,
}

impl Call {
    /// The path of the descriptor that is its first argument; what has none gives something that is no file's.
    pub(crate) fn path(&self) -> Option<PathBuf> {
        self.link(&format!("fd/{}", peek(self.thread, RDI)))
    }

    /// The path that the call opens, if it is one that opens by path.
    pub(crate) fn opened(&self) -> Option<PathBuf> {
        let (directory, path) = match self.number {
            libc::SYS_open => (libc::AT_FDCWD, self.text(peek(self.thread, RDI))?),
            // A descriptor is the lower half of its register.
            libc::SYS_openat | libc::SYS_openat2 => {
                (peek(self.thread, RDI) as c_int, self.text(peek(self.thread, RSI))?)
            }
            _ => return None,
        };
        let directory = match directory {
            _ if path.is_absolute() => return Some(path),
            libc::AT_FDCWD => self.link("cwd")?,
            directory => self.link(&format!("fd/{directory}"))?,
        };
        Some(directory.join(path))
    }

    fn link(&self, name: &str) -> Option<PathBuf> {
        std::fs::read_link(format!("/proc/{}/{name}", self.thread)).ok()
    }

    /// The text at an address of the process.
    fn text(&self, address: c_long) -> Option<PathBuf> {
        let mut bytes = vec![0; usize::try_from(libc::PATH_MAX).unwrap()];
        let memory = File::open(format!("/proc/{}/mem", self.thread)).ok()?;
        let read = memory.read_at(&mut bytes, address.cast_unsigned()).ok()?;
        let end = bytes[..read].iter().position(|byte| *byte == 0)?;
        bytes.truncate(end);
        Some(PathBuf::from(OsString::from_vec(bytes)))
    }
}

/// How a traced process ended.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Ending {
    /// Killed at the call of this number.
    Killed(c_long),
    /// Ended by itself with this exit code; the mishap happened at the call of this number, if it did.
    Exited(c_int, Option<c_long>),
}

/// Has this process traced by its parent, and waits for it.
pub(crate) fn be_traced() {
    // SAFETY: this request reads none of the other arguments.
    #[expect(unsafe_code, reason = "there is no safe wrapper for ptrace")]
    let traced = unsafe { libc::ptrace(libc::PTRACE_TRACEME, 0, 0, 0) };
    assert_eq!(traced, 0, "ptrace is not to be had: {}", io::Error::last_os_error());
    // SAFETY: a signal to this process itself; it stops here until its parent goes on.
    #[expect(unsafe_code, reason = "there is no safe wrapper for raise")]
    let raised = unsafe { libc::raise(libc::SIGSTOP) };
    assert_eq!(raised, 0);
}

/// Runs a program that calls [`be_traced`], and has the mishap happen at the chosen call after `calls` other chosen ones.
pub(crate) fn run(command: &mut Command, is_chosen: impl Fn(Call) -> bool, calls: usize, mishap: Mishap) -> Ending {
    let child = command.spawn().unwrap();
    let mut tracer = Tracer { process: pid_t::try_from(child.id()).unwrap(), inside: BTreeSet::new() };
    tracer.start();
    tracer.drive(child, is_chosen, calls, mishap)
}

struct Tracer {
    process: pid_t,
    /// The threads that are inside a call.
    inside: BTreeSet<pid_t>,
}

impl Tracer {
    fn start(&self) {
        let (stopped, status) = wait(self.process);
        assert!(stopped == self.process && libc::WIFSTOPPED(status), "the child ended early: {status:#x}");
        let options = libc::PTRACE_O_TRACESYSGOOD | libc::PTRACE_O_TRACECLONE | libc::PTRACE_O_EXITKILL;
        ptrace(libc::PTRACE_SETOPTIONS, self.process, 0, options as usize);
        ptrace(libc::PTRACE_SYSCALL, self.process, 0, 0);
    }

    fn drive(
        &mut self,
        mut child: Child,
        is_chosen: impl Fn(Call) -> bool,
        mut calls: usize,
        mishap: Mishap,
    ) -> Ending {
        let mut happened = None;
        let mut failing: Option<pid_t> = None;
        loop {
            let (thread, status) = wait(-1);
            if libc::WIFEXITED(status) || libc::WIFSIGNALED(status) {
                if thread == self.process {
                    // Its own wait would not find it any more.
                    drop(child);
                    assert!(libc::WIFEXITED(status), "the child ended by signal {}", libc::WTERMSIG(status));
                    return Ending::Exited(libc::WEXITSTATUS(status), happened);
                }
                continue;
            }
            let signal = libc::WSTOPSIG(status);
            if signal != libc::SIGTRAP | 0x80 {
                // The first stop of a new thread, and the event that announces it, are nobody's signals.
                let is_ours = signal == libc::SIGTRAP || signal == libc::SIGSTOP;
                ptrace(libc::PTRACE_SYSCALL, thread, 0, if is_ours { 0 } else { usize::try_from(signal).unwrap() });
                continue;
            }
            let is_entry = !self.inside.remove(&thread);
            if is_entry {
                self.inside.insert(thread);
                let number = peek(thread, ORIG_RAX);
                if happened.is_none() && is_chosen(Call { number, thread }) {
                    if calls == 0 {
                        happened = Some(number);
                        match mishap {
                            Mishap::Kill => {
                                child.kill().unwrap();
                                self.wait_for_the_end();
                                drop(child);
                                return Ending::Killed(number);
                            }
                            Mishap::Fail(_) => {
                                failing = Some(thread);
                                poke(thread, ORIG_RAX, -1);
                            }
                            Mishap::Shorten => poke(thread, RDX, (peek(thread, RDX) / 2).max(1)),
                        }
                    } else {
                        calls -= 1;
                    }
                }
            } else if failing == Some(thread)
                && let Mishap::Fail(error) = mishap
            {
                failing = None;
                poke(thread, RAX, -c_long::from(error));
            }
            ptrace(libc::PTRACE_SYSCALL, thread, 0, 0);
        }
    }
}

impl Tracer {
    /// Waits for all threads of a process that was killed: each is traced, and the process has ended with the last one.
    fn wait_for_the_end(&self) {
        loop {
            let (thread, status) = wait(-1);
            if thread == self.process && (libc::WIFEXITED(status) || libc::WIFSIGNALED(status)) {
                return;
            }
        }
    }
}

fn wait(process: pid_t) -> (pid_t, c_int) {
    let mut status = 0;
    // SAFETY: the status is a valid place for a number.
    #[expect(unsafe_code, reason = "there is no safe wrapper that waits for threads too")]
    let stopped = unsafe { libc::waitpid(process, &raw mut status, libc::__WALL) };
    assert!(stopped > 0, "{}", io::Error::last_os_error());
    (stopped, status)
}

#[expect(unsafe_code, reason = "there is no safe wrapper for ptrace")]
fn ptrace(request: libc::c_uint, thread: pid_t, address: usize, data: usize) -> c_long {
    // SAFETY: the requests that are made here take numbers, and read and write no memory of this process.
    unsafe { libc::ptrace(request, thread, address as *mut c_void, data as *mut c_void) }
}

fn peek(thread: pid_t, register: usize) -> c_long {
    // The C library's wrapper returns the word itself.
    ptrace(libc::PTRACE_PEEKUSER, thread, register, 0)
}

fn poke(thread: pid_t, register: usize, value: c_long) {
    assert_eq!(ptrace(libc::PTRACE_POKEUSER, thread, register, value.cast_unsigned() as usize), 0);
}
