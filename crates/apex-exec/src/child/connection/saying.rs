//! What the host says to the process.

use std::sync::{Arc, PoisonError, atomic::Ordering};

use apex_abi::PluginError;
use apex_meta::ErrorKind;
use apex_protocol::TooLarge;

use super::{
    super::{
        outgoing::Flushed,
        reactor::Part,
        wire::{self, Line},
    },
    Connection,
};
use crate::park;

impl Connection {
    /// Says what the host takes.
    pub(super) fn greet(&self) {
        let incoming = self.incoming.lock().unwrap_or_else(PoisonError::into_inner);
        // A greeting without features is as small as it can be.
        let _ = self.outgoing.add(|out| incoming.hello().write(out));
        drop(incoming);
        self.flush();
    }

    /// Allows so many chunks more.
    pub(in crate::child) fn grant(&self, number: u64, chunks: u32) {
        self.slots().conversation.grant(number, chunks);
        // Small enough for any limit.
        let _ = self.say(number, |line| wire::credit(line, chunks));
    }

    /// Answers a question; `too_large` is the kind of the error if the answer is more than the child takes.
    pub(in crate::child) fn answer_question(
        &self,
        number: u64,
        too_large: ErrorKind,
        encode: impl FnOnce(Line<'_>) -> Result<(), TooLarge>,
    ) {
        if !self.slots().conversation.answer_question(number) {
            return;
        }
        if let Err(error) = self.say(number, encode) {
            let error = PluginError::new(too_large, error.to_string()).into();
            let _ = self.say(number, |line| wire::question_failed(line, &error));
        }
    }

    /// Says something to the child.
    ///
    /// # Errors
    /// It is larger than the child takes.
    pub(in crate::child) fn say(
        &self,
        number: u64,
        encode: impl FnOnce(Line<'_>) -> Result<(), TooLarge>,
    ) -> Result<(), TooLarge> {
        let said = self.put(number, encode);
        self.flush();
        said
    }

    /// Says something to the child, together with all else that is said to it while the present future is polled.
    ///
    /// # Errors
    /// It is larger than the child takes.
    pub(in crate::child) fn say_along(
        self: &Arc<Self>,
        number: u64,
        encode: impl FnOnce(Line<'_>) -> Result<(), TooLarge>,
    ) -> Result<(), TooLarge> {
        let said = self.put(number, encode);
        if !park::put_off(self) || self.outgoing.is_long() {
            self.flush();
        }
        said
    }

    /// Puts something behind what waits to be written.
    fn put(&self, number: u64, encode: impl FnOnce(Line<'_>) -> Result<(), TooLarge>) -> Result<(), TooLarge> {
        let max_body = self.max_body.load(Ordering::SeqCst);
        self.outgoing.add(|out| encode(Line { out, number, max_body }))
    }

    /// Writes what waits to be written.
    pub(in crate::child) fn flush(&self) {
        match self.outgoing.flush(&self.socket) {
            Ok(Flushed::Done) => {}
            Ok(Flushed::Full) => {
                if let Err(error) = self.reactor.arm(self.number, Part::Room, &self.room) {
                    self.break_off(self.lost(&error));
                }
            }
            // It is dead or dying; its end is told where that is seen.
            Err(_) => self.outgoing.give_up(),
        }
    }
}
