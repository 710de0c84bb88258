//! Actions that take too long, or for ever.

use std::{
    thread,
    time::{Duration, Instant},
};

use apex_plugin_sdk::{
    Chunks, Context, Reply, Result,
    futures::{StreamExt, stream},
    reply, tokio,
};

use crate::observed::Producer;

pub(crate) fn block(_producer: &Producer) -> Result<Reply> {
    park()
}

pub(crate) fn park() -> ! {
    loop {
        thread::park();
    }
}

pub(crate) fn block_for(_producer: &Producer, ms: u64) -> Result<Reply> {
    thread::sleep(Duration::from_millis(ms));
    reply("awake")
}

pub(crate) fn spin(_producer: &Producer, ms: u64) -> Result<Reply> {
    let start = Instant::now();
    while start.elapsed() < Duration::from_millis(ms) {
        std::hint::spin_loop();
    }
    reply("dizzy")
}

/// Keeps its thread busy and never looks up; asked of the thread of an asynchronous action, it never yields.
pub(crate) fn spin_for_ever(_producer: &Producer) -> ! {
    loop {
        std::hint::spin_loop();
    }
}

/// Keeps its worker busy, but lets others have a turn.
pub(crate) async fn yield_for_ever(_producer: Producer) -> Result<Reply> {
    loop {
        tokio::task::yield_now().await;
    }
}

pub(crate) async fn never(_producer: Producer) -> Result<Reply> {
    std::future::pending().await
}

pub(crate) async fn wait(_producer: Producer, context: &Context) -> Result<Reply> {
    context.cancelled_or(std::future::pending::<()>()).await?;
    reply(())
}

pub(crate) fn stall(producer: Producer) -> Chunks {
    Chunks::json(stream::unfold((producer, 1), |(producer, number)| async move {
        producer.pull();
        if number > 1 {
            std::future::pending::<()>().await;
        }
        Some((Ok(number), (producer, number + 1)))
    }))
}

pub(crate) fn ticks(producer: Producer) -> Chunks {
    Chunks::json(stream::iter(1_u64..).map(move |number| {
        producer.pull();
        Ok(number)
    }))
}
