//! Streams of JSON and of bytes: short ones, an endless one, and one that breaks.
#![forbid(unsafe_code)]

use std::{sync::Arc, time::Duration};

use apex_plugin_sdk::{
    Chunks, Context, Error, ErrorKind, Host, Params, Plugin, Result, async_trait, export_plugin,
    futures::{Stream, StreamExt, stream},
    tokio::time::{interval, sleep},
};

/// Streams on demand.
pub struct StreamDemo;

#[async_trait]
impl Plugin for StreamDemo {
    async fn initialize(_: &Host) -> Result<Self> {
        Ok(Self)
    }

    async fn execute_stream(self: Arc<Self>, action: &str, params: Params, _: Context) -> Result<Chunks> {
        Ok(match action {
            "count" => Chunks::json(count(params.get("n")?, Duration::from_millis(params.get("delay_ms")?))),
            "bytes" => Chunks::bytes(bytes(params.get("chunks")?, params.get("size")?)),
            "fail_midway" => Chunks::json(fail_midway(params.get("after")?)),
            "ticks" => Chunks::json(ticks(Duration::from_millis(params.get("interval_ms")?))),
            _ => return Err(Error::action_not_found(action)),
        })
    }
}

fn count(n: u64, delay: Duration) -> impl Stream<Item = Result<u64>> {
    stream::iter(1..=n).then(move |number| async move {
        if !delay.is_zero() {
            sleep(delay).await;
        }
        Ok(number)
    })
}

fn bytes(chunks: u64, size: usize) -> impl Stream<Item = Result<Vec<u8>>> {
    // The number's lowest byte is what is wanted.
    stream::iter(1..=chunks).map(move |number| Ok(vec![number.to_le_bytes()[0]; size]))
}

fn fail_midway(after: u64) -> impl Stream<Item = Result<u64>> {
    let failure = Error::new(ErrorKind::Execution, format!("failed on purpose after {after} chunks"));
    stream::iter((1..=after).map(Ok)).chain(stream::once(async { Err(failure) }))
}

fn ticks(every: Duration) -> impl Stream<Item = Result<u64>> {
    stream::unfold((interval(every), 1), |(mut timer, number)| async move {
        timer.tick().await;
        Some((Ok(number), (timer, number + 1)))
    })
}

export_plugin!(StreamDemo);
