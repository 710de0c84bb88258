//! A plugin's process, killed again and again at random moments while it answers calls.

use std::{
    fs,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use apex_plugins::{CancellationToken, ErrorKind, Limits, Placement, PluginManager};
use apex_plugins_tests::{Publisher, apex_host, package, processes};
use serde_json::{Value, json};

const FAULTY: &str = "com.apexagent.examples.faulty";

/// How many calls are under way at once.
const CALLERS: u64 = 8;

/// Longer than any call here takes that is not lost.
const LOST: Duration = Duration::from_secs(300);

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

/// How calls ended so far.
#[derive(Debug, Default)]
struct Ends {
    answered: AtomicU64,
    crashed: AtomicU64,
}

impl Ends {
    fn answered(&self) -> u64 {
        self.answered.load(Ordering::Relaxed)
    }

    fn crashed(&self) -> u64 {
        self.crashed.load(Ordering::Relaxed)
    }
}

/// Calls without pause; each call ends once, in its own answer or in the error of its process's death. Gives what must
/// not happen.
async fn call_on(plugins: PluginManager, caller: u64, ends: Arc<Ends>, until: CancellationToken) -> Vec<String> {
    let mut faults = Vec::new();
    for call in 0.. {
        if until.is_cancelled() || faults.len() > 10 {
            break;
        }
        let number = (caller << 32) | call;
        match tokio::time::timeout(LOST, echo(&plugins, number, number % 3)).await {
            Ok(Ok(answer)) if answer == json!(number) => drop(ends.answered.fetch_add(1, Ordering::Relaxed)),
            Ok(Err(ErrorKind::PluginCrashed)) => drop(ends.crashed.fetch_add(1, Ordering::Relaxed)),
            Ok(other) => faults.push(format!("{number} ended in {other:?}")),
            Err(_) => faults.push(format!("{number} is lost")),
        }
    }
    faults
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
    let (until, ends) = (CancellationToken::new(), Arc::new(Ends::default()));
    let callers: Vec<_> = (0..CALLERS)
        .map(|caller| tokio::spawn(call_on(plugins.clone(), caller, Arc::clone(&ends), until.clone())))
        .collect();
    let mut report = Report { kills: kill(kills, &ends).await, ..Report::default() };
    until.cancel();
    for caller in callers {
        report.faults.extend(caller.await.expect("no panic"));
    }
    (report.answered, report.crashed) = (ends.answered(), ends.crashed());
    // The last kill may only now be felt.
    let mut last = echo(&plugins, 1, 0).await;
    for _ in 0..10 {
        if last != Err(ErrorKind::PluginCrashed) {
            break;
        }
        last = echo(&plugins, 1, 0).await;
    }
    let mut expect = |what: &str, holds: bool| report.faults.extend((!holds).then(|| what.to_owned()));
    expect("no answer at the end", last == Ok(json!(1)));
    expect("something is left over", plugins.shutdown(Duration::from_secs(60)).await.leftovers.is_empty());
    expect("a process is left", eventually(|| processes::hosts().is_empty()).await);
    // The socket twice, a pidfd and two pipes were there at the first count. The last are closed by the thread that saw the
    // end of the process, which may need a moment.
    expect("a descriptor is left", eventually(|| descriptors() + 5 <= before).await);
    report.took = started.elapsed();
    report
}

/// Kills at random moments, until that was seen by a call too; gives up after a long time without a process.
async fn kill(wanted: usize, ends: &Ends) -> usize {
    let (mut kills, mut answered, mut pause, mut last) = (0, 0, 7_u64, Instant::now());
    while (kills < wanted || ends.crashed() == 0) && last.elapsed() < LOST {
        // A generator of our own: what matters is that the moments differ.
        pause = pause.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        tokio::time::sleep(Duration::from_micros(pause >> 48)).await;
        // Every other process dies whenever it may be, perhaps while it starts, the rest not before they have answered.
        if kills % 2 == 1 && ends.answered() == answered {
            continue;
        }
        let Some(pid) = processes::hosts().first().copied() else { continue };
        if processes::kill(pid) {
            (kills, answered, last) = (kills + 1, ends.answered(), Instant::now());
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
