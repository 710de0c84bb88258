//! One case: a call, and what must come of it.

use std::time::Duration;

use apex_plugins::{
    PluginManager,
    exec::{CallError, CallEvent},
    meta::{Action, Document, ErrorKind},
};
use futures::StreamExt as _;
use serde_json::Value;

use super::invalid;

/// A call, and what must come of it.
pub(super) struct Case {
    action: String,
    name: String,
    streams: bool,
    params: Value,
    expectation: Expectation,
}

enum Expectation {
    /// It succeeds, with this result where one is given.
    Succeeds(Option<Value>),
    /// The host refuses the parameters.
    Refused,
    /// The plugin gets the parameters unseen and survives them.
    Survives,
}

/// What became of a case.
pub(super) enum Verdict {
    Passed,
    Failed(String),
}

impl Case {
    /// The cases that a plugin's metadata holds.
    pub(super) fn of(document: &Document) -> Vec<Self> {
        let actions = &document.manifest().actions;
        actions.iter().flat_map(|action| examples(action).chain(misfits(action)).collect::<Vec<_>>()).collect()
    }

    pub(super) fn action(&self) -> &str {
        &self.action
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) async fn run(&self, manager: &PluginManager, document: &Document, timeout: Duration) -> Verdict {
        let call = manager.call(document.id().as_str(), &self.action).timeout(timeout);
        let outcome = match &self.expectation {
            // As the plugin would get them from a host that believes its caller.
            Expectation::Survives => call.raw(self.params.to_string()).await.map(|_| Value::Null),
            Expectation::Succeeds(_) if self.streams => collect(call.params(self.params.clone())).await,
            _ => call.params(self.params.clone()).result().await,
        };
        self.judge(outcome)
    }

    fn judge(&self, outcome: Result<Value, CallError>) -> Verdict {
        let told = |error: &CallError| format!("{}: {error}", error.code());
        match (&self.expectation, outcome) {
            (Expectation::Succeeds(Some(expected)), Ok(found)) if *expected != found => {
                Verdict::Failed(format!("expected {expected}, found {found}"))
            }
            (Expectation::Succeeds(_), Err(error)) => Verdict::Failed(told(&error)),
            (Expectation::Refused, Ok(found)) => Verdict::Failed(format!("{} was accepted: {found}", self.params)),
            (Expectation::Refused, Err(error)) if error.kind() != ErrorKind::InvalidParameters => {
                Verdict::Failed(told(&error))
            }
            (Expectation::Survives, Err(error)) if is_a_fault(error.kind()) => Verdict::Failed(told(&error)),
            _ => Verdict::Passed,
        }
    }
}

/// What no parameters may make of a plugin.
fn is_a_fault(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::PluginPanicked
            | ErrorKind::PluginCrashed
            | ErrorKind::PluginQuarantined
            | ErrorKind::ProtocolViolation
            | ErrorKind::DeadlineExceeded
            | ErrorKind::ResourceLimit
    )
}

fn examples(action: &Action) -> impl Iterator<Item = Case> {
    let is_safe = action.read_only == Some(true);
    let examples = action.examples.iter().enumerate().filter(move |(_, example)| is_safe || example.run);
    examples.map(|(index, example)| Case {
        action: action.name.to_string(),
        name: format!("example {}", index + 1),
        streams: action.returns_stream,
        params: example.params.clone().into(),
        expectation: Expectation::Succeeds(example.result.clone()),
    })
}

/// Parameters that do not fit the action; to the plugin itself they go only where it says that it changes nothing.
fn misfits(action: &Action) -> impl Iterator<Item = Case> {
    let is_safe = action.read_only == Some(true) && !action.returns_stream;
    let case = |what: &str, how: &str, params: &Value, expectation| Case {
        action: action.name.to_string(),
        name: format!("{what}{how}"),
        streams: action.returns_stream,
        params: params.clone(),
        expectation,
    };
    invalid::parameters(&action.parameters_object_schema()).into_iter().flat_map(move |(what, params)| {
        let refused = case(&what, " is refused", &params, Expectation::Refused);
        let survived =
            is_safe.then(|| case(&what, ", given to the plugin, is survived", &params, Expectation::Survives));
        [Some(refused), survived].into_iter().flatten()
    })
}

/// All chunks of a stream, bytes as numbers.
async fn collect(call: apex_plugins::Call) -> Result<Value, CallError> {
    let (mut events, mut chunks) = (call.events(), Vec::new());
    while let Some(event) = events.next().await {
        match event {
            CallEvent::Chunk(chunk) => chunks.push(chunk),
            CallEvent::Bytes(bytes) => chunks.push(bytes.iter().copied().collect()),
            CallEvent::Failed(error) => return Err(error),
            _ => {}
        }
    }
    Ok(chunks.into())
}
