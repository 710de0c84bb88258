//! `cargo xtask bench`: runs the benchmarks and sets what they measured beside its anchors.

use std::{
    fs,
    path::Path,
    process::Command,
    time::{Duration, SystemTime},
};

use anyhow::{Context as _, bail};
use serde_json::Value;

use crate::workspace;

/// The goal of a group of measurements, by how the group's name begins: its number, and how much of its anchor is meant.
const GOALS: &[(&str, &str, &str)] = &[
    ("P1 ", "P1", "<= 1.2x statx on one thread, <= 0.5x find on all cores"),
    ("P2 ", "P2", "<= 1.5x"),
    ("P4 ", "P4", "the same for any number of plugins"),
    ("P14 ", "P14", "<= 15 ms over it"),
    ("P5 ", "P5", "<= 1.1x"),
    ("P6 ", "P6", "<= 1.5x"),
    ("P7 ", "P7", "<= 1.3x"),
    ("P8 ", "P8", "<= 2x"),
    ("P11 ", "P11", "<= 2x plus the hash"),
    ("save", "P12", "<= 1.2x"),
    ("load", "P12", "<= 1.2x"),
    ("P13 ", "P13", "<= 50 ms for 1,000"),
    ("P16 ", "P16", "throughput does not fall"),
    ("S1 ", "S1", "<= 10 ms more"),
];

/// P3 is no benchmark of criterion: each phase has a process of its own, and the example tells itself what it measured.
const GROWTH: (&str, &str) = ("apex-plugins-tests", "registry_scale");

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Run only the benchmarks of these names, such as `tree`, `apex-exec` or `registry_scale`.
    names: Vec<String>,
    /// Run nothing; show what earlier runs left.
    #[arg(long)]
    show: bool,
}

/// One measurement that criterion left.
struct Measured {
    group: String,
    name: String,
    value: Option<String>,
    median: Duration,
}

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let metadata = workspace::metadata()?;
    let target = metadata["target_directory"].as_str().context("cargo metadata names no target directory")?;
    let target = Path::new(target);
    let started = SystemTime::now();
    if !arguments.show {
        run_all(&metadata, target, &arguments.names)?;
    }
    let mut measured = Vec::new();
    let since = if arguments.show { SystemTime::UNIX_EPOCH } else { started };
    collect(&target.join("criterion"), since, &mut measured)?;
    measured.sort_by(|a, b| (&a.group, &a.value, &a.name).cmp(&(&b.group, &b.value, &b.name)));
    show(&measured);
    Ok(())
}

fn run_all(metadata: &Value, target: &Path, names: &[String]) -> anyhow::Result<()> {
    let is_meant = |package: &str, bench: &str| {
        names.is_empty() || names.iter().any(|name| [package, bench].contains(&name.as_str()))
    };
    let mut benches = benches(metadata);
    benches.retain(|(package, bench)| is_meant(package, bench));
    let (package, example) = GROWTH;
    let with_growth = is_meant(package, example);
    if benches.is_empty() && !with_growth {
        bail!("there are no benchmarks of these names");
    }
    if benches.iter().any(|(_, bench)| ["tree", "discovery"].contains(&bench.as_str())) {
        install_b3sum(target)?;
    }
    for (package, bench) in &benches {
        cargo(&["bench", "--package", package, "--bench", bench])?;
    }
    if with_growth {
        cargo(&["run", "--profile", "bench", "--package", package, "--example", example, "--", "1000", "100000"])?;
    }
    Ok(())
}

/// Package and name of every benchmark.
fn benches(metadata: &Value) -> Vec<(String, String)> {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let mut found = Vec::new();
    for package in list(&metadata["packages"]) {
        for target in list(&package["targets"]) {
            if list(&target["kind"]).iter().any(|kind| kind == "bench") {
                let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
                found.push((text(&package["name"]), text(&target["name"])));
            }
        }
    }
    found
}

/// Puts the anchor of P2 and P5 where their benchmarks look for it.
fn install_b3sum(target: &Path) -> anyhow::Result<()> {
    let tools = target.join("tools");
    let tools = tools.to_str().context("the target directory is no text")?;
    if target.join("tools/bin/b3sum").exists() {
        Ok(())
    } else {
        cargo(&["install", "b3sum", "--locked", "--root", tools])
    }
}

fn cargo(arguments: &[&str]) -> anyhow::Result<()> {
    println!("$ cargo {}", arguments.join(" "));
    let status = Command::new(workspace::cargo())
        .args(arguments)
        .current_dir(workspace::root())
        .status()
        .context("cannot run cargo")?;
    if status.success() { Ok(()) } else { bail!("cargo {} failed", arguments.join(" ")) }
}

/// Reads `benchmark.json` and `estimates.json` of each `new` directory that was written since then.
fn collect(directory: &Path, since: SystemTime, measured: &mut Vec<Measured>) -> anyhow::Result<()> {
    let Ok(entries) = fs::read_dir(directory) else { return Ok(()) };
    for entry in entries {
        let path = entry?.path();
        if path.file_name().is_some_and(|name| name == "new") {
            let estimates = path.join("estimates.json");
            let written = fs::metadata(&estimates).and_then(|metadata| metadata.modified());
            if written.is_ok_and(|written| written >= since) {
                measured.push(read(&path.join("benchmark.json"), &estimates)?);
            }
        } else if path.is_dir() {
            collect(&path, since, measured)?;
        }
    }
    Ok(())
}

fn read(benchmark: &Path, estimates: &Path) -> anyhow::Result<Measured> {
    let json = |path: &Path| -> anyhow::Result<Value> {
        let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        serde_json::from_slice(&bytes).with_context(|| format!("{} is no JSON", path.display()))
    };
    let (benchmark, estimates) = (json(benchmark)?, json(estimates)?);
    let text = |member: &str| benchmark[member].as_str().map(str::to_owned);
    let nanoseconds = estimates["median"]["point_estimate"].as_f64().context("criterion left no median")?;
    Ok(Measured {
        group: text("group_id").context("criterion left no name")?,
        name: text("function_id").unwrap_or_default(),
        value: text("value_str"),
        median: Duration::from_secs_f64(nanoseconds / 1e9),
    })
}

fn show(measured: &[Measured]) {
    if measured.is_empty() {
        return;
    }
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    println!("\nOn {cores} cores; medians of criterion, ratios to the anchor of the same run.\n");
    println!("| goal | work | median | anchor | ratio | aim |");
    println!("|---|---|---|---|---|---|");
    for one in measured.iter().filter(|one| !is_anchor(one)) {
        let (number, aim) = GOALS
            .iter()
            .find(|(start, _, _)| one.group.starts_with(start))
            .map_or(("", ""), |(_, number, aim)| (*number, *aim));
        let value = one.value.as_ref().map(|value| format!(", {value}")).unwrap_or_default();
        let work = format!("{}: {}{value}", one.group, one.name);
        let (anchor, ratio) = match anchor_of(one, measured) {
            Some(anchor) => {
                let ratio = one.median.as_secs_f64() / anchor.median.as_secs_f64();
                (format!("{}, {:.3?}", anchor.name, anchor.median), format!("{ratio:.2}"))
            }
            None => ("-".to_owned(), "-".to_owned()),
        };
        println!("| {number} | {work} | {:.3?} | {anchor} | {ratio} | {aim} |", one.median);
    }
}

fn is_anchor(measured: &Measured) -> bool {
    measured.name.starts_with("anchor")
}

/// The anchor of the same group and value; of several the one that ends like it, as in `anchor: stream, JSON`.
fn anchor_of<'a>(one: &Measured, measured: &'a [Measured]) -> Option<&'a Measured> {
    let fits = |anchor: &&Measured| is_anchor(anchor) && anchor.group == one.group && anchor.value == one.value;
    let anchors: Vec<_> = measured.iter().filter(fits).collect();
    let ending = |name: &str| name.rsplit_once(", ").map(|(_, ending)| ending.to_owned());
    match &anchors[..] {
        [only] => Some(only),
        several => several.iter().find(|anchor| ending(&anchor.name) == ending(&one.name)).copied(),
    }
}
