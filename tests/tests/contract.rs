//! A library that was built under an older contract of the same major version loads, and does what it did.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]
#![expect(clippy::disallowed_methods, reason = "writes the sources of a throw-away crate")]

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use apex_package::{Build, Layout, publish};
use apex_plugins::{CallEvent, FileStateStore, PluginManager, meta::TARGET_TRIPLE};
use apex_plugins_tests::{Publisher, apex, copy_tree, target_directory, workspace_root};
use futures::StreamExt as _;
use serde_json::{Value, json};

const ID: &str = "com.apexagent.contract.one";

/// Builds the frozen library, with the versions of this workspace and without the network.
fn build(room: &Path) -> (PathBuf, PathBuf) {
    let (source, directory) = (workspace_root().join("tests/fixtures/contract_1"), room.join("contract_1"));
    copy_tree(&source, &directory);
    let workspace = fs::read_to_string(workspace_root().join("Cargo.toml")).unwrap();
    let profile = &workspace[workspace.find("[profile.dev]").unwrap()..workspace.find("[profile.release]").unwrap()];
    let cargo_toml = fs::read_to_string(directory.join("Cargo.toml")).unwrap();
    fs::write(directory.join("Cargo.toml"), format!("{cargo_toml}\n{profile}")).unwrap();
    fs::copy(workspace_root().join("Cargo.lock"), directory.join("Cargo.lock")).unwrap();
    let status = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--offline", "--target-dir"])
        .arg(target_directory())
        .current_dir(&directory)
        .status()
        .unwrap();
    assert!(status.success(), "the library of contract 1.0 does not build");
    let name = format!("{}contract_1{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
    (directory, target_directory().join("debug").join(name))
}

#[tokio::test]
async fn a_library_of_contract_1_0_loads_and_does_all_that_it_did() {
    let room = tempfile::tempdir().unwrap();
    let (directory, library) = build(room.path());
    let describer = apex();
    let cargo = Path::new(env!("CARGO"));
    let build =
        Build { cargo, crate_directory: &directory, profile: "dev", target_directory: None, describer: &describer };
    // It says nothing of what it is; what is written holds.
    let document = apex_package::manifest(&build, &library).unwrap();
    let mut layout = Layout::new(document).unwrap();
    layout.add_library(TARGET_TRIPLE, &library).unwrap();
    let publisher = Publisher::new();
    publish(&layout, &room.path().join("plugins"), Some(&publisher.key)).unwrap();
    let mut trust = apex_plugins::TrustStore::empty();
    trust.add_publisher("past", publisher.key.public_key(), &[ID], apex_plugins::Placement::InProcess).unwrap();
    let plugins = PluginManager::builder()
        .root(room.path().join("plugins"))
        .trust(trust)
        .state(FileStateStore::open(room.path().join("states")).unwrap())
        .build()
        .await
        .unwrap();
    let call = |action: &str| plugins.call(ID, action);
    assert_eq!(call("echo").params(json!({"text": "x"})).result().await.unwrap(), json!({"text": "x"}));
    assert_eq!(call("fail").result().await.unwrap_err().code(), "Execution");
    assert_eq!(call("total").result().await.unwrap(), 1);
    assert_eq!(call("total").result().await.unwrap(), 11);
    let events: Vec<_> = call("chunks").events().collect().await;
    assert!(
        matches!(&events[..], [CallEvent::Chunk(one), CallEvent::Bytes(_), CallEvent::Done(Value::Null)] if *one == 1),
        "{events:?}"
    );
    plugins.shutdown(std::time::Duration::from_secs(5)).await;
}
