//! A total that outlives the process.
#![forbid(unsafe_code)]

#[cfg(test)]
mod tests;

use apex_plugin_sdk::{
    Context, Error, Host, Params, Plugin, Reply, Result, StateScope, async_trait, export_plugin, reply,
};
use serde::{Deserialize, Serialize};

/// Counts; knows the step for calls that bring none.
pub struct Counter {
    step: i64,
}

/// The state.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Total {
    value: i64,
}

#[async_trait]
impl Plugin for Counter {
    async fn initialize(host: &Host) -> Result<Self> {
        Ok(Self { step: host.setting("step")?.unwrap_or(1) })
    }

    async fn execute(&self, action: &str, params: Params, context: &Context) -> Result<Reply> {
        match action {
            "add" => reply(add(params.optional("by")?.unwrap_or(self.step), context).await?),
            "get" => reply(context.load_state::<Total>().await?.unwrap_or_default().value),
            "reset" => reply(context.update_state(|total: &mut Total| std::mem::take(total).value).await?),
            _ => Err(Error::action_not_found(action)),
        }
    }
}

async fn add(by: i64, context: &Context) -> Result<i64> {
    let state = context.state(StateScope::Global);
    let total = state.try_update(|total: &mut Total| {
        let sum = total.value.checked_add(by);
        total.value = sum.ok_or_else(|| Error::execution(format!("{} + {by} is too much to count", total.value)))?;
        Ok(total.value)
    });
    total.await
}

export_plugin!(Counter);
