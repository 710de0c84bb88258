//! What a caller asks for.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use apex_meta::CallContext;
use serde_json::{Map, Value};
use tokio_util::sync::CancellationToken;

use crate::ProgressSink;

/// The parameters of a call.
#[derive(Debug, Clone, PartialEq)]
pub enum Params {
    /// A JSON value, validated and given its defaults before the plugin sees it.
    Json(Value),
    /// Bytes. [`Instance::raw`](crate::Instance::raw) passes them on as they are; otherwise they are read as strict JSON.
    Raw(Vec<u8>),
}

/// A call to be made: of which action, with which parameters, for whom, and within which bounds.
#[derive(Clone)]
pub struct CallRequest {
    pub(crate) action: String,
    pub(crate) params: Params,
    pub(crate) context: CallContext,
    pub(crate) deadline: Option<Instant>,
    pub(crate) timeout: Option<Duration>,
    pub(crate) cancel: Option<CancellationToken>,
    pub(crate) progress: Option<Arc<dyn ProgressSink>>,
}

impl CallRequest {
    /// A call of an action, with an empty object of parameters.
    pub fn new(action: impl Into<String>) -> Self {
        Self {
            action: action.into(),
            params: Params::Json(Value::Object(Map::new())),
            context: CallContext::default(),
            deadline: None,
            timeout: None,
            cancel: None,
            progress: None,
        }
    }

    /// Sets the parameters, a JSON object.
    #[must_use]
    pub fn params(mut self, params: Value) -> Self {
        self.params = Params::Json(params);
        self
    }

    /// Sets the parameters as bytes.
    #[must_use]
    pub fn raw_params(mut self, params: impl Into<Vec<u8>>) -> Self {
        self.params = Params::Raw(params.into());
        self
    }

    /// Says on whose behalf the call is made.
    #[must_use]
    pub fn context(mut self, context: CallContext) -> Self {
        self.context = context;
        self
    }

    /// Sets the moment by which the caller has an answer.
    #[must_use]
    pub fn deadline(mut self, deadline: Instant) -> Self {
        self.deadline = Some(deadline);
        self
    }

    /// Sets how long the call may take from its first poll on; of a deadline and a timeout, the earlier counts.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Cancels the call when the token is cancelled.
    #[must_use]
    pub fn cancel_with(mut self, token: CancellationToken) -> Self {
        self.cancel = Some(token);
        self
    }

    /// Sends progress to a sink of the caller's own instead of the log.
    #[must_use]
    pub fn progress(mut self, sink: Arc<dyn ProgressSink>) -> Self {
        self.progress = Some(sink);
        self
    }

    /// The parameters as they were given, without defaults.
    pub fn given_params(&self) -> &Params {
        &self.params
    }

    /// On whose behalf the call is made.
    pub fn given_context(&self) -> &CallContext {
        &self.context
    }

    /// The action's name.
    pub fn action(&self) -> &str {
        &self.action
    }
}

impl fmt::Debug for CallRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallRequest")
            .field("action", &self.action)
            .field("deadline", &self.deadline)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}
