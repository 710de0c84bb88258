//! The manifests of all example plugins: valid, and in step with their crates.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::{fs, path::Path};

#[test]
fn the_manifest_of_every_example_is_without_fault_and_names_its_library() {
    let plugins = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut names = Vec::new();
    for entry in fs::read_dir(plugins).unwrap() {
        let directory = entry.unwrap().path();
        let name = directory.file_name().unwrap().to_str().unwrap().to_owned();
        let report = apex_meta::check(&fs::read(directory.join("plugin.json")).unwrap());
        assert!(report.faults().is_empty() && report.warnings().is_empty(), "{name}: {report:#?}");
        let manifest = report.document().unwrap().manifest();
        assert_eq!(manifest.entry_point.crate_name(), Some(name.as_str()));
        let version = format!("version = \"{}\"", manifest.version);
        assert!(fs::read_to_string(directory.join("Cargo.toml")).unwrap().contains(&version), "{name}: {version}");
        names.push(name);
    }
    assert_eq!(names.len(), 6, "{names:?}");
}
