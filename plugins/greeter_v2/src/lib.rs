//! The second major version of the greeter, in a package of its own so that both can be built at once.
#![forbid(unsafe_code)]

use std::time::Duration;

use apex_plugin_sdk::{
    Context, Error, Host, Params, Plugin, Reply, Result, async_trait, export_plugin, reply, tokio::time::sleep,
};

/// Greets people formally.
pub struct Greeter;

#[async_trait]
impl Plugin for Greeter {
    async fn initialize(_: &Host) -> Result<Self> {
        Ok(Self)
    }

    async fn execute(&self, action: &str, params: Params, _: &Context) -> Result<Reply> {
        match action {
            "greet" => {}
            "greet_slowly" => sleep(Duration::from_millis(params.get("delay_ms")?)).await,
            _ => return Err(Error::action_not_found(action)),
        }
        reply(format!("Good day to you, {}.", params.get::<&str>("name")?))
    }
}

export_plugin!(Greeter);
