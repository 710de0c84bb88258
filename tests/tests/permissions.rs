//! What a plugin may do is what the operator granted, and the kernel sees to it.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]
#![expect(clippy::print_stdout, reason = "what a kernel lets nobody test is said")]

#[path = "permissions/calls.rs"]
mod calls;
#[path = "permissions/degraded.rs"]
mod degraded;
#[path = "permissions/libraries.rs"]
mod libraries;
#[path = "permissions/owners.rs"]
mod owners;
#[path = "permissions/table.rs"]
mod table;

use std::path::Path;

use apex_plugins::{Builder, CallError, Grants, Owner, Placement, PluginManager};
use apex_plugins_tests::{Publisher, apex_host, package_changed};
use serde_json::{Value, json};

const PROBE: &str = "com.apexagent.examples.probe";

/// What is granted to the example publisher's plugins.
fn grants(granted: &[(&str, &[String])]) -> Grants {
    let mut grants = Grants::empty();
    for (id, permissions) in granted {
        for permission in *permissions {
            let owner = Owner::Publisher("examples".to_owned());
            grants.grant(id.parse().unwrap(), owner, permission.parse().unwrap());
        }
    }
    grants
}

fn owned(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

/// Lays the probe out so that it asks for these permissions.
fn lay_out(publisher: &Publisher, root: &Path, id: &str, asked: &[String], dependencies: &[&str]) {
    package_changed("probe", Some(publisher), root, |metadata| {
        metadata["id"] = json!(id);
        metadata["permissions_required"] = json!(asked);
        let plugins: Vec<_> = dependencies.iter().map(|id| json!({"id": id})).collect();
        metadata["dependencies"] = json!({ "plugins": plugins });
    });
}

/// A host whose children are confined as theirs are by default.
fn host(publisher: &Publisher, root: &Path) -> Builder {
    let trust = publisher.trusted(Placement::Process);
    PluginManager::builder().root(root).trust(trust).child_program(apex_host())
}

async fn call(plugins: &PluginManager, id: &str, action: &str, params: Value) -> Result<Value, CallError> {
    plugins.call(id, action).params(params).result().await
}
