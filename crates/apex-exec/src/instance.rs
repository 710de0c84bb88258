//! A running instance of a plugin: the handle that everything is asked of.

use std::{fmt, sync::Arc, time::Duration};

use apex_meta::{Document, PluginId, PluginVersion};
use bytes::Bytes;
use serde_json::Value;

use crate::{
    ActionMetrics, BlockingEvents, CallError, CallEvents, CallRequest, CrashHistory, HostServices, Lifecycle, Limits,
    Loaded, NoServices, Observer, Sandbox, ShutdownReport, Transition, answer, core::Core, migrate, park::block_on,
    shutdown, start,
};

/// A running instance of a plugin; clones are handles to the same one.
///
/// Asynchronous actions are polled in the caller's own task, under whatever runtime that is; deadlines need none. An
/// action that is declared `blocking` runs on threads of the instance's own, for which nobody ever waits: not a runtime
/// that is dropped, and not the host when it exits. The methods ending in `_blocking` wait on the present thread and
/// need no runtime at all; do not call them from an asynchronous task.
///
/// When the last handle is dropped the plugin is dropped, without its `shutdown` being called.
#[derive(Clone)]
pub struct Instance {
    core: Arc<Core>,
}

/// What an instance is started with.
#[derive(Clone)]
pub struct InstanceOptions {
    /// The plugin's configuration, an object; null is an empty one.
    pub configuration: Value,
    /// What the host offers to the plugin.
    pub services: Arc<dyn HostServices>,
    /// The limits that it runs under.
    pub limits: Limits,
    /// What it may touch, in a child process; what runs in this process is held to nothing.
    pub sandbox: Sandbox,
    /// Who is told of its life.
    pub observer: Arc<dyn Observer>,
    /// What is remembered of crashes of earlier instances.
    pub crashes: CrashHistory,
}

impl Default for InstanceOptions {
    /// No configuration, [`NoServices`], the default limits, nothing granted, nobody who is told, and no crashes so far.
    fn default() -> Self {
        Self {
            configuration: Value::Null,
            services: Arc::new(NoServices),
            limits: Limits::default(),
            sandbox: Sandbox::closed(),
            observer: Arc::new(|_: &Transition| ()),
            crashes: CrashHistory::default(),
        }
    }
}

impl fmt::Debug for InstanceOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not the configuration: it may hold secrets.
        f.debug_struct("InstanceOptions").field("limits", &self.limits).finish_non_exhaustive()
    }
}

impl Instance {
    /// Starts an instance: validates the configuration, fills in its defaults, and initializes the plugin.
    ///
    /// The plugin is made and initialized on a thread of the instance's own, so that the limit binds even if it hangs.
    /// If this is called within a tokio runtime, the host's services are always polled in its context.
    ///
    /// # Errors
    /// `Configuration` with every violation, `Initialization` or whatever else the plugin reports, `PluginPanicked`,
    /// `DeadlineExceeded` after [`Limits::initialize_timeout`], `ResourceLimit` without threads.
    pub async fn start(loaded: Loaded, options: InstanceOptions) -> Result<Self, CallError> {
        start::start(loaded, options).await.map(|core| Self { core })
    }

    /// [`start`](Self::start), waiting on this thread.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub fn start_blocking(loaded: Loaded, options: InstanceOptions) -> Result<Self, CallError> {
        block_on(Self::start(loaded, options))
    }

    /// Makes a call and waits for its result; dropping the future gives the call up.
    ///
    /// # Errors
    /// Whatever the call ends in; see [`apex_meta::ErrorKind`].
    pub fn result(&self, request: CallRequest) -> impl Future<Output = Result<Value, CallError>> + Send + use<> {
        answer::result(Arc::clone(&self.core), request)
    }

    /// [`result`](Self::result), waiting on this thread.
    ///
    /// # Errors
    /// As [`result`](Self::result).
    pub fn result_blocking(&self, request: CallRequest) -> Result<Value, CallError> {
        block_on(self.result(request))
    }

    /// Makes a call and takes its result as the bytes that the plugin gave, unread.
    ///
    /// [`Params::Raw`](crate::Params::Raw) go to the plugin as they are: neither read, nor validated, nor given defaults.
    /// So they are for callers who know what the action takes, never for what a model wrote.
    ///
    /// # Errors
    /// As [`result`](Self::result).
    pub fn raw(&self, request: CallRequest) -> impl Future<Output = Result<Bytes, CallError>> + Send + use<> {
        answer::raw(Arc::clone(&self.core), request)
    }

    /// [`raw`](Self::raw), waiting on this thread.
    ///
    /// # Errors
    /// As [`raw`](Self::raw).
    pub fn raw_blocking(&self, request: CallRequest) -> Result<Bytes, CallError> {
        block_on(self.raw(request))
    }

    /// Makes a call of any action, streaming or not, and takes what happens as it comes.
    pub fn events(&self, request: CallRequest) -> CallEvents {
        CallEvents::new(Arc::clone(&self.core), request)
    }

    /// [`events`](Self::events) as a blocking iterator.
    pub fn events_blocking(&self, request: CallRequest) -> BlockingEvents {
        self.events(request).into_blocking()
    }

    /// Asks the plugin to bring a state that version `from` saved into its own form; nothing if it has no way to.
    ///
    /// # Errors
    /// Whatever the plugin reports; `DeadlineExceeded` after [`Limits::initialize_timeout`].
    pub async fn migrate_state(&self, from: &PluginVersion, state: Value) -> Result<Option<Value>, CallError> {
        migrate::migrate_state(&self.core, from, state).await
    }

    /// Ends the instance: new calls are refused, calls under way may end within `drain`, the rest is told to end, and
    /// then the plugin's own shutdown runs.
    ///
    /// Takes at most `drain` + twice [`Limits::cancel_grace`] + [`Limits::shutdown_timeout`]. What does not end, such as a
    /// blocking action that never returns, is reported and left to its thread. Called again, it goes on where an earlier
    /// call was given up, or reports what is still left over.
    pub async fn shutdown(&self, drain: Duration) -> ShutdownReport {
        shutdown::shutdown(&self.core, drain).await
    }

    /// [`shutdown`](Self::shutdown), waiting on this thread.
    pub fn shutdown_blocking(&self, drain: Duration) -> ShutdownReport {
        block_on(self.shutdown(drain))
    }

    /// The state of its life.
    pub fn lifecycle(&self) -> Lifecycle {
        self.core.lifecycle.get()
    }

    /// How many callers wait for an answer.
    pub fn in_flight(&self) -> u64 {
        self.core.in_flight()
    }

    /// How many blocking actions still run although their callers have given up.
    pub fn abandoned(&self) -> usize {
        self.core.calls().iter().filter(|call| call.abandonment.is_declared()).count()
    }

    /// How many lines of the plugin's log were left out because there were too many at once.
    pub fn log_lines_left_out(&self) -> u64 {
        self.core.desk.gate.left_out()
    }

    /// The counters of every action, sorted by name.
    pub fn metrics(&self) -> Vec<ActionMetrics> {
        let subject = &self.core.subject;
        let counters = self.core.counters.iter().enumerate();
        counters
            .map(|(index, counters)| counters.snapshot(&subject.id, &subject.version, self.core.actions.name(index)))
            .collect()
    }

    /// The plugin's id.
    pub fn id(&self) -> &PluginId {
        &self.core.subject.id
    }

    /// The plugin's version.
    pub fn version(&self) -> &PluginVersion {
        &self.core.subject.version
    }

    /// The plugin's manifest.
    pub fn document(&self) -> &Document {
        &self.core.document
    }
}

impl fmt::Debug for Instance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Instance({} {}, {})", self.id(), self.version(), self.lifecycle())
    }
}
