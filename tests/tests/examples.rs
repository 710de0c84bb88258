//! The example plugins, and those for tests beside them: the one short, all with metadata that follows from their crates.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

use std::{collections::BTreeMap, fs, path::PathBuf};

use apex_package::Build;
use apex_plugins_tests::{apex, library, metadata, workspace_root};
use serde_json::{Value, json};

/// The crates in a folder of plugins, by their names.
fn plugins(folder: &str) -> BTreeMap<String, PathBuf> {
    let directories = fs::read_dir(workspace_root().join(folder)).unwrap().map(|entry| entry.unwrap().path());
    directories.map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), path)).collect()
}

#[test]
fn the_metadata_of_every_plugin_is_without_fault_and_in_step_with_its_crate() {
    let (examples, for_tests) = (plugins("plugins"), plugins("tests/plugins"));
    assert!(examples.len() >= 4 && for_tests.len() >= 5, "{examples:?} {for_tests:?}");
    for (name, directory) in examples.into_iter().chain(for_tests) {
        let metadata = metadata(&name);
        let report = apex_meta::check(metadata.to_string().as_bytes());
        assert!(report.faults().is_empty() && report.warnings().is_empty(), "{name}: {report:#?}");
        let manifest = report.document().unwrap().manifest();
        assert_eq!(manifest.entry_point.crate_name(), Some(name.as_str()));
        let version = format!("version = \"{}\"", manifest.version);
        assert!(fs::read_to_string(directory.join("Cargo.toml")).unwrap().contains(&version), "{name}: {version}");
    }
}

/// R9.1, counted as `wc -l` counts.
#[test]
fn every_example_is_typed_and_under_60_lines() {
    for (name, directory) in plugins("plugins") {
        let sources: Vec<_> =
            fs::read_dir(directory.join("src")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(sources, ["lib.rs"], "{name} is one file");
        let text = fs::read_to_string(directory.join("src/lib.rs")).unwrap();
        assert!(text.contains("#[plugin(id = ") && text.contains("export_plugin!"), "{name}");
        let lines = text.lines().count();
        assert!(lines < 60, "{name} has {lines} lines");
        assert!(!directory.join("plugin.json").exists(), "{name}");
    }
}

#[test]
fn actions_are_described_as_the_code_has_them() {
    let greeter = metadata("greeter");
    assert_eq!(greeter["name"], "Greeter");
    assert_eq!(greeter["author"], "ApexAgent contributors");
    assert_eq!(greeter["configuration_schema"]["properties"]["greeting"]["default"], "Hello");
    assert_eq!(
        greeter["actions"][0],
        json!({
            "name": "greet",
            "description": "Greets a person.",
            "parameters": [
                {"name": "name", "type": "string", "description": "Who to greet.", "required": true, "minLength": 1, "maxLength": 200},
                {
                    "name": "greeting", "type": "string", "minLength": 1, "maxLength": 200,
                    "description": "The greeting; the configured one if there is none.",
                },
            ],
            "returns": {"type": "string"},
            "read_only": true,
            "idempotent": true,
            "examples": [{"params": {"name": "Ada"}, "result": "Hello, Ada!"}],
        })
    );
}

/// A crate of a test's own beside the built greeter.
fn beside_greeter(cargo_toml: &str, plugin_json: Option<&str>) -> Result<Value, (&'static str, String)> {
    let room = tempfile::tempdir().unwrap();
    fs::create_dir(room.path().join("src")).unwrap();
    let files = [("Cargo.toml", Some(cargo_toml)), ("src/lib.rs", Some("")), ("plugin.json", plugin_json)];
    for (file, text) in files {
        if let Some(text) = text {
            std::io::Write::write_all(&mut fs::File::create(room.path().join(file)).unwrap(), text.as_bytes()).unwrap();
        }
    }
    let build = Build {
        cargo: env!("CARGO").as_ref(),
        crate_directory: room.path(),
        profile: "dev",
        target_directory: None,
        describer: &apex(),
    };
    let made = apex_package::manifest(&build, &library("greeter"));
    made.map(|document| document.value().clone()).map_err(|error| (error.code(), error.hint().unwrap_or_default()))
}

#[test]
fn what_the_crate_says_beside_the_code_is_taken_and_what_contradicts_it_is_refused() {
    let cargo = "[package]\nname = \"x\"\nversion = \"3.1.4\"\nedition = \"2024\"\ndescription = \"Says hello.\"\nauthors = [\"Ada\"]\n\n[workspace]\n";
    let with = |more: &str| format!("{cargo}\n[package.metadata.apex]\n{more}\n");
    let made = beside_greeter(&with("name = \"Hello\"\npermissions_required = []\nx-team = {a = 1}"), None).unwrap();
    assert_eq!((&made["name"], &made["version"], &made["author"]), (&json!("Hello"), &json!("3.1.4"), &json!("Ada")));
    assert_eq!((&made["x-team"], &made["entry_point"]), (&json!({"a": 1}), &json!("greeter::Greeter")));
    for (cargo, plugin_json, code) in [
        (with("version = \"1.0.0\""), None, "MetadataReserved"),
        (with("icon = 7"), None, "WrongType"),
        (cargo.replace("authors = [\"Ada\"]\n", ""), None, "MissingProperty"),
        (
            cargo.to_owned(),
            Some(
                r#"{"name": "a", "id": "a", "version": "1.0.0", "description": "a", "author": "a", "entry_point": "a::B", "actions": []}"#,
            ),
            "ManifestTwice",
        ),
    ] {
        let (found, hint) = beside_greeter(&cargo, plugin_json).unwrap_err();
        assert_eq!(found, code, "{hint}");
        assert!(!hint.is_empty(), "{code}");
    }
}
