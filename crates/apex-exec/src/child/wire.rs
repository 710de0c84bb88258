//! What the host says to a child, as frames.

use std::{sync::Arc, time::Instant};

use apex_abi::{AbiError, PluginError};

use super::frames::{self, Failure, Message};
use crate::{call::Call, loader::LoadedParts};

pub(super) fn initialize(out: &mut Vec<u8>, number: u64, parts: &LoadedParts, configuration: &[u8], log_level: u8) {
    let entry_point = parts.document.manifest().entry_point.as_str();
    let type_name = entry_point.rsplit("::").next().unwrap_or_default().to_owned();
    let configuration = configuration.to_vec();
    frames::write(out, number, &Message::Initialize { type_name, log_level, configuration });
}

pub(super) fn call(out: &mut Vec<u8>, number: u64, call: &Arc<Call>, params: &[u8], is_stream: bool) {
    // A context always serializes; nothing is the honest answer should that ever change.
    let context = serde_json::to_vec(&call.context).unwrap_or_default();
    let is_blocking = call.actions.get(call.action).blocking;
    let remaining = call.deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()).as_millis());
    let remaining_ms = remaining.map(|remaining| u64::try_from(remaining).unwrap_or(u64::MAX));
    frames::call(out, number, call.action_name(), (is_stream, is_blocking), remaining_ms, &context, params);
}

pub(super) fn cancel(out: &mut Vec<u8>, number: u64) {
    frames::write(out, number, &Message::Cancel);
}

pub(super) fn abort(out: &mut Vec<u8>, number: u64) {
    frames::write(out, number, &Message::Abort);
}

pub(super) fn credit(out: &mut Vec<u8>, number: u64, chunks: u32) {
    frames::write(out, number, &Message::Credit(chunks));
}

pub(super) fn migrate_state(out: &mut Vec<u8>, number: u64, from: &str, state: &[u8]) {
    frames::write(out, number, &Message::Migrate { from: from.to_owned(), state: state.to_vec() });
}

pub(super) fn shut_down(out: &mut Vec<u8>, number: u64) {
    frames::write(out, number, &Message::ShutDown);
}

pub(super) fn state(out: &mut Vec<u8>, number: u64, state: Result<Option<(u64, Vec<u8>)>, AbiError>) {
    frames::write(out, number, &Message::State(state.map_err(failure)));
}

fn failure(error: AbiError) -> Failure {
    let AbiError { kind, message, details, causes } = error;
    let causes = causes.into_iter().map(apex_abi::RString::into_string).collect();
    Failure { kind, message: message.into_string(), details: details.into(), causes }
}

/// What the plugin in a child says that it failed with.
pub(super) fn plugin_error(failure: Failure) -> PluginError {
    let Failure { kind, message, details, causes } = failure;
    let causes = causes.into_iter().map(apex_abi::RString::from).collect();
    AbiError { kind, message: message.into(), details: details.into(), causes }.into()
}
