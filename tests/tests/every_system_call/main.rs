//! Attack 62 on code and state together: a host that updates a plugin, or goes back, is killed at each of its system calls
//! that change a file system, and what makes changes durable is made to fail (R5.5, R5.6).
//!
//! This is a program of its own (`harness = false`): it starts itself as the process that is traced by `ptrace(2)`. Where a
//! file is only opened nothing is there to see from outside, and what is created is killed before it is written to.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test ends where it fails, and says how it went")]

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod scenario;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
#[allow(dead_code, reason = "shared with tests that shorten writes too")]
#[path = "../../../crates/apex-install/tests/every_system_call/trace.rs"]
mod trace;

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
fn main() -> std::process::ExitCode {
    let arguments: Vec<_> = std::env::args().collect();
    if let Some(at) = arguments.iter().position(|argument| argument == "--act") {
        return scenario::act(&arguments[at + 1], arguments[at + 2].as_ref(), arguments[at + 3].as_ref());
    }
    for scenario in [scenario::UPDATE, scenario::ROLLBACK] {
        scenario::kill_everywhere(&scenario);
        scenario::fail_everywhere(&scenario);
    }
    std::process::ExitCode::SUCCESS
}

/// The numbers of system calls and registers are those of one platform.
#[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
fn main() {
    println!("every_system_call: only on Linux on x86-64");
}
