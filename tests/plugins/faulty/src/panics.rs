//! Panics, in every place where code of a plugin runs.

use apex_plugin_sdk::{
    Chunk, Chunks, Error, Reply, Result,
    futures::{StreamExt, stream},
    reply,
};

use crate::observed::Producer;

/// Panics when it is dropped.
pub(crate) struct Grenade(pub(crate) &'static str);

impl Drop for Grenade {
    fn drop(&mut self) {
        // A second panic while unwinding would end the process, which nobody could prevent.
        if !std::thread::panicking() {
            panic!("{}", self.0);
        }
    }
}

pub(crate) fn panic() -> ! {
    panic!("on purpose")
}

pub(crate) fn payload() -> ! {
    std::panic::panic_any(Grenade("in the drop of the payload, on purpose"))
}

pub(crate) fn in_drop() -> Result<Reply> {
    let _held = Grenade("in a drop, on purpose");
    reply("an answer that never arrives")
}

pub(crate) async fn when_given_up(producer: Producer) -> Result<Reply> {
    let _held = (Grenade("in the drop of a call that was given up, on purpose"), producer);
    std::future::pending().await
}

pub(crate) fn in_thread() -> Result<Reply> {
    let thread = std::thread::spawn(|| panic!("in a thread, on purpose"));
    match thread.join() {
        Ok(()) => Err(Error::execution("the thread did not panic")),
        Err(_) => reply("the thread panicked"),
    }
}

pub(crate) fn in_stream() -> Chunks {
    Chunks::json(stream::iter(1..).map(|number| match number {
        3 => panic!("in a stream, on purpose"),
        number => Ok(number),
    }))
}

pub(crate) fn in_stream_drop(endless: bool) -> Chunks {
    let held = Grenade("in the drop of a stream, on purpose");
    let rest = if endless { stream::pending().left_stream() } else { stream::empty().right_stream() };
    let first = stream::once(async { Chunk::json(&1) });
    Chunks::new(first.chain(rest).map(move |chunk| {
        let _held = &held;
        chunk
    }))
}
