//! Greets people, at once or after a while.

use apex_plugin_sdk::{export_plugin, plugin, tokio::time};
use schemars::JsonSchema;
use serde::Deserialize;

/// Greets people; its configuration is the greeting for calls that bring none.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Greeter {
    /// The greeting where a call gives none.
    #[serde(default = "hello")]
    #[schemars(length(min = 1))]
    greeting: String,
}

fn hello() -> String {
    "Hello".to_owned()
}

#[plugin(id = "com.apexagent.examples.greeter", configured)]
impl Greeter {
    /// Greets a person.
    #[action(read_only, idempotent)]
    #[example({"name": "Ada"} => "Hello, Ada!")]
    fn greet(
        &self,
        /// Who to greet.
        #[schemars(length(min = 1, max = 200))]
        name: String,
        /// The greeting; the configured one if there is none.
        #[schemars(length(min = 1, max = 200))]
        greeting: Option<String>,
    ) -> String {
        format!("{}, {name}!", greeting.as_ref().unwrap_or(&self.greeting))
    }

    /// Greets a person after some time.
    #[action(read_only, idempotent)]
    #[example({"name": "Ada", "delay_ms": 1} => "Hello, Ada!")]
    async fn greet_slowly(
        &self,
        /// Who to greet.
        #[schemars(length(min = 1, max = 200))]
        name: String,
        /// How long to wait first, in milliseconds.
        #[default = 50]
        #[schemars(range(max = 60_000))]
        delay_ms: u64,
    ) -> String {
        time::sleep(time::Duration::from_millis(delay_ms)).await;
        format!("{}, {name}!", self.greeting)
    }
}

export_plugin!(Greeter);
