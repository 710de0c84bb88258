//! Plugins in processes of their own: the same contract, and what a process may do that a thread may not.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

#[path = "children/breakers.rs"]
mod breakers;
#[path = "children/contract.rs"]
mod contract;
#[path = "children/deaths.rs"]
mod deaths;
#[path = "children/files.rs"]
mod files;
#[path = "children/turns.rs"]
mod turns;

use std::path::Path;

use apex_plugins::{Builder, FileStateStore, Placement, PluginManager};
use apex_plugins_tests::{Publisher, apex_host, package};

const GREETER: &str = "com.apexagent.examples.greeter";
const FAULTY: &str = "com.apexagent.examples.faulty";

/// A host with these plugins, which run in that placement.
fn builder(plugins: &[&str], directory: &Path, placement: Placement) -> Builder {
    let publisher = Publisher::new();
    let root = directory.join("plugins");
    for plugin in plugins {
        package(plugin, Some(&publisher), &root);
    }
    PluginManager::builder()
        .root(&root)
        .trust(publisher.trusted(placement))
        .child_program(apex_host())
        .state(FileStateStore::open(directory.join("states")).unwrap())
}
