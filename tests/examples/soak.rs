//! Mixed calls over all placements for as long as one likes; `--help` tells how.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for people")]

#[path = "../soak/soak.rs"]
mod soak;

use std::{process::ExitCode, time::Duration};

const HELP: &str = "cargo run --release -p apex-plugins-tests --example soak -- \
[--calls N] [--seconds S] [--tasks T] [--seed SEED] [--kill-every MS]";

fn main() -> ExitCode {
    let mut plan = soak::Plan {
        calls: 500_000,
        kills: 0,
        at_most: Duration::from_secs(600),
        tasks: 64,
        seed: 1,
        kill_every: Some(Duration::from_millis(500)),
    };
    let mut arguments = std::env::args().skip(1);
    while let Some(name) = arguments.next() {
        let Some(value) = arguments.next().and_then(|value| value.parse::<u64>().ok()) else {
            println!("{HELP}");
            return ExitCode::FAILURE;
        };
        match name.as_str() {
            "--calls" => plan.calls = value,
            "--seconds" => plan.at_most = Duration::from_secs(value),
            "--tasks" => plan.tasks = value,
            "--seed" => plan.seed = value,
            "--kill-every" => plan.kill_every = (value > 0).then(|| Duration::from_millis(value)),
            _ => {
                println!("{HELP}");
                return ExitCode::FAILURE;
            }
        }
    }
    let directory = tempfile::tempdir().expect("a directory");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let report = runtime.block_on(async { soak::soak(soak::subjects(directory.path()).await, plan).await });
    println!("{report}");
    // Within a tenth and 16 MiB, which is what allocators keep and give back.
    let is_flat = report.memory.is_none_or(|(warm, end)| end <= warm * 1.1 + 16.0);
    match report.faults.is_empty() && is_flat {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}
