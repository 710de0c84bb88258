//! A child's stream, pulled.
//!
//! To ask for each chunk alone would cost two wakes of a process for each. So the child may work ahead by a window, which
//! begins at one chunk and doubles as long as the consumer takes all that comes, up to a limit of chunks and of bytes:
//! who takes one chunk has no more than one made.

use std::task::{Context, Poll};

use apex_abi::{Chunk, PluginError};

use super::asking::Asked;
use crate::park;

/// The most chunks that a child may be ahead.
const MAX_WINDOW: u32 = 512;

/// The most bytes that a child should be ahead, judged by the chunks so far.
const MAX_AHEAD: usize = 1 << 20;

/// A child's stream.
pub(crate) struct Pull {
    asked: Asked,
    window: u32,
    /// How many chunks were asked for and have not come.
    due: u32,
    /// The average size of chunks, roughly.
    typical: usize,
}

impl Pull {
    pub(super) fn new(asked: Asked) -> Self {
        Self { asked, window: 0, due: 0, typical: 0 }
    }

    pub(crate) fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Chunk, PluginError>>> {
        if self.asked.is_answered {
            return Poll::Ready(None);
        }
        self.asked.pass_on_the_end();
        if self.due <= self.window / 2 {
            self.ask_for_more();
        }
        match self.asked.slot.poll_chunk(context) {
            Poll::Ready(Some(Ok(chunk))) => {
                let (Chunk::Json(bytes) | Chunk::Bytes(bytes)) = &chunk;
                self.typical = (self.typical * 7 + bytes.len()).div_ceil(8);
                self.due = self.due.saturating_sub(1);
                Poll::Ready(Some(Ok(chunk)))
            }
            Poll::Ready(end) => {
                self.asked.is_answered = true;
                Poll::Ready(end.map(|fault| fault.map_err(|fault| self.asked.failed(fault))))
            }
            Poll::Pending => {
                park::offer(|| std::sync::Arc::clone(&self.asked.connection) as _);
                Poll::Pending
            }
        }
    }

    fn ask_for_more(&mut self) {
        let by_bytes = u32::try_from(MAX_AHEAD / self.typical.max(1)).unwrap_or(MAX_WINDOW);
        self.window = (self.window * 2).clamp(1, MAX_WINDOW.min(by_bytes.max(1)));
        let more = self.window.saturating_sub(self.due);
        if more > 0 {
            self.due += more;
            self.asked.connection.grant(self.asked.slot.number, more);
        }
    }
}
