//! The README promises that a plugin and a host are short; that they compile, the documentation tests show.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

use apex_plugins_tests::workspace_root;

/// The Rust snippets of the README, in order.
fn snippets() -> Vec<String> {
    let text = std::fs::read_to_string(workspace_root().join("README.md")).unwrap();
    text.split("```rust\n").skip(1).map(|rest| rest.split("```").next().unwrap().to_owned()).collect()
}

#[test]
fn a_plugin_takes_under_25_lines_and_a_host_under_20() {
    let snippets = snippets();
    let [plugin, host] = &snippets[..] else { panic!("a plugin and a host: {snippets:#?}") };
    assert!(plugin.contains("export_plugin!") && plugin.lines().count() < 25, "{plugin}");
    assert!(host.contains("PluginManager::builder()") && host.lines().count() < 20, "{host}");
}

/// The metadata that the README shows is what the validator accepts.
#[test]
fn the_metadata_shown_is_valid() {
    let text = std::fs::read_to_string(workspace_root().join("README.md")).unwrap();
    let metadata = text.split("```json\n").nth(1).unwrap().split("```").next().unwrap();
    let report = apex_plugins::meta::check(metadata.as_bytes());
    assert!(
        report.faults().is_empty() && report.warnings().is_empty(),
        "{:?} {:?}",
        report.faults(),
        report.warnings()
    );
}
