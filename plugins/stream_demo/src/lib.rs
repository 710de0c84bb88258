//! Streams of JSON and of bytes: short ones, an endless one, and one that breaks.
#![forbid(unsafe_code)]

use std::time::Duration;

use apex_plugin_sdk::{
    Error, Result, export_plugin,
    futures::{Stream, StreamExt, stream},
    plugin,
    tokio::time::{interval, sleep},
};

/// Streams on demand.
#[derive(Default)]
pub struct StreamDemo;

#[plugin(id = "com.apexagent.examples.stream_demo")]
#[rustfmt::skip]
impl StreamDemo {
    /// Counts from 1 to n.
    #[action(read_only, idempotent)]
    #[example({"n": 3})]
    fn count(
        &self,
        /// Where to stop.
        #[default = 10] #[schemars(range(max = 10_000_000))] n: u64,
        /// How long to wait before each chunk, in milliseconds.
        #[default] #[schemars(range(max = 60_000))] delay_ms: u64,
    ) -> impl Stream<Item = u64> {
        stream::iter(1..=n).then(move |number| async move {
            if delay_ms > 0 { sleep(Duration::from_millis(delay_ms)).await; }
            number
        })
    }

    /// Sends chunks of bytes; each byte is the number of its chunk.
    #[action(read_only, idempotent, content_type = "application/octet-stream")]
    fn bytes(
        &self,
        /// How many chunks.
        #[default = 4] #[schemars(range(max = 1_000_000))] chunks: u64,
        /// How many bytes in a chunk.
        #[default = 16] #[schemars(range(min = 1, max = 1_048_576))] size: usize,
    ) -> impl Stream<Item = Vec<u8>> {
        // The number's lowest byte is what is wanted.
        stream::iter(1..=chunks).map(move |number| vec![number.to_le_bytes()[0]; size])
    }

    /// Counts, and fails after some chunks.
    #[action(read_only, idempotent)]
    fn fail_midway(
        &self,
        /// How many chunks come before the error.
        #[default = 3] #[schemars(range(max = 1_000_000))] after: u64,
    ) -> impl Stream<Item = Result<u64>> {
        let failure = Error::execution(format!("failed on purpose after {after} chunks"));
        stream::iter((1..=after).map(Ok)).chain(stream::once(async { Err(failure) }))
    }

    /// Sends the number of each tick, without end.
    #[action(read_only, idempotent)]
    fn ticks(
        &self,
        /// The time between two ticks, in milliseconds.
        #[default = 100] #[schemars(range(min = 1, max = 60_000))] interval_ms: u64,
    ) -> impl Stream<Item = u64> {
        stream::unfold((interval(Duration::from_millis(interval_ms)), 1), |(mut timer, number)| async move {
            timer.tick().await;
            Some((number, (timer, number + 1)))
        })
    }
}

export_plugin!(StreamDemo);
