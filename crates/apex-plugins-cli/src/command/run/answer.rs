//! What an action answers, as it is shown: progress, chunks, the result, or an error.

use std::ops::ControlFlow;

use apex_plugins::exec::{CallError, CallEvent};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::{Value, json};

use crate::{failure::Failure, output::Output, progress::Reporter, session::Session};

/// Shows the events of one call.
pub(super) struct Answer<'a> {
    output: &'a mut Output,
    reporter: Reporter,
    is_stream: bool,
}

impl<'a> Answer<'a> {
    /// Shows them on the session's outputs.
    pub(super) fn new(session: &'a mut Session, is_stream: bool) -> Self {
        let reporter = Reporter::new(&session.stderr, session.is_quiet());
        Self { output: &mut session.output, reporter, is_stream }
    }

    /// Shows an event, and breaks after the terminal one.
    pub(super) fn show(&mut self, event: CallEvent) -> Result<ControlFlow<()>, Failure> {
        match event {
            CallEvent::Progress(progress) => self.reporter.show(&progress),
            CallEvent::Chunk(chunk) => self.chunk(&chunk)?,
            CallEvent::Bytes(bytes) => self.bytes(&bytes)?,
            CallEvent::Done(result) => {
                self.reporter.finish();
                self.done(&result)?;
                return Ok(ControlFlow::Break(()));
            }
            CallEvent::Failed(error) => {
                self.reporter.finish();
                return Err(call_failure(&error));
            }
            // What a later release may tell on the way; the end is told as above.
            _ => {}
        }
        Ok(ControlFlow::Continue(()))
    }

    fn chunk(&mut self, chunk: &Value) -> Result<(), Failure> {
        let output = &mut *self.output;
        self.reporter.aside(|| match chunk {
            _ if output.is_json() => output.json(&json!({ "chunk": chunk })),
            Value::String(text) => output.foreign_text(text),
            chunk => output.json(chunk),
        })
    }

    fn bytes(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        let output = &mut *self.output;
        self.reporter.aside(|| match output.is_json() {
            true => output.json(&json!({"bytes": BASE64_STANDARD.encode(bytes)})),
            false => output.foreign_bytes(bytes),
        })
    }

    fn done(&mut self, result: &Value) -> Result<(), Failure> {
        match result {
            _ if self.output.is_json() && self.is_stream => self.output.json(&json!({"done": true})),
            _ if self.output.is_json() => self.output.json(result),
            Value::Null => Ok(()),
            Value::String(text) => self.output.foreign_text(text),
            result => self.output.pretty_json(result),
        }
    }
}

pub(super) fn call_failure(error: &CallError) -> Failure {
    Failure::of(error.code(), error).hint_if(error.hint().map(str::to_owned)).details(error.details().cloned())
}
