//! No block of the README and of the guides is one that nobody checks.
//!
//! Blocks of Rust are documentation tests of this package, see `src/lib.rs`. For each other kind of block in a document, a table
//! here names the source of what checks it. A block of a new kind, or in another document, fails until it is checked as well.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

use std::{collections::BTreeSet, fs};

use apex_plugins_tests::workspace_root;
use serde_json::{Value, json};

/// Document, language, and the source that reads the document and runs or compares what its blocks of that language show.
const CHECKED: &[(&str, &str, &str)] = &[
    ("README.md", "console", "tests/tests/cli/readme.rs"),
    ("README.md", "json", "tests/tests/cli/readme.rs"),
    ("README.md", "sh", "tests/tests/readme.rs"),
    ("docs/command_line.md", "console", "tests/tests/cli/command_line.rs"),
    ("docs/discovery_guide.md", "console", "tests/tests/cli/guide.rs"),
    ("docs/discovery_guide.md", "json", "tests/tests/cli/registry.rs"),
    ("docs/fault_codes.md", "json", "xtask/src/docs.rs"),
    ("docs/getting_started.md", "console", "tests/tests/cli/authoring.rs"),
    ("docs/host_protocol.md", "hex", "crates/apex-protocol/tests/document.rs"),
    ("docs/operators_guide.md", "console", "tests/tests/cli/operators_guide.rs"),
    ("docs/permissions.md", "console", "tests/tests/cli/guide.rs"),
    ("docs/permissions.md", "json", "tests/tests/documents.rs"),
    ("docs/plugin_metadata_schema_docs.md", "json", "xtask/src/docs.rs"),
    ("docs/security_guide.md", "console", "tests/tests/cli/guide.rs"),
    ("docs/updates_guide.md", "console", "tests/tests/cli/updates_guide.rs"),
    ("docs/updates_guide.md", "json", "tests/tests/cli/story.rs"),
    ("docs/versioning_guide.md", "console", "tests/tests/cli/guide.rs"),
    ("docs/versioning_guide.md", "json", "crates/apex-resolve/tests/versioning_guide.rs"),
    ("docs/versioning_guide.md", "text", "crates/apex-resolve/tests/versioning_guide.rs"),
];

/// Blocks that no machine can judge, and what they are.
const DRAWINGS: &[(&str, &str, &str)] =
    &[("docs/concepts.md", "text", "the way of a plugin and the two placements, drawn")];

/// The README and all documents of the book, relative to the root, with their texts.
fn documents() -> Vec<(String, String)> {
    let docs = fs::read_dir(workspace_root().join("docs")).unwrap().map(|entry| entry.unwrap().file_name());
    let docs = docs.map(|name| format!("docs/{}", name.to_str().unwrap())).filter(|name| name.ends_with(".md"));
    let mut names: Vec<_> = docs.chain(["README.md".to_owned()]).collect();
    names.sort();
    names.into_iter().map(|name| (name.clone(), fs::read_to_string(workspace_root().join(name)).unwrap())).collect()
}

/// What stands behind the fence that opens each block.
fn languages(text: &str) -> Vec<&str> {
    let fences = text.lines().filter_map(|line| line.trim_start().strip_prefix("```"));
    fences.step_by(2).map(str::trim).collect()
}

#[test]
fn every_block_of_a_document_is_one_that_something_checks() {
    let doc_tests = fs::read_to_string(workspace_root().join("tests/src/lib.rs")).unwrap();
    let (mut unchecked, mut found) = (Vec::new(), BTreeSet::new());
    for (document, text) in documents() {
        for language in languages(&text) {
            let is_checked = match language.split(',').next() {
                // Whatever else stands there, such as `ignore`, would let the block go unchecked.
                Some("rust") => {
                    ["rust", "rust,standalone_crate"].contains(&language)
                        && doc_tests.contains(&format!("/{document}\")"))
                }
                _ => CHECKED.iter().chain(DRAWINGS).any(|row| (row.0, row.1) == (document.as_str(), language)),
            };
            if !is_checked {
                unchecked.push(format!("{document}: a block of `{language}`"));
            }
            found.insert((document.clone(), language.to_owned()));
        }
    }
    assert!(unchecked.is_empty(), "nothing checks {unchecked:#?}");
    for (document, language, _) in CHECKED.iter().chain(DRAWINGS) {
        assert!(
            found.contains(&((*document).to_owned(), (*language).to_owned())),
            "{document} has no `{language}` any more"
        );
    }
}

#[test]
fn what_checks_a_block_reads_its_document() {
    for (document, language, source) in CHECKED {
        let text = fs::read_to_string(workspace_root().join(source)).unwrap();
        assert!(text.contains(document), "{source} does not name {document}, whose blocks of `{language}` it checks");
    }
}

/// A command that is shown without a prompt is one that no test runs.
#[test]
fn every_command_in_a_block_has_a_prompt() {
    for (document, text) in documents() {
        for block in text.split("```console\n").skip(1).map(|rest| rest.split("```").next().unwrap()) {
            assert!(block.starts_with("$ "), "{document}: a block of `console` begins with output:\n{block}");
            let bare: Vec<_> =
                block.lines().filter(|line| line.starts_with("apex ") || line.starts_with("cargo ")).collect();
            assert!(bare.is_empty(), "{document}: {bare:?} look like commands");
        }
    }
}

/// What the page on permissions shows of a `plugin.json` is right in one.
#[test]
fn the_metadata_that_the_page_on_permissions_shows_is_valid() {
    let text = fs::read_to_string(workspace_root().join("docs/permissions.md")).unwrap();
    let shown = text.split("```json\n").nth(1).unwrap().split("```").next().unwrap();
    let mut metadata = json!({
        "name": "Mail", "id": "com.acme.mail", "version": "1.0.0", "description": "Sends mail.", "author": "Acme",
        "entry_point": "mail::Mail",
        "actions": [{"name": "send", "description": "Sends it.", "parameters": []}],
    });
    let shown: Value = serde_json::from_str(shown).unwrap();
    metadata.as_object_mut().unwrap().extend(shown.as_object().unwrap().clone());
    let report = apex_meta::check(metadata.to_string().as_bytes());
    assert!(report.faults().is_empty() && report.warnings().is_empty(), "{report:#?}");
}
