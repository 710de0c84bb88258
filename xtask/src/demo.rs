//! `cargo xtask demo`: the main job on real plugins, each command shown as a user would type it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, ExitStatus, Stdio},
};

use anyhow::{Context as _, bail, ensure};

use crate::{keygen, package, workspace};

const PLUGINS: &[&str] = &["greeter", "progress_demo", "stream_demo", "counter", "faulty"];
const PREFIX: &str = "com.apexagent.examples";

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Build the plugins in this cargo profile.
    #[arg(long, default_value = "release")]
    profile: String,
}

/// Where the demo lives; all of it below `target/demo`, which a new run empties first.
struct Demo {
    apex: PathBuf,
    directory: PathBuf,
}

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let demo = Demo::prepare()?;
    demo.package(&arguments.profile)?;
    demo.show_catalogue()?;
    demo.call_actions()?;
    demo.tamper()?;
    println!("\nAll of it stays in {DIRECTORY}; try more:");
    println!("  {}", demo.typed(&["inspect", &id("greeter")]));
    println!("  {}", demo.typed(&["run", &id("stream_demo"), "count", "-p", "n=3", "--json"]));
    println!("  {}", demo.typed(&["run", &id("faulty"), "panic"]));
    Ok(())
}

/// Relative to the root of the workspace, as it is shown to the user.
const DIRECTORY: &str = "target/demo";

impl Demo {
    fn prepare() -> anyhow::Result<Self> {
        say("Build the command line");
        let directory = workspace::root().join(DIRECTORY);
        if directory.exists() {
            fs::remove_dir_all(&directory).with_context(|| format!("cannot empty {DIRECTORY}"))?;
        }
        fs::create_dir_all(&directory).with_context(|| format!("cannot create {DIRECTORY}"))?;
        show("cargo build --package apex-plugins-cli");
        let status = Command::new(workspace::cargo())
            .args([
                "build",
                "--package",
                "apex-plugins-cli",
                "--bin",
                "apex",
                "--message-format=json-render-diagnostics",
            ])
            .current_dir(workspace::root())
            .stderr(Stdio::inherit())
            .output()
            .context("cannot run cargo build")?;
        ensure!(status.status.success(), "cargo build failed");
        let apex = executable(&status.stdout).context("cargo build did not say where it put `apex`")?;
        Ok(Self { apex, directory })
    }

    fn package(&self, profile: &str) -> anyhow::Result<()> {
        say("Make a key, then build, sign and pack each plugin");
        let key = self.directory.join("publisher.pem");
        show(&format!("cargo xtask keygen {DIRECTORY}/publisher.pem"));
        keygen::run(keygen::Arguments { file: key.clone(), passphrase_file: None })?;
        for plugin in PLUGINS {
            show(&format!(
                "cargo xtask package {plugin} --sign {DIRECTORY}/publisher.pem --out {DIRECTORY}/plugins --profile {profile}"
            ));
            package::run(package::Arguments {
                plugin: PathBuf::from(plugin),
                sign: Some(key.clone()),
                out: Some(self.directory.join("plugins")),
                lib: Vec::new(),
                passphrase_file: None,
                profile: profile.to_owned(),
            })?;
        }
        say("Unknown publishers are not trusted; trusting one is one command");
        self.expect(4, &["run", &id("greeter"), "greet", "-p", "name=Ada"])?;
        let public = format!("{DIRECTORY}/publisher.pem.pub");
        self.ok(&["trust", "add", "examples", "--key", &public, "--prefix", PREFIX, "--placement", "in-process"])
    }

    fn show_catalogue(&self) -> anyhow::Result<()> {
        say("What is there, and does every byte hold?");
        self.ok(&["list"])?;
        self.ok(&["verify"])?;
        self.ok(&["why", &format!("{}@^1", id("greeter"))])
    }

    fn call_actions(&self) -> anyhow::Result<()> {
        say("Run an action; then one that takes its time and says how far it is");
        self.ok(&["run", &id("greeter"), "greet", "-p", "name=Ada"])?;
        self.ok(&["run", &id("progress_demo"), "work", "-p", "steps=20", "-p", "step_ms=50"])?;
        say("A stream: chunks are shown as they come");
        self.ok(&["run", &id("stream_demo"), "count", "-p", "n=5"])?;
        say("State outlives the process: two processes count on");
        self.ok(&["run", &id("counter"), "add", "-p", "by=1"])?;
        self.ok(&["run", &id("counter"), "add", "-p", "by=1"])?;
        say("A plugin that panics takes nobody along");
        self.expect(6, &["run", &id("faulty"), "panic"])
    }

    /// Flips one byte of a copy's library, which must block the copy and leave the rest alone.
    fn tamper(&self) -> anyhow::Result<()> {
        say("Somebody changes one byte of a plugin");
        let greeter = self.directory.join("plugins").join(id("greeter"));
        let copy = self.directory.join("tampered");
        copy_tree(&greeter, &copy.join(id("greeter")))?;
        let library = find_library(&copy)?.context("the packaged greeter has no library")?;
        let mut bytes = fs::read(&library)?;
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        #[expect(clippy::disallowed_methods, reason = "tampering is the point, durability is not")]
        fs::write(&library, bytes)?;
        let root = format!("{DIRECTORY}/tampered");
        let listing = self.run_in(&root, &["list"])?;
        ensure!(listing.success(), "apex list failed on the tampered copy");
        let status = self.run_in(&root, &["run", &id("greeter"), "greet", "-p", "name=Ada"])?;
        ensure!(status.code() == Some(4), "the tampered plugin was not blocked: {status}");
        self.expect_code(&root, "ChecksumMismatch")
    }

    fn expect_code(&self, root: &str, code: &str) -> anyhow::Result<()> {
        let output = Command::new(&self.apex)
            .args(self.options(root))
            .args(["--json", "list"])
            .current_dir(workspace::root())
            .output()?;
        let listing: serde_json::Value = serde_json::from_slice(&output.stdout).context("apex list --json")?;
        ensure!(listing["plugins"][0]["reason"]["code"] == code, "expected {code}, found {listing}");
        Ok(())
    }

    fn options(&self, root: &str) -> Vec<String> {
        let below = |name: &str| format!("{DIRECTORY}/{name}");
        let pairs = [
            ("--root", root.to_owned()),
            ("--trust", below("trust.json")),
            ("--store", below("store")),
            ("--state-dir", below("states")),
        ];
        pairs.into_iter().flat_map(|(option, value)| [option.to_owned(), value]).collect()
    }

    /// The command as a user would type it.
    fn typed(&self, arguments: &[&str]) -> String {
        let root = format!("{DIRECTORY}/plugins");
        format!("cargo apex {} {}", self.options(&root).join(" "), arguments.join(" "))
    }

    fn run_in(&self, root: &str, arguments: &[&str]) -> anyhow::Result<ExitStatus> {
        show(&format!("cargo apex {} {}", self.options(root).join(" "), arguments.join(" ")));
        Command::new(&self.apex)
            .args(self.options(root))
            .args(arguments)
            .current_dir(workspace::root())
            .status()
            .with_context(|| format!("cannot run {}", self.apex.display()))
    }

    fn ok(&self, arguments: &[&str]) -> anyhow::Result<()> {
        self.expect(0, arguments)
    }

    fn expect(&self, code: i32, arguments: &[&str]) -> anyhow::Result<()> {
        let status = self.run_in(&format!("{DIRECTORY}/plugins"), arguments)?;
        if status.code() != Some(code) {
            bail!("`apex {}` ended with {status}, expected exit code {code}", arguments.join(" "));
        }
        Ok(())
    }
}

fn id(plugin: &str) -> String {
    format!("{PREFIX}.{plugin}")
}

fn say(headline: &str) {
    println!("\n=== {headline}");
}

fn show(command: &str) {
    println!("\n$ {command}");
}

fn executable(messages: &[u8]) -> Option<PathBuf> {
    messages
        .split(|byte| *byte == b'\n')
        .filter_map(|line| serde_json::from_slice::<serde_json::Value>(line).ok())
        .find_map(|message| message["executable"].as_str().map(PathBuf::from))
}

fn copy_tree(from: &Path, to: &Path) -> anyhow::Result<()> {
    for entry in walkdir::WalkDir::new(from) {
        let entry = entry?;
        let target = to.join(entry.path().strip_prefix(from)?);
        if entry.file_type().is_dir() {
            fs::create_dir_all(&target)?;
        } else {
            fs::copy(entry.path(), &target)?;
        }
    }
    Ok(())
}

fn find_library(directory: &Path) -> anyhow::Result<Option<PathBuf>> {
    for entry in walkdir::WalkDir::new(directory) {
        let entry = entry?;
        if entry.file_type().is_file() && entry.file_name().to_string_lossy().ends_with(std::env::consts::DLL_SUFFIX) {
            return Ok(Some(entry.into_path()));
        }
    }
    Ok(None)
}
