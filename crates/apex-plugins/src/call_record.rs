//! The audit record of a call: made when it begins, kept when it ends, however it ends.

use apex_audit::{Happening, Subject, params_digest};
use apex_exec::{CallError, CallEvent, CallRequest, Params};
use apex_meta::PluginId;

use crate::{audit::Auditor, manager::Inner, running::Running};

/// The record of a call under way; one that is dropped without an end was given up.
pub(crate) struct CallRecord(Option<Open>);

struct Open {
    auditor: Auditor,
    subject: Subject,
    action: String,
    params: String,
    caller: Option<PluginId>,
}

impl CallRecord {
    /// Begins a record, if calls are recorded.
    pub(crate) fn new(inner: &Inner, running: &Running, request: &CallRequest) -> Self {
        let auditor = &inner.auditor;
        if !(inner.settings.audits_calls && auditor.is_on() && running.is_recorded()) {
            return Self(None);
        }
        let params = match request.given_params() {
            // A value always serializes; nothing is the honest answer should that ever change.
            Params::Json(params) => params_digest(&serde_json::to_vec(params).unwrap_or_default()),
            Params::Raw(bytes) => params_digest(bytes),
        };
        Self(Some(Open {
            auditor: auditor.clone(),
            subject: running.subject(),
            action: request.action().to_owned(),
            params,
            caller: request.given_context().caller.clone(),
        }))
    }

    /// Ends it with a result.
    pub(crate) fn of<T>(mut self, result: Result<T, CallError>) -> Result<T, CallError> {
        self.end(result.as_ref().err().map(|error| error.code().to_owned()));
        result
    }

    /// Ends it with an event, if that is an end.
    pub(crate) fn of_event(&mut self, event: CallEvent) -> CallEvent {
        match &event {
            CallEvent::Failed(error) => self.end(Some(error.code().to_owned())),
            event if event.is_terminal() => self.end(None),
            _ => {}
        }
        event
    }

    fn end(&mut self, error: Option<String>) {
        let Some(Open { auditor, subject, action, params, caller }) = self.0.take() else { return };
        auditor.record_soon(Happening::Call { subject, action, params, caller, error });
    }
}

impl Drop for CallRecord {
    fn drop(&mut self) {
        self.end(Some(apex_meta::ErrorKind::Cancelled.code().to_owned()));
    }
}
