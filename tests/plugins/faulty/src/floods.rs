//! More than anybody asked for: output, progress, chunks, log lines.

use std::io::Write as _;

use apex_plugin_sdk::{
    Chunk, Chunks, Context, Reply, Result,
    futures::{StreamExt as _, stream},
    reply,
    serde_json::json,
};

use crate::observed::Producer;

/// Writes so many bytes to standard output, or to standard error, past every logger.
pub(crate) fn output(bytes: u64, to_stderr: bool) -> Result<Reply> {
    const LINE: &[u8] = b"a line of a flood that nobody asked for, 64 bytes long with its end\n";
    let mut left = usize::try_from(bytes).unwrap_or(usize::MAX);
    while left > 0 {
        let line = &LINE[..LINE.len().min(left)];
        match to_stderr {
            true => std::io::stderr().write_all(line)?,
            false => std::io::stdout().write_all(line)?,
        }
        left -= line.len();
    }
    std::io::stdout().flush()?;
    reply(bytes)
}

pub(crate) fn progress(context: &Context, count: u64) -> Result<Reply> {
    for number in 1..=count {
        context.progress(number, count, "flooding");
    }
    reply(count)
}

pub(crate) fn log(context: &Context, count: u64, bytes: usize) -> Result<Reply> {
    let message = "l".repeat(bytes);
    for _ in 0..count {
        context.info(&message);
    }
    reply(count)
}

/// Sends so many chunks of so many bytes as fast as they are pulled.
pub(crate) fn chunks(producer: Producer, count: u64, bytes: usize) -> Chunks {
    Chunks::new(stream::iter(1..=count).map(move |_| {
        producer.pull();
        Ok(Chunk::bytes(vec![b'c'; bytes]))
    }))
}

/// Sends one chunk of so many bytes.
pub(crate) fn big_chunk(bytes: usize) -> Chunks {
    Chunks::new(stream::iter([Chunk::json(&json!("x".repeat(bytes)))]))
}
