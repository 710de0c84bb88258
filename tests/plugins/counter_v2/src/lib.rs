//! The counter's second major version: it counts its additions too, brings older totals along, and knows when it is ill.

use apex_plugin_sdk::{
    Context, Error, Result, export_plugin, plugin,
    serde_json::{Value, from_value},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Counts upwards only, and how often.
#[derive(Default)]
pub struct Counter;

/// The state, and what is told of it.
#[derive(Default, Clone, Serialize, Deserialize, JsonSchema)]
struct Count {
    /// The total so far.
    total: i64,
    /// How often something was added, as far as that is known.
    additions: u64,
}

/// The state of version 1.
#[derive(Deserialize)]
struct Total {
    value: i64,
}

#[plugin(id = "com.apexagent.examples.counter", state = Count)]
impl Counter {
    /// Adds to the total, and returns it.
    #[action(idempotent = false)]
    #[example({"by": 5})]
    async fn add(
        &self,
        /// What to add.
        #[schemars(range(min = 0, max = 1_000_000))]
        by: i64,
        context: &Context,
    ) -> Result<i64> {
        let add = |count: &mut Count| {
            count.total = count.total.saturating_add(by);
            count.additions += 1;
            count.total
        };
        context.update_state(add).await
    }

    /// The total so far, and how often something was added to it.
    #[action(read_only, idempotent)]
    async fn get(&self, context: &Context) -> Result<Count> {
        Ok(context.load_state().await?.unwrap_or_default())
    }

    /// What is counted, as the variable COUNTER_UNIT says, if this plugin may see it.
    #[action(read_only, idempotent)]
    fn unit(&self) -> Option<String> {
        std::env::var("COUNTER_UNIT").ok()
    }

    /// Fails if the total is below nothing, which this version never counts to.
    #[action(read_only, idempotent)]
    async fn health_check(&self, context: &Context) -> Result<()> {
        match context.load_state::<Count>().await?.unwrap_or_default().total {
            total if total < 0 => Err(Error::execution(format!("the total is {total}; add to it first"))),
            _ => Ok(()),
        }
    }

    #[migrate]
    fn migrate(from: &str, state: Value) -> Result<Option<Count>> {
        let total = |Total { value: total }| Count { total, additions: 0 };
        Ok(if from.starts_with("1.") { Some(total(from_value(state)?)) } else { None })
    }
}

export_plugin!(Counter);
