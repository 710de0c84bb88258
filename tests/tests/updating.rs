//! Updates and rollbacks in a host that is in use (R5.2 to R5.6, R5.8, R7.6): code and state together, nothing lost.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

#[path = "updating/failing.rs"]
mod failing;
#[path = "updating/load.rs"]
mod load;
#[path = "updating/policies.rs"]
mod policies;
#[path = "updating/probation.rs"]
mod probation;
#[path = "updating/together.rs"]
mod together;
#[path = "updating/unsigned.rs"]
mod unsigned;

use std::time::Duration;

use apex_plugins::{ErrorKind, PluginId, PluginManager, UpdateOptions, install::Consent};
use serde_json::{Value, json};

const COUNTER: &str = "com.apexagent.examples.counter";
const FAULTY: &str = "com.apexagent.examples.faulty";

/// Longer than anything here may take, on a machine that has much else to do.
const PATIENCE: Duration = Duration::from_secs(60);

fn id(plugin: &str) -> PluginId {
    plugin.parse().unwrap()
}

/// Everything agreed to, and all the time for calls to end.
fn agreed() -> UpdateOptions {
    UpdateOptions { consent: Consent::to_all(), drain: PATIENCE, ..UpdateOptions::default() }
}

async fn call(plugins: &PluginManager, plugin: &str, action: &str, params: Value) -> Result<Value, ErrorKind> {
    let call = plugins.call(plugin, action).params(params).timeout(PATIENCE);
    call.result().await.map_err(|error| error.kind())
}

async fn add(plugins: &PluginManager, by: i64) -> i64 {
    call(plugins, COUNTER, "add", json!({"by": by})).await.unwrap().as_i64().unwrap()
}

async fn get(plugins: &PluginManager) -> Value {
    call(plugins, COUNTER, "get", json!({})).await.unwrap()
}

/// The version that is active.
fn active(plugins: &PluginManager, plugin: &str) -> String {
    plugins.select(&id(plugin).into()).unwrap().version.to_string()
}
