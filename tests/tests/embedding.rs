//! The embedding examples of the facade run as their pages say.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

use std::{
    io::Write as _,
    path::PathBuf,
    process::{Command, Stdio},
    sync::OnceLock,
};

use apex_plugins::Placement;
use apex_plugins_tests::{Publisher, package, target_directory, workspace_root};

/// The built example of this name.
fn example(name: &str) -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    let directory = BUILT.get_or_init(|| {
        let status = Command::new(env!("CARGO"))
            // Of the whole workspace: with the features of one package alone, half of the tree would be compiled once more.
            .args(["build", "--quiet", "--workspace", "--examples", "--target-dir"])
            .arg(target_directory())
            .current_dir(workspace_root())
            .status()
            .unwrap();
        assert!(status.success(), "the examples do not build");
        target_directory().join("debug/examples")
    });
    directory.join(name)
}

/// A root with two examples, and a trust store.
fn room(placement: Placement) -> (tempfile::TempDir, Vec<String>) {
    let room = tempfile::tempdir().unwrap();
    let publisher = Publisher::new();
    for plugin in ["greeter", "stream_demo"] {
        package(plugin, Some(&publisher), &room.path().join("plugins"));
    }
    let trust = room.path().join("trust.json");
    publisher.trusted(placement).save(&trust).unwrap();
    let arguments = [room.path().join("plugins"), trust].map(|path| path.display().to_string());
    (room, arguments.into())
}

fn run(name: &str, arguments: &[String], input: &str) -> String {
    let mut child =
        Command::new(example(name)).args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{name}: {}", output.status);
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_examples_do_what_they_say() {
    let (_room, mut arguments) = room(Placement::InProcess);
    assert_eq!(run("minimal_host", &arguments, ""), "\"Hello, Ada!\"\n");
    let reloaded = run("hot_reload", &arguments, "Ada\nBob\n");
    assert!(reloaded.contains("\"Hello, Ada!\"\n") && reloaded.contains("\"Hello, Bob!\"\n"), "{reloaded}");
    arguments.extend(["com.apexagent.examples.stream_demo/count".to_owned(), r#"{"n": 2}"#.to_owned()]);
    assert_eq!(run("agent_loop", &arguments, ""), "1\n2\nnull\n");
}

#[test]
fn a_host_with_a_policy_keeps_plugins_out_of_its_process() {
    let (_room, arguments) = room(Placement::Process);
    let shown = run("policy_and_child", &arguments, "");
    assert!(shown.contains("Greeter is ready\n") && shown.ends_with("\"Hello, Ada!\"\n"), "{shown}");
}
