//! A long task that tells how far it is, and stops when it is cancelled.
#![forbid(unsafe_code)]

use std::time::Duration;

use apex_plugin_sdk::{
    Context, Error, Host, Params, Plugin, Reply, Result, async_trait, export_plugin, reply, serde_json::json,
    tokio::time::sleep,
};

/// Works through steps.
pub struct ProgressDemo;

#[async_trait]
impl Plugin for ProgressDemo {
    async fn initialize(_: &Host) -> Result<Self> {
        Ok(Self)
    }

    async fn execute(&self, action: &str, params: Params, context: &Context) -> Result<Reply> {
        match action {
            "work" => work(params.get("steps")?, Duration::from_millis(params.get("step_ms")?), context).await,
            _ => Err(Error::action_not_found(action)),
        }
    }
}

async fn work(steps: u64, step: Duration, context: &Context) -> Result<Reply> {
    context.progress(0, steps, "starting");
    for number in 1..=steps {
        context.cancelled_or(sleep(step)).await.map_err(|cancelled| {
            let done = number - 1;
            context.info(&format!("cancelled after {done} of {steps} steps"));
            cancelled.with_details(json!({"steps_done": done}))
        })?;
        context.progress(number, steps, &format!("step {number} of {steps}"));
    }
    reply(json!({"steps_done": steps}))
}

export_plugin!(ProgressDemo);
