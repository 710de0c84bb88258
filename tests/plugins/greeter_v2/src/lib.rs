//! The second major version of the greeter, in a package of its own so that both can be built at once.

use std::time::Duration;

use apex_plugin_sdk::{export_plugin, plugin, tokio::time::sleep};

/// Greets people formally.
#[derive(Default)]
pub struct Greeter;

#[plugin(id = "com.apexagent.examples.greeter")]
impl Greeter {
    /// Greets a person formally.
    #[action(read_only, idempotent)]
    #[example({"name": "Ada"} => "Good day to you, Ada.")]
    fn greet(
        &self,
        /// Who to greet.
        #[schemars(length(min = 1, max = 200))]
        name: String,
    ) -> String {
        format!("Good day to you, {name}.")
    }

    /// Greets a person formally after some time.
    #[action(read_only, idempotent)]
    #[example({"name": "Ada", "delay_ms": 1} => "Good day to you, Ada.")]
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
        sleep(Duration::from_millis(delay_ms)).await;
        self.greet(name)
    }
}

export_plugin!(Greeter);
