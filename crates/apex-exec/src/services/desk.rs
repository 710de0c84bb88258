//! Where an instance's requests arrive: bounded, answered in the host's runtime, and without a panic getting out.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use apex_abi::{
    AbiError, CalledPlugin, FfiFuture, HostBox, HostObject, LoadedState, LogLevel, PluginError, ROption, RResult,
    RString, RVec, ReadResource, SavedState, StateRecord, StateScope, contained, host_box,
};
use apex_meta::{CallContext, ErrorKind, PluginId};
use futures::future::{Either, select};
use serde_json::{Map, Value};
use tokio::runtime::Handle;

use super::{
    HostServices, LogLine, PluginCall,
    files::Files,
    gate::{Admission, Gate},
};
use crate::{Limits, call::Call, signal::Raised, subject::Subject};

/// The host's services, as an instance's objects reach them.
pub(crate) struct Desk {
    pub(crate) services: Arc<dyn HostServices>,
    pub(crate) subject: Arc<Subject>,
    /// The runtime that the instance was started in, if any: services may use it on whatever thread they are asked.
    pub(crate) runtime: Option<Handle>,
    pub(crate) gate: Gate,
    /// The plugin's own files.
    pub(crate) files: Files,
    max_log_bytes: usize,
    max_call_depth: u32,
}

impl Desk {
    /// The desk of an instance that is being started, in the runtime that this happens in.
    pub(crate) fn new(services: Arc<dyn HostServices>, subject: Arc<Subject>, files: Files, limits: &Limits) -> Self {
        let (runtime, gate) = (Handle::try_current().ok(), Gate::new(limits.log_lines_per_second));
        Self {
            services,
            subject,
            runtime,
            gate,
            files,
            max_log_bytes: limits.max_log_bytes,
            max_call_depth: limits.max_call_depth,
        }
    }

    pub(crate) fn log(&self, call: Option<&Call>, level: u8, target: &str, message: &str, fields: &[u8]) {
        let level = LogLevel::from_number(level);
        if self.services.log_level().is_none_or(|wanted| level > wanted) {
            return;
        }
        match self.gate.admit() {
            Admission::Passes => {}
            Admission::FirstLeftOut => return self.tell_of_flood(),
            Admission::LeftOut => return,
        }
        let target = &target[..target.floor_char_boundary(MAX_TARGET_BYTES)];
        let message = &message[..message.floor_char_boundary(self.max_log_bytes)];
        let fields = read_fields(fields, self.max_log_bytes - message.len());
        let nobody = CallContext::default();
        let (plugin, version) = (&self.subject.id, &self.subject.version);
        let (action, context) = call.map_or((None, &nobody), |call| (Some(call.action_name()), &call.context));
        let (call, fields) = (call.map(|call| call.number), &fields);
        self.services.log(&LogLine { plugin, version, action, call, level, target, message, fields, context });
    }

    fn tell_of_flood(&self) {
        tracing::warn!(
            plugin = %self.subject.id,
            version = %self.subject.version,
            "the plugin logs too much at once; lines are left out"
        );
    }

    pub(crate) fn load_state(self: &Arc<Self>, scope: &str, context: CallContext) -> FfiFuture<LoadedState> {
        let (desk, scope) = (Arc::clone(self), scope.parse::<StateScope>());
        self.answer(async move {
            let scope = scope.map_err(|error| malformed(&error))?;
            let Some((generation, data)) = desk.services.load_state(scope, &context).await? else {
                return Ok(ROption::RNone);
            };
            let data = serde_json::to_vec(&data).map_err(|error| malformed(&error))?;
            Ok(ROption::RSome(StateRecord { generation, data: data.into() }))
        })
    }

    pub(crate) fn save_state(
        self: &Arc<Self>,
        scope: &str,
        context: CallContext,
        expected: u64,
        data: RVec<u8>,
    ) -> FfiFuture<SavedState> {
        let (desk, scope) = (Arc::clone(self), scope.parse::<StateScope>());
        self.answer(async move {
            let scope = scope.map_err(|error| malformed(&error))?;
            let data = serde_json::from_slice(&data).map_err(|error| malformed(&error))?;
            desk.services.save_state(scope, &context, expected, data).await
        })
    }

    /// Calls another plugin on behalf of a call, and gives it up with that call.
    pub(crate) fn call_plugin(
        self: &Arc<Self>,
        call: &Arc<Call>,
        plugin: &str,
        action: &str,
        params: &[u8],
    ) -> FfiFuture<CalledPlugin> {
        let (desk, call) = (Arc::clone(self), Arc::clone(call));
        let asked = self.read_call(&call, plugin, action, params);
        self.answer(async move {
            let asked = asked?;
            let called = desk.services.call_plugin(asked);
            match select(called, Raised::new(call)).await {
                Either::Left((result, _)) => {
                    let result = serde_json::to_vec(&result?);
                    Ok(result.map_err(|error| malformed_call("a result is no JSON", &error))?.into())
                }
                Either::Right(_) => {
                    Err(PluginError::new(ErrorKind::Cancelled, "the calling plugin's own call is over"))
                }
            }
        })
    }

    /// Reads a file of the plugin's own.
    pub(crate) fn read_resource(self: &Arc<Self>, path: &str) -> FfiFuture<ReadResource> {
        let read = self.files.read(path);
        self.answer(async move { Ok(read?.await??.into()) })
    }

    fn read_call(&self, call: &Call, plugin: &str, action: &str, params: &[u8]) -> Result<PluginCall, PluginError> {
        let id = plugin.parse::<PluginId>();
        let id = id.map_err(|error| malformed_call("the id of the plugin to call is none", &error))?;
        let params = serde_json::from_slice(params);
        let params = params.map_err(|error| malformed_call("the parameters of a call are no JSON", &error))?;
        let mut context = call.context.clone();
        (context.caller, context.depth) = (Some(self.subject.id.clone()), context.depth.saturating_add(1));
        if context.depth > self.max_call_depth {
            let message = format!(
                "plugins call each other more than {} deep: {} may not call {id} any more",
                self.max_call_depth, self.subject.id
            );
            return Err(PluginError::new(ErrorKind::ResourceLimit, message));
        }
        Ok(PluginCall { plugin: id, action: action.to_owned(), params, context, deadline: call.deadline })
    }

    /// A future that the plugin may poll wherever it likes: in the host's runtime, and without a panic getting out.
    fn answer<T: 'static>(
        self: &Arc<Self>,
        future: impl Future<Output = Result<T, PluginError>> + Send + 'static,
    ) -> FfiFuture<RResult<T, AbiError>> {
        let subject = Arc::clone(&self.subject);
        contained(InRuntime { runtime: self.runtime.clone(), future: Box::pin(future) }, move |panicked| {
            tracing::error!(plugin = %subject.id, error = %panicked, "the host's own services panicked");
        })
    }
}

/// The most bytes of the name of a part of a plugin.
const MAX_TARGET_BYTES: usize = 256;

/// The fields of a log line, as far as they are small enough and JSON.
fn read_fields(fields: &[u8], room: usize) -> Map<String, Value> {
    if fields.is_empty() {
        return Map::new();
    }
    if fields.len() > room {
        return Map::from_iter([("fields_left_out".to_owned(), format!("{} bytes", fields.len()).into())]);
    }
    match serde_json::from_slice(fields) {
        Ok(Value::Object(fields)) => fields,
        Ok(other) => Map::from_iter([("fields".to_owned(), other)]),
        Err(_) => Map::from_iter([("fields_left_out".to_owned(), "not JSON".into())]),
    }
}

/// The error about a request for state that no plugin of this SDK makes.
fn malformed(error: &(dyn std::error::Error + 'static)) -> PluginError {
    PluginError::new(ErrorKind::ProtocolViolation, "a scope or a state is malformed").caused_by(error)
}

fn malformed_call(message: &str, error: &(dyn std::error::Error + 'static)) -> PluginError {
    PluginError::new(ErrorKind::InvalidRequest, message).caused_by(error)
}

/// A future whose polls are in a runtime's context.
struct InRuntime<F> {
    runtime: Option<Handle>,
    future: Pin<Box<F>>,
}

impl<F: Future> Future for InRuntime<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let this = &mut *self;
        let _entered = this.runtime.as_ref().map(Handle::enter);
        this.future.as_mut().poll(context)
    }
}

/// What a plugin may use for the life of its instance.
struct InstanceHost(Arc<Desk>);

impl Desk {
    pub(crate) fn for_instance(self: &Arc<Self>) -> HostBox {
        host_box(InstanceHost(Arc::clone(self)))
    }
}

impl HostObject for InstanceHost {
    fn log(&self, level: u8, target: RString, message: RString, fields: RVec<u8>) {
        self.0.log(None, level, &target, &message, &fields);
    }

    fn load_state(&self, scope: RString) -> FfiFuture<LoadedState> {
        self.0.load_state(&scope, CallContext::default())
    }

    fn save_state(&self, scope: RString, expected: u64, data: RVec<u8>) -> FfiFuture<SavedState> {
        self.0.save_state(&scope, CallContext::default(), expected, data)
    }

    fn log_level(&self) -> u8 {
        self.0.services.log_level().map_or(0, LogLevel::number)
    }

    fn read_resource(&self, path: RString) -> FfiFuture<ReadResource> {
        self.0.read_resource(&path)
    }
}
