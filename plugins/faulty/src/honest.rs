//! Actions that behave, so that a host can be seen to serve them while others do not.

use std::time::Duration;

use apex_plugin_sdk::{Chunks, Context, Reply, Result, futures::stream, reply, serde_json::json, tokio::time::sleep};

/// Answers with the number that came, after so many milliseconds.
pub(crate) async fn echo(context: &Context, number: u64, ms: u64) -> Result<Reply> {
    if ms > 0 {
        context.cancelled_or(sleep(Duration::from_millis(ms))).await?;
    }
    reply(number)
}

/// Sends so many chunks, each with the number that came and its own.
pub(crate) fn count(number: u64, chunks: u64) -> Chunks {
    Chunks::json(stream::iter((0..chunks).map(move |chunk| Ok(json!({"number": number, "chunk": chunk})))))
}
