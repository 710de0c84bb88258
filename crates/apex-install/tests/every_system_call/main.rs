//! Attack 62 with real processes: one that installs, removes, updates or goes back is killed, or fails, at each of its system calls.
//!
//! This is a program of its own (`harness = false`): it starts itself as the process that is traced by `ptrace(2)`. By
//! default it stops at the calls that can change a file system, which is all that there is to see from outside; with
//! `--every`, at every call:
//!
//! ```sh
//! cargo test -p apex-install --test every_system_call -- --every
//! ```
//!
//! The last run of that kind killed an install 792 times before the switch of the ledger and 17 times after it, a removal
//! 141 and 64 times; each time the store was the old one or the new one and went on from there.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test ends where it fails, and says how it went")]

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
#[path = "../../../../tests/src/minimal_elf.rs"]
mod minimal_elf;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod scenario;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
#[allow(dead_code, reason = "shared with tests that choose and do otherwise")]
mod trace;

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
fn main() -> std::process::ExitCode {
    let arguments: Vec<_> = std::env::args().collect();
    if let Some(at) = arguments.iter().position(|argument| argument == "--act") {
        return scenario::act(&arguments[at + 1], arguments[at + 2].as_ref(), arguments[at + 3].as_ref());
    }
    let every = arguments.iter().any(|argument| argument == "--every");
    for name in scenario::NAMES {
        scenario::kill_everywhere(name, every);
        scenario::fail_everywhere(name);
    }
    std::process::ExitCode::SUCCESS
}

/// The numbers of system calls and registers are those of one platform; the rest is tested on a disk that fails.
#[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
fn main() {
    println!("every_system_call: only on Linux on x86-64");
}
