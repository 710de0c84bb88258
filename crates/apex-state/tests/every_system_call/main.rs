//! Attacks 69 and 71 with real processes: one that saves a state is killed, or fails, at each system call that can change a
//! file system.
//!
//! This is a program of its own (`harness = false`): it starts itself as the process that is traced by `ptrace(2)`.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test ends where it fails, and says how it went")]

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod scenario;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
#[path = "../../../apex-install/tests/every_system_call/trace.rs"]
#[allow(dead_code, reason = "shared with tests that choose and do otherwise")]
mod trace;

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
fn main() -> std::process::ExitCode {
    let arguments: Vec<_> = std::env::args().collect();
    if let Some(at) = arguments.iter().position(|argument| argument == "--act") {
        return scenario::act(arguments[at + 1].as_ref());
    }
    for is_first in [true, false] {
        scenario::kill_everywhere(is_first);
        scenario::fail_everywhere(is_first);
    }
    std::process::ExitCode::SUCCESS
}

/// The numbers of system calls and registers are those of one platform; the rest is tested on a simulated disk.
#[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
fn main() {
    println!("every_system_call: only on Linux on x86-64");
}
