//! A plugin's process is killed at random moments under load. Alone in its process, so that every child is its own.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use apex_plugins::{CancellationToken, ErrorKind, FileStateStore, Limits, Placement, PluginManager};
use apex_plugins_tests::{Publisher, apex_host, package};
use serde_json::{Value, json};

const FAULTY: &str = "com.apexagent.examples.faulty";

async fn echo(plugins: &PluginManager, number: u64, ms: u64) -> Result<Value, ErrorKind> {
    let call = plugins.call(FAULTY, "echo").params(json!({"number": number, "ms": ms}));
    call.result().await.map_err(|error| error.kind())
}

/// The processes below this one, of any generation.
fn children() -> Vec<u32> {
    fn below(parent: u32, found: &mut Vec<u32>) {
        let Ok(tasks) = fs::read_dir(format!("/proc/{parent}/task")) else { return };
        for task in tasks.flatten() {
            let text = fs::read_to_string(task.path().join("children")).unwrap_or_default();
            for child in text.split_whitespace().filter_map(|number| number.parse().ok()) {
                found.push(child);
                below(child, found);
            }
        }
    }
    let mut found = Vec::new();
    below(std::process::id(), &mut found);
    found
}

/// Those children that host plugins.
fn hosts() -> Vec<u32> {
    let is_host = |pid: &u32| {
        fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|line| line.starts_with(b"apex-host\0--apex-plugin-host"))
    };
    children().into_iter().filter(is_host).collect()
}

/// How calls ended.
#[derive(Debug, Default)]
struct Ends {
    well: AtomicU64,
    crashed: AtomicU64,
}

impl Ends {
    fn well(&self) -> u64 {
        self.well.load(Ordering::Relaxed)
    }

    fn crashed(&self) -> u64 {
        self.crashed.load(Ordering::Relaxed)
    }
}

/// Each call has exactly one end: its result, or the one error that a death gives it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killing_the_process_at_random_moments_ends_each_call_exactly_once() {
    const KILLS: usize = 50;
    let directory = tempfile::tempdir().unwrap();
    let publisher = Publisher::new();
    package("faulty", Some(&publisher), &directory.path().join("plugins"));
    // A crash is never held against the plugin here.
    let limits = Limits { crashes_allowed: usize::MAX, restart_pause: Duration::ZERO, ..Limits::default() };
    let plugins = PluginManager::builder()
        .root(directory.path().join("plugins"))
        .trust(publisher.trusted(Placement::Process))
        .child_program(apex_host())
        .state(FileStateStore::open(directory.path().join("states")).unwrap())
        .limits(limits)
        .build()
        .await
        .unwrap();
    assert_eq!(echo(&plugins, 0, 0).await, Ok(json!(0)));
    let descriptors_before = descriptors();
    let until = CancellationToken::new();
    let ends = Arc::new(Ends::default());
    let callers: Vec<_> = (0..8_u64)
        .map(|caller| {
            let (plugins, until, ends) = (plugins.clone(), until.clone(), Arc::clone(&ends));
            tokio::spawn(async move {
                for call in 0.. {
                    if until.is_cancelled() {
                        break;
                    }
                    let number = caller << 32 | call;
                    match echo(&plugins, number, number % 3).await {
                        Ok(answer) => {
                            assert_eq!(answer, json!(number));
                            ends.well.fetch_add(1, Ordering::Relaxed);
                        }
                        Err(kind) => {
                            assert_eq!(kind, ErrorKind::PluginCrashed);
                            ends.crashed.fetch_add(1, Ordering::Relaxed);
                        }
                    }
                }
            })
        })
        .collect();
    let (mut kills, mut answered) = (0, 0);
    let mut pause = 7_u64;
    let deadline = Instant::now() + Duration::from_secs(300);
    while (kills < KILLS || ends.crashed() == 0) && Instant::now() < deadline {
        // A generator of our own: what matters is that the moments differ.
        pause = pause.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        tokio::time::sleep(Duration::from_micros(pause >> 48)).await;
        // Every other process dies whenever it may be, perhaps while it starts, the rest not before they have answered.
        if kills % 2 == 1 && ends.well() == answered {
            continue;
        }
        let Some(pid) = hosts().first().copied() else { continue };
        let killed = std::process::Command::new("kill").args(["-9", &pid.to_string()]).status().unwrap();
        kills += usize::from(killed.success());
        answered = ends.well();
    }
    until.cancel();
    for caller in callers {
        caller.await.unwrap();
    }
    assert!(kills >= KILLS && ends.well() > 0 && ends.crashed() > 0, "{kills} kills, {ends:?}");
    assert_eq!(echo(&plugins, 1, 0).await, Ok(json!(1)));
    assert!(plugins.shutdown(Duration::from_secs(60)).await.leftovers.is_empty());
    let until = Instant::now() + Duration::from_secs(60);
    while !hosts().is_empty() && Instant::now() < until {
        tokio::task::yield_now().await;
    }
    assert!(hosts().is_empty(), "{:?}", hosts());
    // The socket twice, a pidfd and two pipes were there at the first count. The last are closed by the thread that saw the
    // end of the process, which may need a moment.
    let until = Instant::now() + Duration::from_secs(60);
    while descriptors() > descriptors_before - 5 && Instant::now() < until {
        tokio::task::yield_now().await;
    }
    assert_eq!(descriptors(), descriptors_before - 5);
}

fn descriptors() -> usize {
    fs::read_dir("/proc/self/fd").unwrap().count()
}
