//! One call of an action, from its target to its answer.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::{Duration, Instant},
};

use apex_exec::{CallError, CallEvent, CallRequest, ProgressSink};
use apex_meta::{CallContext, ErrorKind};
use futures::{FutureExt as _, Stream, StreamExt as _, stream, stream::BoxStream};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::{InvalidSpec, PluginManager, PluginSpec, call_record::CallRecord, running::Lease};

/// A call that is being put together; nothing happens until its result or its events are asked for.
///
/// The plugin is chosen, verified and loaded then, if it is not loaded yet. The timeout runs from that moment on and
/// covers all of it. The methods ending in `_blocking` wait on the present thread and need no runtime; do not call them
/// from an asynchronous task.
#[must_use = "a call does nothing until its result or events are asked for"]
pub struct Call {
    manager: PluginManager,
    target: String,
    request: CallRequest,
    timeout: Option<Duration>,
}

impl Call {
    pub(crate) fn new(manager: PluginManager, target: String, action: String) -> Self {
        Self { manager, target, request: CallRequest::new(action), timeout: None }
    }

    /// Sets the parameters, an object; without them it is an empty one.
    pub fn params(mut self, params: Value) -> Self {
        self.request = self.request.params(params);
        self
    }

    /// Says on whose behalf the call is made.
    pub fn context(mut self, context: CallContext) -> Self {
        self.request = self.request.context(context);
        self
    }

    /// Sets how long the call may take; without it the action's `timeout_ms` or the manager's limit counts.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Cancels the call when the token is cancelled.
    pub fn cancel_with(mut self, token: CancellationToken) -> Self {
        self.request = self.request.cancel_with(token);
        self
    }

    /// Sends progress to a sink of the caller's own instead of the log.
    pub fn progress(mut self, sink: impl ProgressSink + 'static) -> Self {
        self.request = self.request.progress(Arc::new(sink));
        self
    }

    /// Makes the call and waits for its result; dropping the future gives the call up.
    ///
    /// # Errors
    /// Whatever choosing, verifying, loading or the action itself ends in; [`CallError::kind`] tells which.
    pub async fn result(self) -> Result<Value, CallError> {
        let (running, request, record) = self.prepare().await?;
        record.of(running.instance.result(request).await.map_err(|error| running.explained(error)))
    }

    /// [`result`](Self::result), waiting on this thread.
    ///
    /// # Errors
    /// As [`result`](Self::result).
    pub fn result_blocking(self) -> Result<Value, CallError> {
        apex_exec::block_on(self.result())
    }

    /// Makes the call with parameters that are JSON already, and takes the result as the bytes that the plugin gave.
    ///
    /// The parameters go to the plugin as they are: neither read, nor validated, nor given defaults. So this is for
    /// callers who know what the action takes, never for what a model wrote.
    ///
    /// # Errors
    /// As [`result`](Self::result).
    pub async fn raw(mut self, params: impl Into<Vec<u8>>) -> Result<Vec<u8>, CallError> {
        self.request = self.request.raw_params(params);
        let (running, request, record) = self.prepare().await?;
        record.of(running.instance.raw(request).await.map(Vec::from).map_err(|error| running.explained(error)))
    }

    /// [`raw`](Self::raw), waiting on this thread.
    ///
    /// # Errors
    /// As [`result`](Self::result).
    pub fn raw_blocking(self, params: impl Into<Vec<u8>>) -> Result<Vec<u8>, CallError> {
        apex_exec::block_on(self.raw(params))
    }

    /// Makes the call and gives what happens as it comes: progress and chunks, then exactly one end.
    ///
    /// Works for every action, streaming or not. A stream is pulled: what is not asked for is not produced. Dropping the
    /// events gives the call up and stops the producer.
    pub fn events(self) -> CallStream {
        let events = self.prepare().map(|prepared| match prepared {
            Ok((running, request, mut record)) => {
                let events = running.instance.events(request);
                events.map(move |event| record.of_event(running.explained_event(event))).left_stream()
            }
            Err(error) => stream::iter([CallEvent::Failed(error)]).right_stream(),
        });
        CallStream(events.flatten_stream().boxed())
    }

    /// [`events`](Self::events) as an iterator that waits on this thread.
    pub fn events_blocking(self) -> impl Iterator<Item = CallEvent> {
        futures::executor::block_on_stream(self.events())
    }

    async fn prepare(mut self) -> Result<(Lease, CallRequest, CallRecord), CallError> {
        if let Some(deadline) = self.timeout.and_then(|timeout| Instant::now().checked_add(timeout)) {
            self.request = self.request.deadline(deadline);
        }
        let spec: PluginSpec = self.target.parse().map_err(|error| invalid_target(&self.target, &error))?;
        let running = self.manager.ready(&spec, &self.request).await?;
        let record = CallRecord::new(&self.manager.inner, &running, &self.request);
        Ok((running, self.request, record))
    }
}

impl PluginManager {
    /// The running instance that answers a request, within the request's bounds.
    async fn ready(&self, spec: &PluginSpec, request: &CallRequest) -> Result<Lease, CallError> {
        let ready = request.bound(self.lease(spec)).await;
        ready.map_err(|error| error.with_plugin_id(&spec.id).with_action(request.action()))
    }

    /// The result of a call that is put together already.
    pub(crate) async fn result_of(&self, spec: &PluginSpec, request: CallRequest) -> Result<Value, CallError> {
        let running = self.ready(spec, &request).await?;
        let record = CallRecord::new(&self.inner, &running, &request);
        record.of(running.instance.result(request).await.map_err(|error| running.explained(error)))
    }
}

fn invalid_target(target: &str, error: &InvalidSpec) -> CallError {
    CallError::new(ErrorKind::InvalidRequest, format!("`{}` does not name a plugin", target.escape_debug()))
        .with_hint("name it as `id` or `id@specifier`, such as `com.acme.greeter` or `com.acme.greeter@^1.2`")
        .caused_by(error)
}

/// What happens in a call, as it happens: a stream that ends after its one [terminal](CallEvent::is_terminal) event.
pub struct CallStream(BoxStream<'static, CallEvent>);

impl Stream for CallStream {
    type Item = CallEvent;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<CallEvent>> {
        self.0.as_mut().poll_next(context)
    }
}
