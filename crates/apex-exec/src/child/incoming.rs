//! What a child says, believed nothing but its form.

use std::{
    sync::{Arc, atomic::Ordering},
    task::Waker,
    thread,
};

use apex_abi::{AbiError, Chunk, PluginError};
use apex_meta::{CallContext, ErrorKind};
use apex_protocol::{ChunkForm, Decoder, HELLO_MAX_BODY, Hello, Message, ProtocolViolation, Speaker, Verdict};
use rustix::net::{RecvFlags, recv};

use super::{
    connection::Connection,
    slot::Fault,
    wire::{self, StateAnswer},
};
use crate::{Limits, call::Call, park::block_on};

/// After how many reads others have their turn.
const READS: usize = 16;

/// What a child said and was not understood yet.
pub(super) struct Incoming {
    decoder: Decoder,
    ours: Hello,
    was_greeted: bool,
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
        let max_body = u32::try_from(largest.saturating_add(1 << 20)).unwrap_or(u32::MAX);
        let decoder = Decoder::new(Speaker::Child, HELLO_MAX_BODY);
        Self { decoder, ours: Hello::new(max_body), was_greeted: false }
    }

    /// What the host says first.
    pub(super) fn hello(&self) -> &Hello {
        &self.ours
    }

    /// Reads what there is; whom it wakes is put into `wakers`.
    pub(super) fn read(&mut self, connection: &Arc<Connection>, wakers: &mut Vec<Waker>) -> Read {
        for _ in 0..READS {
            let space = self.decoder.space();
            let room = space.len();
            match recv(&connection.socket, space, RecvFlags::DONTWAIT) {
                Ok((0, _)) | Err(rustix::io::Errno::CONNRESET) => return Read::Closed,
                Ok((read, _)) => {
                    self.decoder.filled(read);
                    if let Err(violation) = self.understand(connection, wakers) {
                        return Read::Violation(format!("its process breaks the protocol: {violation}"));
                    }
                    if read < room {
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
        let said = |violation: ProtocolViolation| violation.to_string();
        while let Some(frame) = self.decoder.next_frame().map_err(said)? {
            let message = frame.message().map_err(said)?;
            if !self.was_greeted {
                let theirs = Hello::read(&message).map_err(said)?;
                let agreement = self.ours.agree(&theirs).map_err(|error| error.to_string())?;
                self.decoder.set_max_body(agreement.receive_max);
                connection.max_body.store(agreement.send_max, Ordering::SeqCst);
                self.was_greeted = true;
                wakers.extend(connection.greeting.answer(Ok(None)));
                continue;
            }
            let verdict = connection.judge(frame.number(), &message).map_err(said)?;
            hear(connection, frame.number(), &message, verdict == Verdict::Late, wakers);
        }
        Ok(())
    }
}

/// Takes a message that keeps the rules, perhaps about a call that is over.
fn hear(connection: &Arc<Connection>, number: u64, message: &Message<'_>, is_late: bool, wakers: &mut Vec<Waker>) {
    let slot = || if is_late { None } else { connection.slot(number) };
    match message {
        Message::Answer(value) => {
            let answer = Ok(value.map(|value| value.to_vec().into()));
            wakers.extend(connection.close(number).and_then(|slot| slot.answer(answer)));
        }
        Message::Failure(failure) => {
            let answer = Err(Fault::Told(wire::plugin_error(failure)));
            wakers.extend(connection.close(number).and_then(|slot| slot.answer(answer)));
        }
        Message::Chunk { form, bytes } => {
            wakers.extend(slot().and_then(|slot| slot.push([chunk(*form, bytes)])));
        }
        Message::Chunks(chunks) => {
            let chunks = chunks.iter().map(|(form, bytes)| chunk(form, bytes));
            wakers.extend(slot().and_then(|slot| slot.push(chunks)));
        }
        Message::Progress { percentage, message, details } => {
            if let Some(call) = slot().and_then(|slot| slot.call.clone()) {
                call.report(*percentage, (*message).to_owned(), details);
            }
        }
        Message::Log { level, target, message, fields } => {
            let slot = slot();
            let call = slot.as_ref().and_then(|slot| slot.call.as_deref());
            connection.desk.log(call, *level, target, message, fields);
        }
        Message::LoadState { call, scope } => {
            let Some(context) = context(connection, *call, is_late) else { return refuse(connection, number) };
            let state = connection.desk.load_state(scope, context);
            answer(connection, number, async move {
                let record = state.await.into_result()?.into_option();
                Ok(record.map(|record| (record.generation, record.data.into())))
            });
        }
        Message::SaveState { call, scope, expected, data } => {
            let Some(context) = context(connection, *call, is_late) else { return refuse(connection, number) };
            let saved = connection.desk.save_state(scope, context, *expected, data.to_vec().into());
            answer(connection, number, async move {
                saved.await.into_result().map(|generation| Some((generation, Vec::new())))
            });
        }
        Message::CallPlugin { call, plugin, action, params } => {
            let call = (!is_late).then(|| connection.slot(*call)?.call.clone()).flatten();
            let Some(call) = call else { return refuse(connection, number) };
            call_plugin(connection, number, &call, (plugin, action), params);
        }
        Message::ReadResource { path, .. } => {
            if is_late {
                return refuse(connection, number);
            }
            read_resource(connection, number, path);
        }
        // What holds a poll there is seen by its own leader; the rest was judged before.
        _ => {}
    }
}

fn chunk(form: ChunkForm, bytes: &[u8]) -> Chunk {
    match form {
        ChunkForm::Json => Chunk::Json(bytes.to_vec().into()),
        _ => Chunk::Bytes(bytes.to_vec().into()),
    }
}

/// On whose behalf a question is asked; none if its call is over.
fn context(connection: &Connection, call: u64, is_late: bool) -> Option<CallContext> {
    match call {
        0 => Some(CallContext::default()),
        _ if is_late => None,
        call => connection.slot(call)?.call.as_ref().map(|call| call.context.clone()),
    }
}

/// Answers a question that was asked on behalf of a call that is over.
fn refuse(connection: &Connection, number: u64) {
    fail(connection, number, PluginError::new(ErrorKind::Cancelled, "the call is over"));
}

fn fail(connection: &Connection, number: u64, error: PluginError) {
    let error = AbiError::from(error);
    connection.answer_question(number, ErrorKind::ResourceLimit, |line| wire::question_failed(line, &error));
}

/// Reads a file of the plugin's own, once there is room for the answer: what waits to be written is held by the host.
fn read_resource(connection: &Arc<Connection>, number: u64, path: &str) {
    let (waiting, to) = (Arc::clone(connection), Arc::clone(connection));
    let answer = move |read: Result<Vec<u8>, PluginError>| {
        let read = read.map_err(AbiError::from);
        to.answer_question(number, ErrorKind::ResourceLimit, |line| wire::resource(line, &read));
    };
    let may_go_on = move || waiting.outgoing.wait_for_room(|| waiting.fate().is_some());
    if let Err(error) = connection.desk.files.read_then(path, &connection.reader, may_go_on, answer) {
        fail(connection, number, error);
    }
}

/// Calls another plugin on a thread of its own: on one of few, calls that wait for each other could take all of them.
///
/// How many there can be is bounded by the questions that a child may have open.
fn call_plugin(
    connection: &Arc<Connection>,
    number: u64,
    call: &Arc<Call>,
    (plugin, action): (&str, &str),
    params: &[u8],
) {
    let called = connection.desk.call_plugin(call, plugin, action, params);
    let to = Arc::clone(connection);
    let work = move || {
        let result = block_on(called).into_result();
        to.answer_question(number, ErrorKind::ResourceLimit, |line| wire::called(line, &result));
    };
    if let Err(error) = thread::Builder::new().name("apex-call".to_owned()).spawn(work) {
        let message = "the system gives no thread for a call of another plugin";
        fail(connection, number, PluginError::new(ErrorKind::ResourceLimit, message).caused_by(&error));
    }
}

/// Answers a question about state, on a thread that may wait for it.
fn answer(connection: &Arc<Connection>, number: u64, state: impl Future<Output = StateAnswer> + Send + 'static) {
    let to = Arc::clone(connection);
    let work = move || {
        let state = block_on(state);
        to.answer_question(number, ErrorKind::StateTooLarge, |line| wire::state(line, &state));
    };
    if let Err(error) = connection.pool.run(work) {
        fail(connection, number, error);
    }
}
