//! The author's loop: `install`, `new`, `test`, `dev`, `manifest` and `package`, as `docs/getting_started.md` has them.
//!
//! What is made is built offline, with the versions and in the target directory of this workspace, so that only what is new is
//! compiled. What the README shows is run in the same way, by `readme.rs`.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use apex_plugins_tests::{target_directory, workspace_root};
use serde_json::Value;

use crate::{
    guide::{Shown, commands},
    house::{Ended, House, write},
};

/// A house with a clone in it, in which cargo works.
pub(crate) fn house() -> House {
    let house = House::new();
    std::os::unix::fs::symlink(workspace_root(), house.path("apex-plugins")).unwrap();
    // The settings of cargo for all that lies below: this workspace's profile, and no network.
    let workspace = fs::read_to_string(workspace_root().join("Cargo.toml")).unwrap();
    let profile = &workspace[workspace.find("[profile.dev]").unwrap()..workspace.find("[profile.release]").unwrap()];
    fs::create_dir(house.path(".cargo")).unwrap();
    let target = target_directory();
    write(
        &house.path(".cargo/config.toml"),
        &format!("[net]\noffline = true\n\n[build]\ntarget-dir = {target:?}\n\n{profile}"),
    );
    house
}

/// A command in the house that finds cargo, and what cargo has installed there: `apex`, once the guide has said so.
pub(crate) fn in_house(house: &House, program: &str) -> Command {
    let (cargo, installed) = (Path::new(env!("CARGO")).parent().unwrap(), house.path("installed"));
    let mut command = Command::new(program);
    command.env_clear().current_dir(house.path("")).stdin(Stdio::null());
    command.env("PATH", format!("{}/bin:{}:/usr/bin:/bin", installed.display(), cargo.display()));
    command.env("HOME", house.path("home")).env("CARGO_HOME", cargo_home()).env("CARGO_INSTALL_ROOT", installed);
    // Crates that were built with another setting would all be built once more.
    let incremental = std::env::var_os("CARGO_INCREMENTAL").map(|setting| ("CARGO_INCREMENTAL", setting));
    command.envs(incremental);
    command
}

/// Where cargo keeps what it downloaded.
fn cargo_home() -> PathBuf {
    let set = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    set.or_else(|| Some(std::env::home_dir()?.join(".cargo"))).expect("there is a home directory")
}

/// Runs a command of a document, and asserts that it does what is shown.
pub(crate) fn follow(house: &House, shown: &Shown) {
    shown.check(&Ended::of(in_house(house, "/bin/sh").args(["-ec", &shown.line])));
    if let Some(made) = shown.line.strip_prefix("apex new ") {
        let name = made.split(' ').next().unwrap();
        for folder in ["plugins", "tests/plugins"] {
            let taken = workspace_root().join(folder).join(name);
            assert!(!taken.exists(), "the library of {name} would take the place of that of {}", taken.display());
        }
        // The versions of this workspace, which are all there offline.
        let crate_directory = house.path(name);
        fs::copy(workspace_root().join("Cargo.lock"), crate_directory.join("Cargo.lock")).unwrap();
    }
}

/// R9.2 and the way of a newcomer: the guide, step by step.
#[test]
fn getting_started_leads_from_nothing_to_a_plugin_that_runs() {
    let house = house();
    let commands = commands("docs/getting_started.md");
    assert!(commands.len() > 7, "the guide shows {} commands", commands.len());
    let mut commands = commands.iter();
    while let Some(shown) = commands.next() {
        match shown.goes_on {
            true => while_it_goes_on(&house, shown, commands.next().unwrap()),
            false => follow(&house, shown),
        }
    }
    let guide = fs::read_to_string(workspace_root().join("docs/getting_started.md")).unwrap();
    let code = guide.split("```rust,standalone_crate\n").nth(1).unwrap().split("```").next().unwrap();
    let made = fs::read_to_string(house.path("hello/src/lib.rs")).unwrap();
    assert!(made.ends_with(code), "the guide shows what `apex new` makes:\n{made}");
    a_made_crate_is_tested_followed_and_described(&house);
}

/// One shell follows the plugin while another one runs it; then Ctrl-C is pressed in the first.
fn while_it_goes_on(house: &House, first: &Shown, second: &Shown) {
    let mut dev = Dev::start(in_house(house, "/bin/sh").args(["-ec", &format!("exec {}", first.line)]));
    first.check_output(&mut dev.lines.by_ref().map(Result::unwrap));
    follow(house, second);
    dev.end();
    let afterwards = Ended::of(in_house(house, "/bin/sh").args(["-ec", &second.line]));
    assert_eq!(afterwards.code, Some(3), "nobody finds it any more: {}", afterwards.stdout);
}

/// On the crate that is there by now: each build of another one costs seconds.
fn a_made_crate_is_tested_followed_and_described(house: &House) {
    let apex = |arguments: &[&str]| Ended::of(in_house(house, "apex").args(arguments));
    let again = apex(&["new", "hello", "--id", "com.acme.hello"]).expect(7);
    assert!(again.stderr.contains("hello is there already"), "{}", again.stderr);

    let manifest: Value = serde_json::from_str(&apex(&["--json", "manifest", "hello"]).expect(0).stdout).unwrap();
    assert_eq!((&manifest["entry_point"], &manifest["author"]), (&"hello::Hello".into(), &"Your Name".into()));
    assert!(!house.path("hello/plugin.json").exists(), "nothing is written into the sources");

    let mut dev = Dev::start(in_house(house, "apex").args(["--json", "dev", "hello"]));
    assert_eq!(dev.next()["ready"]["actions"], serde_json::json!(["greet"]));
    let greeting = apex(&["run", "com.acme.hello", "greet", "-p", "name=Ada"]).expect(0);
    assert_eq!(greeting.stdout, "Hello, Ada!\n", "another shell finds it");
    change(house, "Hello, {name}!", "Welcome, {name}!");
    dev.next();
    assert_eq!(apex(&["run", "com.acme.hello", "greet", "-p", "name=Ada"]).expect(0).stdout, "Welcome, Ada!\n");
    dev.end();
    apex(&["run", "com.acme.hello", "greet", "-p", "name=Ada"]).expect(3);

    // Its example promises something else now.
    let tested = apex(&["test", "hello"]).expect(1);
    assert!(tested.stdout.contains("expected \"Hello, Ada!\", found \"Welcome, Ada!\""), "{}", tested.stdout);
}

fn change(house: &House, from: &str, to: &str) {
    let file = house.path("hello/src/lib.rs");
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.contains(from), "{text}");
    write(&file, &text.replace(&format!("format!(\"{from}"), &format!("format!(\"{to}")));
}

/// `apex dev`, until it is asked to end.
struct Dev {
    child: Child,
    lines: std::io::Lines<BufReader<std::process::ChildStdout>>,
}

impl Dev {
    fn start(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    /// Waits for the next build that succeeds.
    fn next(&mut self) -> Value {
        serde_json::from_str(&self.lines.next().expect("it goes on").unwrap()).unwrap()
    }

    fn end(mut self) {
        let status = Command::new("kill").args(["-INT", &self.child.id().to_string()]).status().unwrap();
        assert!(status.success());
        assert_eq!(self.child.wait().unwrap().code(), Some(0));
    }
}

impl Drop for Dev {
    fn drop(&mut self) {
        // A test that failed leaves nobody behind.
        _ = self.child.kill();
        _ = self.child.wait();
    }
}
