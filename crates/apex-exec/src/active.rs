//! A call under way, seen from its caller: bounds, progress, and its one end.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::{Duration, Instant},
};

use apex_abi::PluginError;
use apex_meta::ErrorKind;
use tokio_util::sync::CancellationToken;

use crate::{
    CallError, CallRequest, Params,
    actions::Actions,
    blocking::Running,
    bounds::{self, Bounds},
    call::{Call, CallParts, Interrupt},
    core::{Core, Presence, Registration},
    metrics::Ended,
    placement::Placed,
    progress::{Outlet, Reports},
    task::Task,
    timer::Sleep,
};

/// How a caller takes the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Taking {
    /// As one JSON value.
    Result,
    /// As bytes, and bytes of parameters go in as they are.
    Raw,
    /// As events.
    Events,
}

/// A call under way, seen from its caller.
pub(crate) struct Active {
    presence: Presence,
    pub(crate) call: Arc<Call>,
    token: Option<CancellationToken>,
    bounds: Option<Bounds>,
    registration: Option<Arc<Registration>>,
    ending: Option<Ending>,
    runs_elsewhere: bool,
    has_ended: bool,
    span: tracing::Span,
}

/// The action was told to end, and may do so until the alarm.
struct Ending {
    interrupt: Interrupt,
    until: Sleep,
}

impl Active {
    /// Begins a call: finds the action, checks bounds and parameters, and counts it in.
    ///
    /// # Errors
    /// Everything that keeps a call from reaching the plugin.
    pub(crate) fn begin(core: &Arc<Core>, request: CallRequest, taking: Taking) -> Result<(Self, Vec<u8>), CallError> {
        let started = Instant::now();
        let named = |error: CallError| error.with_plugin(&core.subject.id, &core.subject.version);
        let index = core.actions.find(&request.action).map_err(named)?;
        let action = core.actions.get(index);
        let presence = core.enter(index).map_err(|error| error.with_action(&request.action))?;
        let deadline = bounds::deadline(&request, action, core.limits.default_timeout, started);
        let outlet = match (taking, request.progress) {
            (Taking::Events, sink) => Outlet::Events(sink),
            (_, Some(sink)) => Outlet::Sink(sink),
            (_, None) => Outlet::Log,
        };
        let call = Call::new(CallParts {
            desk: Arc::clone(&core.desk),
            actions: Arc::clone(&core.actions),
            action: index,
            context: request.context,
            deadline,
            started,
            max_progress_bytes: core.limits.max_progress_bytes,
            reports: Reports::new(outlet, core.limits.progress_buffer),
        });
        let span = span(&call);
        let (bounds, registration, ending, runs_elsewhere, has_ended) = (None, None, None, false, false);
        let active = Self {
            presence,
            call,
            token: request.cancel,
            bounds,
            registration,
            ending,
            runs_elsewhere,
            has_ended,
            span,
        };
        match active.admit(request.params, taking) {
            Ok(params) => Ok((active, params)),
            Err(error) => Err(named(error).with_action(request.action)),
        }
    }

    /// The parameters as the plugin gets them.
    fn admit(&self, params: Params, taking: Taking) -> Result<Vec<u8>, CallError> {
        let core = &self.presence.core;
        if let Some(interrupt) = self.interrupt_now() {
            return Err(self.call.interruption(interrupt));
        }
        if taking != Taking::Events && core.actions.get(self.call.action).returns_stream {
            return Err(CallError::new(ErrorKind::StreamingNotSupported, "yields a stream, not one result")
                .with_hint("ask for its events instead"));
        }
        let max_bytes = core.limits.max_params_bytes;
        let params = match (params, taking) {
            (Params::Raw(bytes), Taking::Raw) => bytes,
            (params, _) => {
                let mut params = match params {
                    Params::Json(params) => params,
                    Params::Raw(bytes) => Actions::parse(&bytes, max_bytes)?,
                };
                core.actions.complete(self.call.action, &mut params)?;
                serde_json::to_vec(&params).map_err(|error| {
                    CallError::new(ErrorKind::InvalidParameters, "the parameters cannot be written as JSON")
                        .caused_by(&error)
                })?
            }
        };
        if params.len() > max_bytes {
            let message = format!("the parameters have {} bytes, more than the {max_bytes} allowed", params.len());
            return Err(CallError::new(ErrorKind::ResourceLimit, message));
        }
        Ok(params)
    }

    /// Starts work of the plugin: here, or on a thread of its own if the action blocks.
    ///
    /// # Errors
    /// There is no thread for it.
    pub(crate) fn start<F>(
        &mut self,
        make: impl FnOnce(&Placed, &Arc<Call>) -> F + Send + 'static,
    ) -> Result<Task<F>, CallError>
    where
        F: Future<Output: Send> + 'static,
    {
        let core = &self.presence.core;
        if !self.is_blocking() {
            let placed = core.placed.get().ok_or_else(|| self.gone())?;
            return Ok(Task::Here(self.poll_here(|| make(placed, &self.call))));
        }
        let (on_thread, call) = (Arc::clone(core), Arc::clone(&self.call));
        self.run_elsewhere(move || call.abandonment.block_on(make(on_thread.placed.get()?, &call))).map(Task::Elsewhere)
    }

    /// Runs work on a thread of its own, noted as under way until it is over; none is its result if it was abandoned.
    pub(crate) fn run_elsewhere<T: Send + 'static>(
        &mut self,
        work: impl FnOnce() -> Option<T> + Send + 'static,
    ) -> Result<Running<Option<T>>, CallError> {
        let core = &self.presence.core;
        let registration = self.registration.get_or_insert_with(|| Arc::new(core.register(&self.call)));
        let (noted, call, span) = (Arc::clone(registration), Arc::clone(&self.call), self.span.clone());
        self.runs_elsewhere = true;
        let running = core.placed.pool.run(move || {
            let result = if call.abandonment.is_declared() { None } else { span.in_scope(work) };
            drop(noted);
            result
        });
        running.map_err(|error| self.failed(error))
    }

    /// Whether the action needs a thread of its own here.
    pub(crate) fn is_blocking(&self) -> bool {
        let core = &self.presence.core;
        // A child has threads of its own for it.
        core.actions.get(self.call.action).blocking && !core.placed.get().is_some_and(Placed::is_elsewhere)
    }

    /// Polls work of the plugin within the call's bounds.
    ///
    /// When the call is interrupted, the plugin is told, and may still end the work itself within `grace`.
    pub(crate) fn poll<T>(
        &mut self,
        context: &mut Context<'_>,
        grace: Duration,
        mut work: impl FnMut(&mut Self, &mut Context<'_>) -> Poll<Result<T, PluginError>>,
    ) -> Poll<Result<T, CallError>> {
        let span = self.span.clone();
        let _in_span = span.enter();
        loop {
            if let Some(interrupt) = self.interrupt_if_bound()
                && let Some(error) = self.interrupted(interrupt, grace)
            {
                return Poll::Ready(Err(error));
            }
            if let Poll::Ready(result) = work(self, context) {
                return Poll::Ready(result.map_err(|error| self.failed(error)));
            }
            self.call.caller.register(context.waker());
            self.call.deliver_reports();
            self.bind();
            let Some(interrupt) = self.poll_bounds(context) else { return Poll::Pending };
            // Unless there is an error, the plugin has just been told: perhaps it ends at once.
            if let Some(error) = self.interrupted(interrupt, grace) {
                return Poll::Ready(Err(error));
            }
        }
    }

    /// Polls work in the caller's own task, under the watchdog's eyes.
    pub(crate) fn poll_here<T>(&self, poll: impl FnOnce() -> T) -> T {
        let _watched = self.presence.core.watch.polling(self.call.action);
        self.call.polled(poll)
    }

    /// Binds the call to its deadline, its token and the instance's end.
    pub(crate) fn bind(&mut self) {
        if self.bounds.is_some() {
            return;
        }
        let core = &self.presence.core;
        self.registration.get_or_insert_with(|| Arc::new(core.register(&self.call)));
        self.bounds = Some(Bounds::new(self.call.deadline, self.token.clone(), core.timer));
    }

    /// What ends the call now, asking clock and token.
    fn interrupt_now(&self) -> Option<Interrupt> {
        let is_cancelled = self.token.as_ref().is_some_and(CancellationToken::is_cancelled);
        let is_over = || self.call.deadline.is_some_and(|deadline| deadline <= self.call.started);
        match is_cancelled {
            true => Some(Interrupt::Cancelled),
            false => is_over().then_some(Interrupt::Deadline),
        }
    }

    /// What ends the call now, once it is bound; asks no clock.
    fn interrupt_if_bound(&self) -> Option<Interrupt> {
        match &self.ending {
            Some(_) => None,
            None => self.bounds.as_ref()?.look(&self.call),
        }
    }

    fn poll_bounds(&mut self, context: &mut Context<'_>) -> Option<Interrupt> {
        let interrupt = self.bounds.as_mut()?.poll(&self.call, context);
        let Some(ending) = &mut self.ending else { return interrupt };
        let is_late = Pin::new(&mut ending.until).poll(context).is_ready();
        (is_late || interrupt == Some(Interrupt::Deadline)).then_some(ending.interrupt)
    }

    /// Tells the plugin that the call is interrupted; the error, once there is no more time for the plugin.
    fn interrupted(&mut self, interrupt: Interrupt, grace: Duration) -> Option<CallError> {
        if self.ending.is_some() || interrupt == Interrupt::Deadline || grace.is_zero() {
            self.call.over.raise();
            return Some(self.call.interruption(interrupt));
        }
        let until = self.presence.core.timer.at(Instant::now() + grace);
        self.ending = Some(Ending { interrupt, until });
        self.call.over.raise();
        None
    }

    /// The call's error for an error of the plugin.
    pub(crate) fn failed(&self, error: PluginError) -> CallError {
        match &self.ending {
            Some(ending) => self.call.interruption(ending.interrupt).caused_by(&error),
            None => match self.call.found() {
                Some(found) => found.clone().with_action(self.call.action_name()),
                None => self.presence.core.subject.reported(error).with_action(self.call.action_name()),
            },
        }
    }

    /// An error of the host about what the plugin did.
    pub(crate) fn fault(&self, kind: ErrorKind, message: impl Into<String>) -> CallError {
        self.presence.core.subject.error(kind, message).with_action(self.call.action_name())
    }

    fn gone(&self) -> CallError {
        self.fault(ErrorKind::ShuttingDown, "has ended")
    }

    /// Checks the size of what the plugin gave.
    pub(crate) fn within(&self, what: &str, bytes: usize, limit: usize) -> Result<(), CallError> {
        match bytes > limit {
            true => Err(self
                .fault(ErrorKind::ResourceLimit, format!("{what} has {bytes} bytes, more than the {limit} allowed"))),
            false => Ok(()),
        }
    }

    pub(crate) fn core(&self) -> &Arc<Core> {
        &self.presence.core
    }

    /// Ends the call: from here on the plugin is told that it is over, and its reports go nowhere.
    ///
    /// What was reported before is shown to sink or log; events are taken by their consumer.
    pub(crate) fn end(&mut self, ended: Ended) {
        if std::mem::replace(&mut self.has_ended, true) {
            return;
        }
        self.call.reports.close();
        self.call.deliver_reports();
        self.leave(ended);
    }

    fn leave(&mut self, ended: Ended) {
        self.call.over.raise();
        if self.runs_elsewhere {
            self.call.abandonment.declare();
        }
        self.registration = None;
        self.presence.end(&self.call, ended);
    }
}

impl Drop for Active {
    fn drop(&mut self) {
        if !std::mem::replace(&mut self.has_ended, true) {
            self.call.reports.close();
            self.leave(Ended::GivenUp);
        }
    }
}

fn span(call: &Call) -> tracing::Span {
    let (subject, context) = (&call.desk.subject, &call.context);
    tracing::info_span!(
        "plugin_call",
        call = call.number,
        plugin = %subject.id,
        version = %subject.version,
        action = call.action_name(),
        tenant = context.tenant,
        user = context.user,
        session = context.session,
        traceparent = context.traceparent,
        caller = context.caller.as_ref().map(tracing::field::display),
    )
}
