//! A host that lets only signed plugins in, and keeps all of them out of its own process.
//!
//! `... --example policy_and_child -- ROOT TRUST`
#![expect(clippy::print_stdout, reason = "an example talks to whoever started it")]

use std::{path::Path, time::Duration};

use apex_plugins::{Placement, PluginManager, Policy, TrustStore};
use serde_json::json;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // First thing, before there is any thread: this program also is the child process that a plugin runs in.
    apex_plugins::run_if_child();
    tokio::runtime::Runtime::new()?.block_on(host())
}

async fn host() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(root), Some(trust)) = (arguments.next(), arguments.next()) else {
        return Err("expected a root and a trust store".into());
    };
    let builder = PluginManager::builder().root(root).trust(TrustStore::load(Path::new(&trust))?);
    let plugins = builder.policy(Policy::strict()).isolation(Placement::Process).build().await?;
    for entry in plugins.catalogue().entries() {
        let reason = entry.reason().map(|reason| format!(" ({reason})")).unwrap_or_default();
        println!("{} is {}{reason}", entry.name().unwrap_or("?"), entry.status());
    }
    let call = plugins.call("com.apexagent.examples.greeter", "greet").params(json!({"name": "Ada"}));
    println!("{}", call.timeout(Duration::from_secs(60)).result().await?);
    plugins.shutdown(Duration::from_secs(5)).await;
    Ok(())
}
