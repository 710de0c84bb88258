//! A stream of the plugin, passed on chunk by chunk, small ones together.

use std::{
    future::poll_fn,
    pin::Pin,
    task::{Context, Poll},
};

use apex_abi::{Chunk, Chunks, PluginError};
use apex_protocol::{ChunkForm, Message, Pack, TooLarge};
use futures::Stream as _;

use super::{Child, lock, run::too_large};
use crate::{call::Call, leader::Leader};

/// How many chunks a stream may make before others have their turn.
const CHUNKS_A_TURN: usize = 64;

/// A chunk from this size on goes in a frame of its own, which costs little beside it.
const LARGE: usize = 2 << 10;

/// What a chunk takes in a frame besides itself: its form and its length.
const BESIDES: usize = 5;

impl Child {
    /// Says what the stream makes, as far as the host wants it.
    ///
    /// Small chunks that are there one after the other go in one frame; none waits for one that is not there yet.
    pub(super) async fn pass_on(&self, call: &Call, mut chunks: Chunks) -> Result<(), PluginError> {
        let mut made = 0;
        loop {
            poll_fn(|context| self.or_say_chunks(call, call.poll_credit(context))).await;
            let mut next = |context: &mut Context<'_>| Pin::new(&mut chunks).poll_next(context);
            let Some(chunk) = poll_fn(|context| self.or_say_chunks(call, next(context))).await else {
                self.say_chunks(call);
                return Ok(());
            };
            let chunk = chunk.inspect_err(|_| self.say_chunks(call))?;
            let (form, bytes) = form_and_bytes(&chunk);
            if self.may_wait(bytes) {
                lock(&call.chunks).push(chunk);
            } else {
                self.say_chunks(call);
                self.say(call.number, &Message::Chunk { form, bytes }).map_err(too_large)?;
            }
            made += 1;
            if made % CHUNKS_A_TURN == 0 || self.leader.outgoing.is_long() {
                self.say_chunks(call);
                yield_once().await;
            }
        }
    }

    /// Whether a chunk may be said together with others: one that is made where the leader polls is not sent before the
    /// poll ends, and one that is made elsewhere may have to wait long for the next one.
    fn may_wait(&self, bytes: &[u8]) -> bool {
        Leader::is_this_thread() && bytes.len() < LARGE && bytes.len() + BESIDES <= self.max_body() as usize
    }

    /// While there is nothing more to do, what was made is said.
    fn or_say_chunks<T>(&self, call: &Call, polled: Poll<T>) -> Poll<T> {
        if polled.is_pending() {
            self.say_chunks(call);
        }
        polled
    }

    /// Says the small chunks of a call that were made and not said yet, before anything else is said of it.
    pub(crate) fn say_chunks(&self, call: &Call) {
        // Held while they are said: what another thread says of the call comes after them.
        let mut chunks = lock(&call.chunks);
        let said = match chunks.as_slice() {
            [] => return,
            [chunk] => {
                let (form, bytes) = form_and_bytes(chunk);
                self.say(call.number, &Message::Chunk { form, bytes })
            }
            several => self.say_with(|out, max_body| write_packed(several, out, call.number, max_body)),
        };
        // Each of them fits into a frame, or it would not have waited.
        let _ = said;
        chunks.clear();
    }
}

/// Writes chunks into as few frames as they fit in.
fn write_packed(chunks: &[Chunk], out: &mut Vec<u8>, number: u64, max_body: u32) -> Result<(), TooLarge> {
    let mut chunks = chunks.iter().map(form_and_bytes);
    let mut next = chunks.next();
    while let Some((form, bytes)) = next {
        let mut pack = Pack::begin(out, number, max_body);
        pack.push(form, bytes)?;
        next = chunks.find(|(form, bytes)| pack.push(*form, bytes).is_err());
    }
    Ok(())
}

fn form_and_bytes(chunk: &Chunk) -> (ChunkForm, &[u8]) {
    match chunk {
        Chunk::Json(bytes) => (ChunkForm::Json, bytes),
        Chunk::Bytes(bytes) => (ChunkForm::Bytes, bytes),
    }
}

/// Lets others have their turn.
async fn yield_once() {
    let mut has_yielded = false;
    poll_fn(|context| {
        if std::mem::replace(&mut has_yielded, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
