//! A registry of any size: how long it takes cold and warm, how much memory it needs, how soon a change is told.
//!
//! `cargo xtask bench registry_scale`, which is `cargo run --profile bench -p apex-plugins-tests --example registry_scale
//! -- 1000 100000`, plants that many plugins, five files each besides the `plugin.json`, and measures each phase in a
//! process of its own; the last phases may open no more than 64 files. The anchor of each is the same phase at the first
//! size. Performance goals P3 and P4.
#![allow(clippy::unwrap_used, reason = "a measurement ends where it fails")]
#![expect(clippy::print_stdout, reason = "a measurement tells what it measured")]

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant, SystemTime},
};

use apex_plugins::{Event, PluginManager, Status};
use apex_plugins_tests::forest;
use futures::{StreamExt as _, executor::block_on};

/// The plugin that changes.
const CHANGED: usize = 7;

fn main() {
    let arguments: Vec<_> = env::args().skip(1).collect();
    match &arguments[..] {
        [measure, phase, place] if measure == "measure" => run(phase, Path::new(place)),
        counts => {
            println!("| plugins | phase | time | per plugin | to the first size | memory at the end |");
            println!("|---|---|---|---|---|---|");
            let mut anchors = Vec::new();
            counts.iter().for_each(|count| grow(count.parse().unwrap(), &mut anchors));
        }
    }
}

/// The phases, each with how many files it may have open.
const PHASES: [(&str, usize); 5] = [("cold", 1024), ("warm", 1024), ("watch", 1024), ("cold", 64), ("warm", 64)];

/// Measures each phase; `anchors` has what each took at the first size, or is empty.
fn grow(count: usize, anchors: &mut Vec<f64>) {
    let temp = tempfile::tempdir().unwrap();
    forest::plant(&temp.path().join("root"), count, 5, 64);
    for (at, (phase, files)) in PHASES.into_iter().enumerate() {
        if files == 64 && phase == "cold" {
            fs::remove_dir_all(temp.path().join("cache")).unwrap();
            // What the phase before changed again and again.
            forest::plant_one(&temp.path().join("root"), CHANGED, 5, 64);
        }
        let [milliseconds, kibibytes] = measured(phase, files, temp.path());
        let (each, memory) = (milliseconds * 1000.0 / count as f64, kibibytes / count as f64);
        // One change is one change among however many.
        let compared = if phase == "watch" { milliseconds } else { each };
        if anchors.len() == at {
            anchors.push(compared);
        }
        let ratio = compared / anchors[at];
        let limit = if files == 64 { ", 64 files open at most" } else { "" };
        println!(
            "| {count} | {phase}{limit} | {milliseconds:.0} ms | {each:.1} µs | {ratio:.2} | {kibibytes:.0} KiB, \
             {memory:.1} KiB a plugin |"
        );
    }
}

/// Milliseconds and KiB of a phase in a process of its own.
fn measured(phase: &str, files: usize, place: &Path) -> [f64; 2] {
    let mut shell = Command::new("sh");
    shell.args(["-c", "ulimit -n \"$1\"; exec \"$2\" measure \"$3\" \"$4\"", "sh", &files.to_string()]);
    let output = shell.arg(env::current_exe().unwrap()).arg(phase).arg(place).output().unwrap();
    assert!(output.status.success(), "{phase}: {}", String::from_utf8_lossy(&output.stderr));
    let told = String::from_utf8(output.stdout).unwrap();
    let numbers: Vec<f64> = told.split_whitespace().map(|number| number.parse().unwrap()).collect();
    numbers.try_into().unwrap_or_else(|_| panic!("{told}"))
}

fn run(phase: &str, place: &Path) {
    let (root, before) = (place.join("root"), memory());
    let later = || SystemTime::now() + Duration::from_secs(3_600);
    let builder = PluginManager::builder().root(&root).cache(place.join("cache")).clock(later);
    let builder = if phase == "watch" { builder.watch() } else { builder };
    let start = Instant::now();
    let manager = block_on(builder.build()).unwrap();
    let mut took = start.elapsed();
    let count = manager.catalogue().count(Status::Ready);
    assert_eq!(count, manager.catalogue().entries().len());
    if phase == "watch" {
        took = told_of_a_change(&manager, &root);
    }
    println!("{} {}", took.as_secs_f64() * 1000.0, memory().saturating_sub(before));
}

/// How long it takes from a change to the event that tells of it, the median of nine.
fn told_of_a_change(manager: &PluginManager, root: &Path) -> Duration {
    let mut took: Vec<Duration> = (0..9)
        .map(|round| {
            // Nothing else is under way then, nor left over from the round before.
            std::thread::sleep(Duration::from_secs(3));
            let mut events = manager.events();
            let file: PathBuf = root.join(format!("com.acme.plugin{CHANGED}/1.0.0/data1.bin"));
            let start = Instant::now();
            fs::File::create(&file).and_then(|mut file| std::io::Write::write_all(&mut file, &[round])).unwrap();
            block_on(async { while !matches!(events.next().await, Some(Event::Registry(_))) {} });
            start.elapsed()
        })
        .collect();
    took.sort_unstable();
    took[4]
}

/// What this process holds of the machine's memory, in KiB.
fn memory() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").trim().parse().unwrap()
}
