//! Greets people, at once or after a while.
#![forbid(unsafe_code)]

use std::time::Duration;

use apex_plugin_sdk::{
    Context, Error, Host, Params, Plugin, Reply, Result, async_trait, export_plugin, reply, tokio::time::sleep,
};

/// Greets people; knows the greeting for calls that bring none.
pub struct Greeter {
    greeting: String,
}

#[async_trait]
impl Plugin for Greeter {
    async fn initialize(host: &Host) -> Result<Self> {
        Ok(Self { greeting: host.setting("greeting")?.unwrap_or_else(|| "Hello".to_owned()) })
    }

    async fn execute(&self, action: &str, params: Params, _: &Context) -> Result<Reply> {
        match action {
            "greet" => {
                let greeting = params.optional("greeting")?.unwrap_or(self.greeting.as_str());
                reply(format!("{greeting}, {}!", params.get::<&str>("name")?))
            }
            "greet_slowly" => {
                sleep(Duration::from_millis(params.get("delay_ms")?)).await;
                reply(format!("{}, {}!", self.greeting, params.get::<&str>("name")?))
            }
            _ => Err(Error::action_not_found(action)),
        }
    }
}

export_plugin!(Greeter);
