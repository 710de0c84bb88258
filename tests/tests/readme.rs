//! What the README says of this repository. That its plugin and host compile, the documentation tests show; its commands are run
//! by `cli/readme.rs`.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

use std::{fs, process::Command};

use apex_plugins_tests::{workspace_root, xtask};

fn read(file: &str) -> String {
    fs::read_to_string(workspace_root().join(file)).unwrap()
}

/// The README's blocks of a language, in order.
fn blocks(language: &str) -> Vec<String> {
    let text = read("README.md");
    let fence = format!("```{language}\n");
    text.split(&fence).skip(1).map(|rest| rest.split("```").next().unwrap().to_owned()).collect()
}

#[test]
fn a_plugin_takes_under_25_lines_and_a_host_under_20() {
    let blocks = blocks("rust");
    let [plugin, host] = &blocks[..] else { panic!("a plugin and a host: {blocks:#?}") };
    assert!(plugin.contains("export_plugin!") && plugin.lines().count() < 25, "{plugin}");
    assert!(host.contains("PluginManager::builder()") && host.lines().count() < 20, "{host}");
}

/// The two commands for this repository take too long for a test of it: the gate runs all tests, and the demo builds everything
/// once more. So the one is looked up in the gate, and of the other it is seen that cargo knows it and that it is there.
#[test]
fn the_commands_for_this_repository_exist() {
    let blocks = blocks("sh");
    let lines = blocks.iter().flat_map(|block| block.lines()).map(|line| line.split('#').next().unwrap().trim());
    let (gate, aliases) = (read(".ci/run"), read(".cargo/config.toml"));
    let mut count = 0;
    for line in lines {
        count += 1;
        match line.strip_prefix("cargo xtask ") {
            Some(task) => {
                assert!(aliases.contains("\nxtask = \"run --package xtask --\"\n"), "{aliases}");
                let help = Command::new(xtask()).args([task, "--help"]).output().unwrap();
                assert!(help.status.success(), "{line}: {}", String::from_utf8_lossy(&help.stderr));
            }
            None => assert!(gate.contains(&format!("\nstep {line}")), "the gate does not run `{line}`"),
        }
    }
    assert_eq!(count, 2, "{blocks:?}");
}
