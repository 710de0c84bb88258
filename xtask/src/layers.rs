//! `cargo xtask layers`: no crate looks sideways or up.

use anyhow::{Context as _, bail};
use serde_json::Value;

use crate::workspace;

/// The picture of ARCHITECTURE.md: each library crate with the workspace crates that it may depend on.
///
/// Plugins, tests and benches stand outside the house; what they may use is checked separately.
const FLOORS: &[(&str, &[&str])] = &[
    ("apex-files", &[]),
    ("apex-meta", &[]),
    ("apex-trust", &["apex-meta", "apex-files"]),
    ("apex-audit", &["apex-meta"]),
    ("apex-discover", &["apex-meta", "apex-files"]),
    ("apex-resolve", &["apex-meta"]),
    ("apex-abi", &["apex-meta"]),
    ("apex-protocol", &["apex-meta"]),
    ("apex-state", &["apex-meta"]),
    ("apex-exec", &["apex-meta", "apex-abi", "apex-protocol", "apex-trust"]),
    ("apex-package", &["apex-meta", "apex-abi", "apex-trust"]),
    ("apex-install", &["apex-meta", "apex-files", "apex-trust", "apex-audit", "apex-resolve", "apex-package"]),
    ("apex-plugin-sdk-macros", &["apex-meta"]),
    ("apex-host", &["apex-meta", "apex-abi", "apex-protocol"]),
    ("apex-plugin-sdk", &["apex-meta", "apex-abi", "apex-plugin-sdk-macros"]),
    (
        "apex-plugins",
        &[
            "apex-files",
            "apex-meta",
            "apex-files",
            "apex-abi",
            "apex-trust",
            "apex-audit",
            "apex-discover",
            "apex-resolve",
            "apex-state",
            "apex-exec",
            "apex-host",
            "apex-install",
        ],
    ),
    ("apex-plugins-cli", &["apex-plugins", "apex-files", "apex-package"]),
    ("xtask", &["apex-meta", "apex-trust", "apex-package"]),
    ("apex-plugins-tests", &["apex-plugins", "apex-package"]),
];

/// What the author's side must never pull in, not even through others.
const PLUGIN_ALLOWED: &[&str] = &["apex-plugin-sdk", "apex-plugin-sdk-macros", "apex-abi", "apex-meta"];

pub(crate) fn run() -> anyhow::Result<()> {
    let metadata = workspace::metadata()?;
    let packages = metadata["packages"].as_array().context("cargo metadata lists no packages")?;
    let mut faults = Vec::new();
    for package in packages {
        check(package, &mut faults);
    }
    if !faults.is_empty() {
        bail!("the floors do not hold:\n  {}", faults.join("\n  "));
    }
    println!("layers: {} crates, every edge goes down", packages.len());
    Ok(())
}

fn check(package: &Value, faults: &mut Vec<String>) {
    let name = package["name"].as_str().unwrap_or_default();
    let is_plugin = package["manifest_path"].as_str().is_some_and(|path| path.contains("/plugins/"));
    let allowed = match FLOORS.iter().find(|(crate_name, _)| *crate_name == name) {
        Some((_, allowed)) => *allowed,
        None if is_plugin => PLUGIN_ALLOWED,
        None => {
            faults.push(format!("{name} stands on no floor: add it to ARCHITECTURE.md and xtask/src/layers.rs"));
            return;
        }
    };
    for dependency in package["dependencies"].as_array().into_iter().flatten() {
        let to = dependency["name"].as_str().unwrap_or_default();
        // Tests may stand on anything: they are not shipped.
        let is_ours = dependency["path"].is_string() && dependency["kind"].as_str() != Some("dev");
        if is_ours && !allowed.contains(&to) {
            faults.push(format!("{name} -> {to}: {name} may depend on {}", list(allowed)));
        }
    }
}

fn list(allowed: &[&str]) -> String {
    if allowed.is_empty() { "no crate of this workspace".to_owned() } else { allowed.join(", ") }
}
