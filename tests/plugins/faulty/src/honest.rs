//! Actions that behave, so that a host can be seen to serve them while others do not.

use std::time::Duration;

use apex_plugin_sdk::{
    Chunks, Context, Reply, Result, blocking,
    futures::stream,
    reply,
    serde_json::json,
    tokio::{self, time::sleep},
    tracing::{self, Instrument as _},
};

/// Answers with the number that came, after so many milliseconds.
pub(crate) async fn echo(context: &Context, number: u64, ms: u64) -> Result<Reply> {
    if ms > 0 {
        context.cancelled_or(sleep(Duration::from_millis(ms))).await?;
    }
    reply(number)
}

/// Tells each of its steps.
pub(crate) async fn work(context: &Context, steps: u64) -> Result<Reply> {
    for step in 1..=steps {
        tokio::task::yield_now().await;
        context.progress(step, steps, "working");
    }
    reply(steps)
}

/// Adds to a total that outlives the plugin.
pub(crate) async fn add(context: &Context, by: i64) -> Result<Reply> {
    reply(context.update_state(|total: &mut i64| std::mem::replace(total, *total + by) + by).await?)
}

/// Reads a file of its own: how long it is, and its text if it is one.
pub(crate) async fn resource(context: &Context, path: String) -> Result<Reply> {
    let bytes = context.resource(&path).await?;
    reply(json!({"length": bytes.len(), "text": String::from_utf8(bytes).ok().filter(|text| text.len() < 100)}))
}

/// Logs by `tracing`, within spans and on a thread of its own.
pub(crate) async fn trace(context: &Context, text: String) -> Result<Reply> {
    let inner = async {
        tokio::task::yield_now().await;
        tracing::info!(length = text.len(), "{text}");
        tracing::debug!("for those who look closely");
    };
    inner.instrument(tracing::info_span!("honest", kind = "span")).await;
    let of_thread = text.clone();
    blocking(move || tracing::warn!("{of_thread} from a thread")).await?;
    context.info("not by tracing");
    reply(text.len())
}

/// Sends so many chunks, each with the number that came and its own.
pub(crate) fn count(number: u64, chunks: u64) -> Chunks {
    Chunks::json(stream::iter((0..chunks).map(move |chunk| Ok(json!({"number": number, "chunk": chunk})))))
}
