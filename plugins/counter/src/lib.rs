//! A total that outlives the process.

use apex_plugin_sdk::{Context, Error, Result, StateScope, export_plugin, plugin};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Counts; its configuration is the step for calls that bring none.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Counter {
    /// What to add where a call does not say.
    #[serde(default = "one")]
    #[schemars(range(min = -1_000_000, max = 1_000_000))]
    step: i64,
}

fn one() -> i64 {
    1
}

/// The state.
#[derive(Default, Serialize, Deserialize)]
struct Total {
    value: i64,
}

#[plugin(id = "com.apexagent.examples.counter", state = Total, configured)]
impl Counter {
    /// Adds to the total, and returns it.
    #[action(idempotent = false)]
    #[example({"by": 5})]
    async fn add(
        &self,
        /// What to add; the configured step if there is none.
        by: Option<i64>,
        context: &Context,
    ) -> Result<i64> {
        let by = by.unwrap_or(self.step);
        let add = |Total { value }: &mut Total| {
            *value = value.checked_add(by).ok_or_else(|| Error::execution(format!("{value} + {by} is too much")))?;
            Ok(*value)
        };
        context.state(StateScope::Global).try_update(add).await
    }

    /// The total so far.
    #[action(read_only, idempotent)]
    async fn get(&self, context: &Context) -> Result<i64> {
        Ok(context.load_state::<Total>().await?.unwrap_or_default().value)
    }

    /// Sets the total back to nothing and returns what it was.
    #[action(destructive, idempotent)]
    async fn reset(&self, context: &Context) -> Result<i64> {
        context.update_state(|total: &mut Total| std::mem::take(total).value).await
    }
}

export_plugin!(Counter);
