//! A plugin's process, killed again and again at random moments while it answers calls.

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use apex_plugins::{CancellationToken, ErrorKind, Limits, Placement, PluginManager};
use apex_plugins_tests::{Publisher, apex_host, package, processes};
use serde_json::{Value, json};

const FAULTY: &str = "com.apexagent.examples.faulty";

/// How many calls are under way at once.
const CALLERS: u64 = 8;

/// What came of it.
#[derive(Debug, Default)]
pub(crate) struct Report {
    pub(crate) kills: usize,
    /// Calls that got their answer.
    pub(crate) answered: u64,
    /// Calls that got the one error that a death gives them.
    pub(crate) crashed: u64,
    /// What must not happen.
    pub(crate) faults: Vec<String>,
    pub(crate) took: Duration,
}

async fn echo(plugins: &PluginManager, number: u64, ms: u64) -> Result<Value, ErrorKind> {
    let call = plugins.call(FAULTY, "echo").params(json!({"number": number, "ms": ms}));
    call.result().await.map_err(|error| error.kind())
}

/// Calls without pause; each call ends once, in its own answer or in the error of its process's death.
async fn call_on(plugins: PluginManager, caller: u64, until: CancellationToken) -> Report {
    let mut report = Report::default();
    while !until.is_cancelled() {
        let number = (caller << 32) | (report.answered + report.crashed);
        match tokio::time::timeout(Duration::from_secs(120), echo(&plugins, number, number % 3)).await {
            Ok(Ok(answer)) if answer == json!(number) => report.answered += 1,
            Ok(Err(ErrorKind::PluginCrashed)) => report.crashed += 1,
            Ok(other) => report.faults.push(format!("{number} ended in {other:?}")),
            Err(_) => report.faults.push(format!("{number} is lost")),
        }
        if report.faults.len() > 10 {
            break;
        }
    }
    report
}

/// Kills the plugin's process so many times, and looks whether anything is left at the end.
pub(crate) async fn kill_again_and_again(directory: &Path, kills: usize) -> Report {
    let (started, publisher) = (Instant::now(), Publisher::new());
    package("faulty", Some(&publisher), &directory.join("plugins"));
    // A crash is never held against the plugin here.
    let limits = Limits { crashes_allowed: usize::MAX, restart_pause: Duration::ZERO, ..Limits::default() };
    let plugins = PluginManager::builder()
        .root(directory.join("plugins"))
        .trust(publisher.trusted(Placement::Process))
        .child_program(apex_host())
        .limits(limits)
        .build()
        .await
        .expect("a manager");
    assert_eq!(echo(&plugins, 0, 0).await, Ok(json!(0)));
    let before = descriptors();
    let until = CancellationToken::new();
    let callers: Vec<_> =
        (0..CALLERS).map(|caller| tokio::spawn(call_on(plugins.clone(), caller, until.clone()))).collect();
    let mut report = Report { kills: kill(kills).await, ..Report::default() };
    until.cancel();
    for caller in callers {
        let of_caller = caller.await.expect("no panic");
        report.answered += of_caller.answered;
        report.crashed += of_caller.crashed;
        report.faults.extend(of_caller.faults);
    }
    let mut expect = |what: &str, holds: bool| report.faults.extend((!holds).then(|| what.to_owned()));
    expect("no answer at the end", echo(&plugins, 1, 0).await == Ok(json!(1)));
    expect("something is left over", plugins.shutdown(Duration::from_secs(60)).await.leftovers.is_empty());
    expect("a process is left", eventually(|| processes::hosts().is_empty()).await);
    // The socket twice, a pidfd and two pipes were there at the first count. The last are closed by the thread that saw the
    // end of the process, which may need a moment.
    expect("a descriptor is left", eventually(|| descriptors() + 5 <= before).await);
    report.took = started.elapsed();
    report
}

/// Kills at random moments; gives up after a long time without a process.
async fn kill(wanted: usize) -> usize {
    let (mut kills, mut pause, mut last) = (0, 7_u64, Instant::now());
    while kills < wanted && last.elapsed() < Duration::from_secs(120) {
        // A generator of our own: what matters is that the moments differ.
        pause = pause.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        tokio::time::sleep(Duration::from_micros(pause >> 48)).await;
        let Some(pid) = processes::hosts().first().copied() else { continue };
        if processes::kill(pid) {
            (kills, last) = (kills + 1, Instant::now());
        }
    }
    kills
}

async fn eventually(holds: impl Fn() -> bool) -> bool {
    let until = Instant::now() + Duration::from_secs(60);
    while Instant::now() < until {
        if holds() {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    false
}

fn descriptors() -> usize {
    fs::read_dir("/proc/self/fd").map_or(0, Iterator::count)
}
