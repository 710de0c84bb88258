//! Kills a plugin's process under load as often as one likes: `cargo run --release -p apex-plugins-tests --example kills`.
#![allow(clippy::print_stdout, reason = "a program for people")]

#[cfg(target_os = "linux")]
#[path = "../soak/kills.rs"]
mod kills;

#[cfg(target_os = "linux")]
fn main() -> std::process::ExitCode {
    let wanted = std::env::args().nth(1).and_then(|number| number.parse().ok()).unwrap_or(1000);
    let directory = tempfile::tempdir().expect("a directory");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let report = runtime.block_on(kills::kill_again_and_again(directory.path(), wanted));
    println!("{report:#?}");
    match report.faults.is_empty() && report.kills >= wanted {
        true => std::process::ExitCode::SUCCESS,
        false => std::process::ExitCode::FAILURE,
    }
}

#[cfg(not(target_os = "linux"))]
fn main() {
    println!("plugins run in child processes on Linux alone");
}
