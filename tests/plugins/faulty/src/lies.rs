//! Answers, chunks and progress that break the contract.

use std::{
    io::Write as _,
    thread,
    time::{Duration, Instant},
};

use apex_plugin_sdk::{Chunk, Chunks, Context, Progress, Reply, Result, futures::stream, reply};

fn percent(percentage: f64) -> Progress {
    Progress { percentage: Some(percentage), message: Some("a lie".to_owned()), ..Progress::default() }
}

pub(crate) fn progress(context: &Context, after_end_ms: u64) -> Result<Reply> {
    for percentage in [50.0, 20.0, -5.0, 250.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 80.0, 60.0] {
        context.report_progress(&percent(percentage));
    }
    let context = context.clone();
    let late = Duration::from_millis(after_end_ms);
    thread::spawn(move || {
        let start = Instant::now();
        while start.elapsed() < late {
            context.report_progress(&percent(1.0));
            thread::sleep(Duration::from_millis(1));
        }
    });
    reply("done, or so it says")
}

/// Prints where a host's results go, something that looks like a result among it.
#[expect(clippy::print_stdout, clippy::print_stderr, reason = "to print is the point")]
pub(crate) fn print() -> Result<Reply> {
    println!("\"a result, or so it says\"\n\u{1b}[2Jgone");
    print!("a line without an end");
    eprintln!("an error, or so it says\u{7}");
    std::io::stdout().flush()?;
    reply("printed")
}

pub(crate) fn chunk() -> Chunks {
    Chunks::new(stream::iter([Chunk::json(&1), Ok(Chunk::raw(b"[1, 2".to_vec())), Chunk::json(&3)]))
}
