//! Bringing the state of another version into this version's form.

use apex_meta::{ErrorKind, PluginVersion};
use serde_json::Value;

use crate::{CallError, blocking::Limited, core::Core};

/// Asks the plugin; nothing if it has no migration from that version.
pub(crate) async fn migrate_state(core: &Core, from: &PluginVersion, state: Value) -> Result<Option<Value>, CallError> {
    let subject = &core.subject;
    let Some(placed) = core.placed.get() else {
        return Err(subject.error(ErrorKind::ShuttingDown, "has ended"));
    };
    let state = serde_json::to_vec(&state)
        .map_err(|error| subject.error(ErrorKind::StateIo, "the state cannot be written as JSON").caused_by(&error))?;
    let limit = core.limits.initialize_timeout;
    let migrated = match placed.migrate_state(core, limit, from.to_string(), state).await {
        Ok(Limited::Finished(migrated)) => migrated,
        Err(error) => return Err(error),
        Ok(Limited::TooSlow) => return Err(subject.too_slow("the migration of its state", limit)),
    };
    let read = |state: apex_abi::RVec<u8>| {
        serde_json::from_slice(&state).map_err(|error| {
            subject.error(ErrorKind::ProtocolViolation, "the state that it migrated is not JSON").caused_by(&error)
        })
    };
    migrated.map(read).transpose()
}
