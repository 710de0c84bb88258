//! What a child says, believed nothing but its form.

use std::{sync::Arc, task::Waker};

use apex_abi::{Chunk, RResult};
use rustix::net::{RecvFlags, recv};

use super::{
    connection::Connection,
    frames::{self, Message},
    slot::Fault,
    wire,
};
use crate::{Limits, park::block_on};

/// How many bytes are read at once.
const READ: usize = 128 << 10;

/// After how many reads others have their turn.
const READS: usize = 16;

/// How many questions about state may be open at once.
const MAX_QUESTIONS: usize = 1024;

/// What a child said and was not understood yet.
pub(super) struct Incoming {
    bytes: Vec<u8>,
    max_frame: usize,
    questions: Arc<()>,
}

/// What reading came to.
pub(super) enum Read {
    /// There may be more later.
    Waiting,
    /// There is no more.
    Closed,
    /// The child does not keep the rules.
    Violation(String),
}

impl Incoming {
    pub(super) fn new(limits: &Limits) -> Self {
        let largest = limits.max_result_bytes.max(limits.max_chunk_bytes).max(limits.max_params_bytes);
        // Sizes of results and chunks are judged where the call is known; this bounds what is taken into memory.
        Self { bytes: Vec::new(), max_frame: largest.saturating_add(1 << 20), questions: Arc::new(()) }
    }

    /// Reads what there is; whom it wakes is put into `wakers`.
    pub(super) fn read(&mut self, connection: &Arc<Connection>, wakers: &mut Vec<Waker>) -> Read {
        for _ in 0..READS {
            let start = self.bytes.len();
            // A long frame is read in one go, once it is known to be allowed.
            let expected = frames::length(&self.bytes, self.max_frame).ok().flatten().unwrap_or(0);
            self.bytes.resize((start + READ).max(expected.min(start + 16 * READ)), 0);
            let space = self.bytes.len() - start;
            let received = recv(&connection.socket, &mut self.bytes[start..], RecvFlags::DONTWAIT);
            self.bytes.truncate(start + received.as_ref().map_or(0, |(read, _)| *read));
            match received {
                Ok((0, _)) | Err(rustix::io::Errno::CONNRESET) => return Read::Closed,
                Ok((read, _)) => {
                    if let Err(violation) = self.understand(connection, wakers) {
                        return Read::Violation(violation);
                    }
                    if read < space {
                        return Read::Waiting;
                    }
                }
                Err(rustix::io::Errno::INTR) => {}
                Err(rustix::io::Errno::AGAIN) => return Read::Waiting,
                Err(error) => return Read::Violation(format!("its process cannot be heard: {error}")),
            }
        }
        Read::Waiting
    }

    fn understand(&mut self, connection: &Arc<Connection>, wakers: &mut Vec<Waker>) -> Result<(), String> {
        let said = |malformed: frames::Malformed| format!("its process breaks the protocol: {}", malformed.0);
        let mut done = 0;
        while let Some(length) = frames::length(&self.bytes[done..], self.max_frame).map_err(said)? {
            let Some(frame) = self.bytes.get(done..done + length) else { break };
            let (number, message) = frames::read(frame).map_err(said)?;
            done += length;
            self.hear(connection, number, message, wakers)
                .map_err(|what| format!("its process breaks the protocol: {what}"))?;
        }
        self.bytes.drain(..done);
        self.bytes.shrink_to(4 * READ);
        Ok(())
    }

    fn hear(
        &self,
        connection: &Arc<Connection>,
        number: u64,
        message: Message,
        wakers: &mut Vec<Waker>,
    ) -> Result<(), &'static str> {
        match message {
            Message::Answer(answer) => {
                let answer = match answer {
                    Ok(bytes) => Ok(bytes.map(Into::into)),
                    Err(failure) => Err(Fault::Told(wire::plugin_error(failure))),
                };
                let slot = connection.close(number).ok_or("an answer to nothing that was asked")?;
                wakers.extend(slot.answer(answer));
            }
            Message::Chunk { is_json, bytes } => {
                let slot = connection.slot(number).ok_or("a chunk of nothing that was asked")?;
                let chunk = if is_json { Chunk::Json(bytes.into()) } else { Chunk::Bytes(bytes.into()) };
                wakers.extend(slot.push(chunk)?);
            }
            Message::Progress { percentage, message, details } => {
                // One that comes after the end is late, not wrong.
                if let Some(call) = connection.slot(number).and_then(|slot| slot.call.clone()) {
                    call.report(percentage, message, &details);
                }
            }
            Message::Log { level, target, message, fields } => {
                let slot = connection.slot(number);
                let call = slot.as_ref().and_then(|slot| slot.call.as_deref());
                connection.desk.log(call, level, &target, &message, &fields);
            }
            Message::LoadState { call, scope } => {
                let context = context(connection, call)?;
                let (desk, state) = (Arc::clone(&connection.desk), connection.desk.load_state(&scope, context));
                drop(desk);
                self.answer(connection, number, async move {
                    match state.await {
                        RResult::ROk(record) => {
                            Ok(record.into_option().map(|record| (record.generation, record.data.into())))
                        }
                        RResult::RErr(error) => Err(error),
                    }
                })?;
            }
            Message::SaveState { call, scope, expected, data } => {
                let context = context(connection, call)?;
                let saved = connection.desk.save_state(&scope, context, expected, data.into());
                self.answer(connection, number, async move {
                    saved.await.into_result().map(|generation| Some((generation, Vec::new())))
                })?;
            }
            _ => return Err("a message that only a host may send"),
        }
        Ok(())
    }

    /// Answers a question about state, on a thread that may wait for it.
    fn answer(
        &self,
        connection: &Arc<Connection>,
        number: u64,
        state: impl Future<Output = Result<Option<(u64, Vec<u8>)>, apex_abi::AbiError>> + Send + 'static,
    ) -> Result<(), &'static str> {
        if Arc::strong_count(&self.questions) > MAX_QUESTIONS {
            return Err("too many questions about state at once");
        }
        let (asked, to) = (Arc::clone(&self.questions), Arc::clone(connection));
        let work = move || {
            let state = block_on(state);
            to.say(|out| wire::state(out, number, state));
            drop(asked);
        };
        if let Err(error) = connection.pool.run(work) {
            connection.say(|out| wire::state(out, number, Err(error.into())));
        }
        Ok(())
    }
}

/// On whose behalf a question is asked; a call that is over is nobody's any more.
fn context(connection: &Connection, call: u64) -> Result<apex_meta::CallContext, &'static str> {
    if call == 0 {
        return Ok(apex_meta::CallContext::default());
    }
    let slot = connection.slot(call).ok_or("a question on behalf of no call")?;
    slot.call.as_ref().map(|call| call.context.clone()).ok_or("a question on behalf of what is no call")
}
