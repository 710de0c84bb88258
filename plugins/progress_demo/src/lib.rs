//! A long task that tells how far it is, and stops when it is cancelled.

use std::time::Duration;

use apex_plugin_sdk::{Context, Result, export_plugin, plugin, serde_json::json, tokio::time::sleep};
use schemars::JsonSchema;
use serde::Serialize;

/// Works through steps.
#[derive(Default)]
pub struct ProgressDemo;

#[derive(Serialize, JsonSchema)]
struct Done {
    steps_done: u64,
}

#[plugin(id = "com.apexagent.examples.progress_demo")]
impl ProgressDemo {
    /// Works through so many steps, each of which takes its time.
    #[action(read_only, idempotent, progress)]
    #[example({"steps": 3, "step_ms": 1} => {"steps_done": 3})]
    async fn work(
        &self,
        /// How many steps.
        #[default = 10]
        #[schemars(range(min = 1, max = 100_000))]
        steps: u64,
        /// How long a step takes, in milliseconds.
        #[default = 100]
        #[schemars(range(max = 60_000))]
        step_ms: u64,
        context: &Context,
    ) -> Result<Done> {
        context.progress(0, steps, "starting");
        for number in 1..=steps {
            context.cancelled_or(sleep(Duration::from_millis(step_ms))).await.map_err(|cancelled| {
                let done = number - 1;
                context.info(&format!("cancelled after {done} of {steps} steps"));
                cancelled.with_details(json!({"steps_done": done}))
            })?;
            context.progress(number, steps, &format!("step {number} of {steps}"));
        }
        Ok(Done { steps_done: steps })
    }
}

export_plugin!(ProgressDemo);
