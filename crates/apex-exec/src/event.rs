//! What happens during a call, as its consumer sees it.

use apex_meta::Progress;
use bytes::Bytes;
use serde_json::Value;

use crate::CallError;

/// Something that happens during a call: any number of the first three, then exactly one of the last two.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum CallEvent {
    /// The action tells how far it has come.
    Progress(Progress),
    /// A piece of a stream, as JSON.
    Chunk(Value),
    /// A piece of a stream, as bytes; they are the plugin's own, not a copy.
    Bytes(Bytes),
    /// The end, with the result; null for a stream.
    Done(Value),
    /// The end, with an error.
    Failed(CallError),
}

impl CallEvent {
    /// Whether nothing follows.
    pub fn is_terminal(&self) -> bool {
        matches!(self, Self::Done(_) | Self::Failed(_))
    }
}
