//! An agent's loop: actions become tools, the chosen one runs, and what comes of it is shown as it comes.
//!
//! In the place of a model, the command line chooses:
//! `... --example agent_loop -- ROOT TRUST com.apexagent.examples.stream_demo/count '{"n": 3}'`
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "an example talks to whoever started it")]

use std::path::Path;

use apex_plugins::{CallEvent, PluginManager, Status, TrustStore};
use futures::StreamExt as _;
use serde_json::{Value, json};

/// What a model is told: each action that is ready, with its parameters as JSON Schema.
fn tools(plugins: &PluginManager) -> Vec<Value> {
    let mut tools = Vec::new();
    for entry in plugins.catalogue().entries().iter().filter(|entry| entry.status() == Status::Ready) {
        let Some(manifest) = entry.manifest() else { continue };
        tools.extend(manifest.actions.iter().map(|action| {
            json!({
                "name": format!("{}/{}", manifest.id, action.name),
                "description": action.description,
                "parameters": action.parameters_object_schema(),
            })
        }));
    }
    tools
}

/// Runs a tool; what happens on the way is shown, and the model gets the result, or the error to learn from.
async fn run(plugins: &PluginManager, tool: &str, params: Value) -> Value {
    let Some((plugin, action)) = tool.split_once('/') else { return json!({"error": "no such tool"}) };
    let mut events = plugins.call(plugin, action).params(params).events();
    while let Some(event) = events.next().await {
        match event {
            CallEvent::Progress(progress) => eprintln!("... {}", progress.message.unwrap_or_default()),
            CallEvent::Chunk(chunk) => println!("{chunk}"),
            CallEvent::Done(result) => return result,
            CallEvent::Failed(error) => {
                return json!({"error": {"code": error.code(), "message": error.to_string(), "hint": error.hint()}});
            }
            _ => {}
        }
    }
    json!({"error": "the call ended without an answer"})
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [root, trust, tool, params] = &arguments[..] else {
        return Err("expected a root, a trust store, a tool and its parameters".into());
    };
    let plugins = PluginManager::builder().root(root).trust(TrustStore::load(Path::new(trust))?).build().await?;
    for tool in tools(&plugins) {
        eprintln!("tool {}: {}", tool["name"], tool["description"]);
    }
    println!("{}", run(&plugins, tool, serde_json::from_str(params)?).await);
    plugins.shutdown(std::time::Duration::from_secs(5)).await;
    Ok(())
}
