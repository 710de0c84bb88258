//! What the host says to a child, as frames.

use std::{sync::Arc, time::Instant};

use apex_abi::{AbiError, PluginError, RString, RVec};
use apex_protocol::{Failure, Message, TooLarge};

use crate::{CallError, call::Call, loader::LoadedParts};

/// Where a message goes: after what waits to be written, about something of that number, within the child's limit.
pub(super) struct Line<'o> {
    pub(super) out: &'o mut Vec<u8>,
    pub(super) number: u64,
    pub(super) max_body: u32,
}

impl Line<'_> {
    fn write(self, message: &Message<'_>) -> Result<(), TooLarge> {
        message.write(self.out, self.number, self.max_body)
    }
}

pub(super) fn start(line: Line<'_>, parts: &LoadedParts, configuration: &[u8], log_level: u8) -> Result<(), TooLarge> {
    let entry_point = parts.document.manifest().entry_point.as_str();
    line.write(&Message::Start { entry_point, log_level, configuration })
}

pub(super) fn call(line: Line<'_>, call: &Arc<Call>, params: &[u8], is_stream: bool) -> Result<(), TooLarge> {
    // A context always serializes; nothing is the honest answer should that ever change.
    let context = serde_json::to_vec(&call.context).unwrap_or_default();
    let is_blocking = call.actions.get(call.action).blocking;
    let remaining = call.deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()).as_millis());
    let remaining_ms = remaining.map(|remaining| u64::try_from(remaining).unwrap_or(u64::MAX));
    let (action, context) = (call.action_name(), context.as_slice());
    line.write(&Message::Call { action, is_stream, is_blocking, remaining_ms, context, params })
}

pub(super) fn cancel(line: Line<'_>) -> Result<(), TooLarge> {
    line.write(&Message::Cancel)
}

pub(super) fn abort(line: Line<'_>) -> Result<(), TooLarge> {
    line.write(&Message::Abort)
}

pub(super) fn credit(line: Line<'_>, chunks: u32) -> Result<(), TooLarge> {
    line.write(&Message::Credit { chunks })
}

pub(super) fn migrate_state(line: Line<'_>, from: &str, state: &[u8]) -> Result<(), TooLarge> {
    line.write(&Message::Migrate { from, state })
}

pub(super) fn shut_down(line: Line<'_>) -> Result<(), TooLarge> {
    line.write(&Message::Shutdown)
}

/// The answer to a question about state: a generation and data, nothing, or an error.
pub(super) type StateAnswer = Result<Option<(u64, Vec<u8>)>, AbiError>;

pub(super) fn state(line: Line<'_>, state: &StateAnswer) -> Result<(), TooLarge> {
    match state {
        Ok(record) => {
            let record = record.as_ref().map(|(generation, data)| (*generation, data.as_slice()));
            line.write(&Message::State { record })
        }
        Err(error) => question_failed(line, error),
    }
}

/// The answer to a call of another plugin: its result as JSON, or an error.
pub(super) fn called(line: Line<'_>, result: &Result<RVec<u8>, AbiError>) -> Result<(), TooLarge> {
    match result {
        Ok(result) => line.write(&Message::Called(result)),
        Err(error) => question_failed(line, error),
    }
}

/// The answer to reading a file: its bytes, or an error.
pub(super) fn resource(line: Line<'_>, read: &Result<Vec<u8>, AbiError>) -> Result<(), TooLarge> {
    match read {
        Ok(bytes) => line.write(&Message::Resource(bytes)),
        Err(error) => question_failed(line, error),
    }
}

pub(super) fn question_failed(line: Line<'_>, error: &AbiError) -> Result<(), TooLarge> {
    let causes = error.causes.iter().map(RString::as_str).collect();
    let (message, details) = (error.message.as_str(), error.details.as_slice());
    line.write(&Message::StateFailure(Failure { kind: error.kind, message, details, causes }))
}

/// What the plugin in a child says that it failed with.
pub(super) fn plugin_error(failure: &Failure<'_>) -> PluginError {
    let causes = failure.causes.iter().map(|cause| RString::from(*cause)).collect();
    let (message, details) = (failure.message.into(), failure.details.to_vec().into());
    AbiError { kind: failure.kind, message, details, causes }.into()
}

/// The error of a call whose parameters the child does not take.
pub(super) fn too_large(call: &Call, error: &TooLarge) -> CallError {
    let error_of_call = call.desk.subject.error(apex_meta::ErrorKind::ResourceLimit, error.to_string());
    error_of_call.with_hint(error.hint())
}
