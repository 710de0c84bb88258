//! What a fake plugin does in a call.

use std::{fmt, sync::Arc, time::Duration};

use apex_abi::{Chunk, PluginError};
use apex_meta::ErrorKind;
use serde_json::Value;

/// What a fake plugin does in a call: steps, and then an end.
///
/// Without an end, a script that streams just ends there, and another one answers with null.
#[derive(Debug, Clone, Default)]
#[must_use = "a script does nothing until an action has it"]
pub struct Script {
    pub(super) steps: Vec<Step>,
    pub(super) end: Option<End>,
    pub(super) parameters: Option<Value>,
    streams: bool,
}

/// One step of a script.
#[derive(Debug, Clone)]
pub(super) enum Step {
    Progress(f64, String),
    Delay(Duration),
    Hold(Duration),
    Yield(Chunk),
}

/// The end of a script.
#[derive(Clone)]
pub(super) enum End {
    Reply(Value),
    ReplyWith(Arc<dyn Fn(&Value) -> Value + Send + Sync>),
    Raw(Vec<u8>),
    Fail(PluginError),
    Panic(String),
    Never,
}

impl fmt::Debug for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reply(reply) => f.debug_tuple("Reply").field(reply).finish(),
            Self::ReplyWith(_) => f.write_str("ReplyWith"),
            Self::Raw(bytes) => f.debug_tuple("Raw").field(&bytes.len()).finish(),
            Self::Fail(error) => f.debug_tuple("Fail").field(error).finish(),
            Self::Panic(message) => f.debug_tuple("Panic").field(message).finish(),
            Self::Never => f.write_str("Never"),
        }
    }
}

impl Script {
    /// A script without steps.
    pub fn new() -> Self {
        Self::default()
    }

    /// A script that streams, be it without a chunk.
    pub fn stream() -> Self {
        Self { streams: true, ..Self::default() }
    }

    /// Sets the JSON Schema of the action's parameters.
    pub fn parameters(mut self, schema: Value) -> Self {
        self.parameters = Some(schema);
        self
    }

    /// Reports progress: percent done and a message.
    pub fn progress(self, percentage: f64, message: &str) -> Self {
        self.step(Step::Progress(percentage, message.to_owned()))
    }

    /// Waits as an asynchronous action does; needs no runtime.
    pub fn delay(self, duration: Duration) -> Self {
        self.step(Step::Delay(duration))
    }

    /// Blocks the thread that polls it, as an asynchronous action must not.
    pub fn hold(self, duration: Duration) -> Self {
        self.step(Step::Hold(duration))
    }

    /// Sends a chunk of JSON.
    pub fn chunk(self, chunk: impl Into<Value>) -> Self {
        // A value's text is its JSON.
        let chunk = Chunk::Json(chunk.into().to_string().into_bytes().into());
        Self { streams: true, ..self }.step(Step::Yield(chunk))
    }

    /// Sends a chunk of bytes.
    pub fn bytes(self, bytes: impl Into<Vec<u8>>) -> Self {
        let chunk = Chunk::Bytes(bytes.into().into());
        Self { streams: true, ..self }.step(Step::Yield(chunk))
    }

    /// Sends a chunk that says it is JSON; what is in it is not looked at.
    pub fn raw_chunk(self, bytes: impl Into<Vec<u8>>) -> Self {
        let chunk = Chunk::Json(bytes.into().into());
        Self { streams: true, ..self }.step(Step::Yield(chunk))
    }

    /// Ends with a result; a stream has none.
    pub fn reply(self, result: Value) -> Self {
        self.end(End::Reply(result))
    }

    /// Ends with a result that is made of the parameters.
    pub fn reply_with(self, make: impl Fn(&Value) -> Value + Send + Sync + 'static) -> Self {
        self.end(End::ReplyWith(Arc::new(make)))
    }

    /// Ends with the parameters as the result.
    pub fn echo(self) -> Self {
        self.reply_with(Value::clone)
    }

    /// Ends with a result that may be no JSON at all.
    pub fn reply_raw(self, bytes: impl Into<Vec<u8>>) -> Self {
        self.end(End::Raw(bytes.into()))
    }

    /// Ends with an error.
    pub fn fail(self, kind: ErrorKind, message: &str) -> Self {
        self.end(End::Fail(PluginError::new(kind, message)))
    }

    /// Ends as if the plugin's process had died: `PluginCrashed`. Other calls are not affected.
    pub fn crash(self) -> Self {
        self.fail(ErrorKind::PluginCrashed, "its process ended, as the script wants")
    }

    /// Ends with a panic.
    pub fn panic(self, message: &str) -> Self {
        self.end(End::Panic(message.to_owned()))
    }

    /// Never ends.
    pub fn never(self) -> Self {
        self.end(End::Never)
    }

    pub(super) fn streams(&self) -> bool {
        self.streams
    }

    fn step(mut self, step: Step) -> Self {
        self.steps.push(step);
        self
    }

    fn end(mut self, end: End) -> Self {
        self.end = Some(end);
        self
    }
}
