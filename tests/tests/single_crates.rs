//! A third party depends on one crate alone: it builds, runs, and pulls in no more than it must.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]
#![expect(clippy::disallowed_methods, reason = "writes the sources of throw-away crates")]

use std::{fs, path::Path, process::Command};

use apex_plugins_tests::{target_directory, workspace_root};

/// The crates that a third party may use alone, with what its program needs beside: a runtime, JSON.
const SINGLE_CRATES: &[(&str, &str)] = &[
    ("apex-meta", ""),
    ("apex-trust", ""),
    ("apex-discover", ""),
    ("apex-state", "serde_json = \"1\"\ntokio = { version = \"1\", features = [\"macros\", \"rt\"] }\n"),
    ("apex-abi", ""),
    ("apex-plugin-sdk", ""),
];

#[test]
fn each_crate_builds_and_runs_alone_for_a_third_party() {
    let directory = tempfile::tempdir().unwrap();
    for (dependency, others) in SINGLE_CRATES {
        let folder = directory.path().join(dependency);
        write_crate(&folder, dependency, others);
        let output = Command::new(env!("CARGO"))
            .args(["run", "--quiet", "--offline", "--target-dir"])
            .arg(target_directory())
            .current_dir(&folder)
            .output()
            .unwrap();
        let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{dependency} alone: {stderr}");
        assert_eq!(stdout, "ok\n", "{dependency} alone: {stderr}");
    }
}

fn write_crate(folder: &Path, dependency: &str, others: &str) {
    let root = workspace_root();
    // The same lock and the same profile let the throw-away crate use what the workspace has built.
    let workspace = fs::read_to_string(root.join("Cargo.toml")).unwrap();
    let profile = &workspace[workspace.find("[profile.dev]").unwrap()..workspace.find("[profile.release]").unwrap()];
    let path = root.join("crates").join(dependency);
    let manifest = format!(
        "[package]\nname = \"third-party-{dependency}\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[workspace]\n\n\
         [dependencies]\n{dependency} = {{ path = {path:?} }}\n{others}\n{profile}",
    );
    fs::create_dir_all(folder.join("src")).unwrap();
    fs::write(folder.join("Cargo.toml"), manifest).unwrap();
    fs::copy(root.join("Cargo.lock"), folder.join("Cargo.lock")).unwrap();
    let program = root.join("tests/fixtures/third_party").join(dependency).with_extension("rs");
    fs::copy(program, folder.join("src/main.rs")).unwrap();
}

/// What the author's side must never pull in.
const HOST_SIDE: &[&str] = &[
    "apex-exec",
    "apex-trust",
    "apex-discover",
    "apex-state",
    "apex-resolve",
    "apex-package",
    "apex-plugins",
    "jsonschema",
];

#[test]
fn the_sdk_pulls_in_no_host_crate_and_no_schema_validator() {
    let tree = dependency_tree("apex-plugin-sdk");
    assert!(tree.iter().any(|name| name == "apex-abi"), "{tree:?}");
    for forbidden in HOST_SIDE {
        assert!(!tree.iter().any(|name| name == forbidden), "the SDK pulls in {forbidden}");
    }
}

#[test]
fn a_crate_of_the_first_floor_pulls_in_no_other_of_it() {
    let floor = ["apex-trust", "apex-discover", "apex-resolve", "apex-abi", "apex-state"];
    for name in floor {
        let tree = dependency_tree(name);
        for other in floor.iter().filter(|other| **other != name) {
            assert!(!tree.iter().any(|found| found == other), "{name} pulls in {other}");
        }
    }
}

fn dependency_tree(package: &str) -> Vec<String> {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--offline", "--edges", "normal", "--prefix", "none", "--format", "{p}", "--package", package])
        .current_dir(workspace_root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect()
}
