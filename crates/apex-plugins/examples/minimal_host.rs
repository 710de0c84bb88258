//! A minimal host: one root, one trust store, one call.
//!
//! `cargo run -p apex-plugins --example minimal_host -- target/demo/plugins target/demo/trust.json`
#![expect(clippy::print_stdout, reason = "an example talks to whoever started it")]

use std::{path::Path, time::Duration};

use apex_plugins::{PluginManager, TrustStore};
use serde_json::json;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(root), Some(trust)) = (arguments.next(), arguments.next()) else {
        return Err("expected a root and a trust store".into());
    };
    let plugins = PluginManager::builder().root(root).trust(TrustStore::load(Path::new(&trust))?).build().await?;
    let call = plugins.call("com.apexagent.examples.greeter@^1", "greet").params(json!({"name": "Ada"}));
    println!("{}", call.timeout(Duration::from_secs(30)).result().await?);
    plugins.shutdown(Duration::from_secs(5)).await;
    Ok(())
}
