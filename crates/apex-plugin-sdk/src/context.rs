//! A call, as the action sees it.

use std::{pin::pin, sync::Arc, time::Duration};

use apex_abi::{CallBox, CallObject, LogLevel, PluginError, RVec, StateScope};
use apex_meta::{CallContext, ErrorKind, Progress};
use futures::future::{Either, select};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};

use crate::{
    Error, Result, ResultExt, State,
    host::read_configuration,
    services::{Services, Shared},
};

/// A call, as the action sees it: progress, cancellation, configuration, state, log and on whose behalf.
///
/// Cheap to clone. It may be kept longer than the call; then progress goes nowhere.
#[derive(Clone)]
pub struct Context {
    services: Arc<Services>,
    shared: Shared,
}

impl Context {
    pub(crate) fn new(call: CallBox, shared: Shared) -> Self {
        Self { services: Arc::new(Services::Call(call)), shared }
    }

    pub(crate) fn services(&self) -> &Arc<Services> {
        &self.services
    }

    fn object(&self) -> Option<&CallBox> {
        match &*self.services {
            Services::Call(call) => Some(call),
            Services::Host(_) => None,
        }
    }

    /// Reports that `done` of `total` steps are done; without a total, only what is being done.
    pub fn progress(&self, done: u64, total: u64, message: &str) {
        #[expect(clippy::cast_precision_loss, reason = "a percentage is no count")]
        let percentage = (total > 0).then(|| (done as f64 / total as f64 * 100.0).min(100.0));
        self.report(percentage, message, &Map::new());
    }

    /// Reports progress with all that can be said.
    pub fn report_progress(&self, progress: &Progress) {
        self.report(progress.percentage, progress.message.as_deref().unwrap_or_default(), &progress.details);
    }

    fn report(&self, percentage: Option<f64>, message: &str, details: &Map<String, Value>) {
        let details = match details.is_empty() {
            true => RVec::new(),
            // A map of values always serializes; without its details the report still says most.
            false => serde_json::to_vec(details).unwrap_or_default().into(),
        };
        if let Some(call) = self.object() {
            call.progress(percentage.into(), message.into(), details);
        }
    }

    /// Whether the caller has given up.
    pub fn is_cancelled(&self) -> bool {
        self.object().is_some_and(CallObject::is_cancelled)
    }

    /// Waits until the caller gives up.
    pub async fn cancelled(&self) {
        match self.object() {
            Some(call) => call.cancelled().await,
            None => std::future::pending().await,
        }
    }

    /// Waits for `future`, unless the caller gives up first.
    ///
    /// # Errors
    /// When the caller gave up; the kind is `Cancelled`. `future` is dropped then.
    pub async fn cancelled_or<F: Future>(&self, future: F) -> Result<F::Output> {
        match select(pin!(self.cancelled()), pin!(future)).await {
            Either::Left(_) => Err(Error::cancelled()),
            Either::Right((output, _)) => Ok(output),
        }
    }

    /// The time until the call's deadline, if it has one.
    pub fn remaining(&self) -> Option<Duration> {
        self.object()?.remaining_ms().into_option().map(Duration::from_millis)
    }

    /// On whose behalf the call is made; this comes from the host, never from the caller's arguments.
    ///
    /// # Errors
    /// When the host's answer cannot be read.
    pub fn call_context(&self) -> Result<CallContext> {
        let bytes = self.object().map(CallObject::context).unwrap_or_default();
        if bytes.is_empty() {
            return Ok(CallContext::default());
        }
        serde_json::from_slice(&bytes)
            .context("the call's context cannot be read")
            .with_kind(ErrorKind::ProtocolViolation)
    }

    /// Calls an action of another plugin and waits for its result.
    ///
    /// The other plugin is declared as a dependency in `plugin.json`, the permission `call:ID` is asked for there and
    /// granted by the operator. It is called on behalf of the same user as this call, knows who calls it, and has no more
    /// time than this call has left; when the caller of this call gives up, it is given up too.
    ///
    /// # Errors
    /// `DependencyNotDeclared`, `PermissionDenied`, `Dependency` if the other plugin is not there or may not run, and
    /// whatever its action ends in.
    pub async fn call<T: DeserializeOwned>(&self, plugin: &str, action: &str, params: impl Serialize) -> Result<T> {
        let params = serde_json::to_vec(&params).context("the parameters of a call cannot be written as JSON")?;
        let called = self.services.call_plugin(plugin, action, params);
        let called =
            called.ok_or_else(|| Error::new(ErrorKind::Dependency, "only within a call others can be called"))?;
        let result = called.await.into_result().map_err(PluginError::from)?;
        let misfit = || format!("the result of `{action}` of {plugin} does not fit");
        serde_json::from_slice(&result).context(misfit()).with_kind(ErrorKind::Dependency)
    }

    /// Reads a file of the plugin's own: see [`Host::resource`](crate::Host::resource).
    ///
    /// # Errors
    /// As there.
    pub async fn resource(&self, path: &str) -> Result<Vec<u8>> {
        Ok(self.services.read_resource(path).await?)
    }

    /// The plugin's configuration, which the host has checked against the manifest's schema.
    ///
    /// # Errors
    /// When it does not fit the type; the kind is `Configuration`.
    pub fn configuration<T: DeserializeOwned>(&self) -> Result<T> {
        read_configuration(&self.shared)
    }

    /// Writes to the host's log.
    pub fn log(&self, level: LogLevel, message: &str, fields: &Map<String, Value>) {
        self.services.log(level, "", message, fields);
    }

    /// Logs that something worth knowing happened.
    pub fn info(&self, message: &str) {
        self.log(LogLevel::Info, message, &Map::new());
    }

    /// Logs that something is odd and may fail.
    pub fn warn(&self, message: &str) {
        self.log(LogLevel::Warn, message, &Map::new());
    }

    /// Logs that something failed.
    pub fn error(&self, message: &str) {
        self.log(LogLevel::Error, message, &Map::new());
    }

    /// The plugin's state in a scope; tenant and user are those of the call.
    pub fn state(&self, scope: StateScope) -> State<'_> {
        State::new(&self.services, &self.shared, scope)
    }

    /// The state for everybody: [`State::load`].
    ///
    /// # Errors
    /// As [`State::load`].
    pub async fn load_state<T: DeserializeOwned>(&self) -> Result<Option<T>> {
        self.state(StateScope::Global).load().await
    }

    /// Saves the state for everybody: [`State::save`].
    ///
    /// # Errors
    /// As [`State::save`].
    pub async fn save_state<T: Serialize + Sync>(&self, state: &T) -> Result<()> {
        self.state(StateScope::Global).save(state).await
    }

    /// Changes the state for everybody: [`State::update`].
    ///
    /// # Errors
    /// As [`State::update`].
    pub async fn update_state<T, R>(&self, change: impl FnMut(&mut T) -> R + Send) -> Result<R>
    where
        T: Serialize + DeserializeOwned + Default + Send,
        R: Send,
    {
        self.state(StateScope::Global).update(change).await
    }
}
