//! Calls that end in one value.

use std::sync::Arc;

use apex_abi::RVec;
use apex_meta::ErrorKind;
use bytes::Bytes;
use serde_json::Value;

use crate::{
    CallError, CallRequest,
    active::{Active, Taking},
    core::Core,
    metrics::Ended,
};

/// Makes a call and reads its result.
pub(crate) async fn result(core: Arc<Core>, request: CallRequest) -> Result<Value, CallError> {
    let (mut active, params) = Active::begin(&core, request, Taking::Result)?;
    let result = run(&mut active, params).await.and_then(|bytes| read(&active, &bytes));
    active.end(Ended::of(&result));
    result
}

/// Makes a call and takes its result as it is.
pub(crate) async fn raw(core: Arc<Core>, request: CallRequest) -> Result<Bytes, CallError> {
    let (mut active, params) = Active::begin(&core, request, Taking::Raw)?;
    let result = run(&mut active, params).await;
    active.end(Ended::of(&result));
    // The plugin's own bytes, given back to it when the last clone is dropped.
    result.map(Bytes::from_owner)
}

async fn run(active: &mut Active, params: Vec<u8>) -> Result<RVec<u8>, CallError> {
    let mut task = active.start(move |placed, call| placed.execute(call, params))?;
    let grace = active.core().limits.cancel_grace;
    let answer =
        std::future::poll_fn(|context| active.poll(context, grace, |active, context| task.poll(active, context)))
            .await?;
    active.within("its result", answer.len(), active.core().limits.max_result_bytes)?;
    Ok(answer)
}

/// Reads a result as JSON.
pub(crate) fn read(active: &Active, bytes: &[u8]) -> Result<Value, CallError> {
    serde_json::from_slice(bytes)
        .map_err(|error| active.fault(ErrorKind::ProtocolViolation, "its result is not JSON").caused_by(&error))
}
