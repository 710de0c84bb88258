//! Streams of JSON and of bytes: short ones, endless ones, and one that breaks.

use apex_plugin_sdk::{
    Error, Result, export_plugin,
    futures::{Stream, StreamExt, stream},
    plugin,
    tokio::time::{Duration, sleep},
};

/// Streams on demand.
#[derive(Default)]
pub struct StreamDemo;

#[plugin(id = "com.apexagent.examples.stream_demo")]
impl StreamDemo {
    /// Counts from 1 to n, or without end.
    #[action(read_only, idempotent)]
    #[example({"n": 3})]
    fn count(
        &self,
        /// Where to stop; without it, nobody but the caller ends it.
        n: Option<u64>,
        /// How long to wait before each chunk, in milliseconds.
        #[default]
        #[schemars(range(max = 60_000))]
        delay_ms: u64,
    ) -> impl Stream<Item = u64> {
        stream::iter(1..=n.unwrap_or(u64::MAX)).then(move |number| async move {
            if delay_ms > 0 {
                sleep(Duration::from_millis(delay_ms)).await;
            }
            number
        })
    }

    /// Sends chunks of bytes; each byte is the number of its chunk.
    #[action(read_only, idempotent, content_type = "application/octet-stream")]
    fn bytes(
        &self,
        /// How many chunks.
        #[default = 4]
        chunks: u8,
        /// How many bytes in a chunk.
        #[default = 16]
        #[schemars(range(min = 1, max = 1_048_576))]
        size: usize,
    ) -> impl Stream<Item = Vec<u8>> {
        stream::iter(1..=chunks).map(move |number| vec![number; size])
    }

    /// Counts to three, and fails.
    #[action(read_only, idempotent)]
    fn fail_midway(&self) -> impl Stream<Item = Result<u64>> {
        let failure = async { Err(Error::execution("failed on purpose after three chunks")) };
        stream::iter((1..=3).map(Ok)).chain(stream::once(failure))
    }
}

export_plugin!(StreamDemo);
