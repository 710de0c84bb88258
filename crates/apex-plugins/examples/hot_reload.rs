//! A host whose plugins change while it runs: after each line on standard input it looks again, and calls what is there.
//!
//! `... --example hot_reload -- ROOT TRUST`
#![expect(clippy::print_stdout, reason = "an example talks to whoever started it")]

use std::{io::BufRead as _, path::Path, time::Duration};

use apex_plugins::{PluginManager, TrustStore};
use serde_json::json;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(root), Some(trust)) = (arguments.next(), arguments.next()) else {
        return Err("expected a root and a trust store".into());
    };
    let plugins = PluginManager::builder().root(root).trust(TrustStore::load(Path::new(&trust))?).build().await?;
    for line in std::io::stdin().lock().lines() {
        let name = line?;
        // New calls go to what is there now; calls under way would end on the instance where they began.
        let catalogue = plugins.rescan().await?;
        let call = plugins.call("com.apexagent.examples.greeter", "greet").params(json!({"name": name}));
        match call.timeout(Duration::from_secs(30)).result().await {
            Ok(greeting) => println!("{}: {greeting}", catalogue.generation()),
            Err(error) => println!("{}: {error}", catalogue.generation()),
        }
    }
    plugins.shutdown(Duration::from_secs(5)).await;
    Ok(())
}
