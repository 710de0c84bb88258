//! The object behind the boundary: answers the host with what the author wrote.

use std::sync::{Arc, PoisonError, RwLock};

use apex_abi::{
    AbiError, CallBox, ChunkStreamBox, FfiFuture, HostBox, PluginBox, PluginError, PluginObject, ROption, RResult,
    RString, RVec, contain, contained, contained_stream, plugin_box,
};
use apex_meta::ErrorKind;
use futures::TryStreamExt;

use crate::{
    Chunk, Context, Error, Host, Params, Plugin,
    runtime::{Entered, entered},
    services::Services,
    trace,
};

/// An instance that waits for its initialization.
pub(crate) fn instance<P: Plugin>() -> PluginBox {
    plugin_box(Object::<P>(Arc::new(RwLock::new(Stage::New))))
}

struct Object<P>(Slot<P>);

type Slot<P> = Arc<RwLock<Stage<P>>>;

/// Where an instance stands in its life.
enum Stage<P> {
    New,
    Initializing,
    Running(Instance<P>),
    Stopped,
}

struct Instance<P> {
    plugin: Arc<P>,
    host: Host,
}

impl<P> Clone for Instance<P> {
    fn clone(&self) -> Self {
        Self { plugin: self.plugin.clone(), host: self.host.clone() }
    }
}

/// Puts the instance into another stage and returns the one that it was in.
fn replace<P>(slot: &Slot<P>, stage: Stage<P>) -> Stage<P> {
    // No code of the author runs under the lock, so a poisoned one is as good as any.
    std::mem::replace(&mut *slot.write().unwrap_or_else(PoisonError::into_inner), stage)
}

/// Takes what is asked for of an instance that runs.
fn running<P, T>(slot: &Slot<P>, take: impl FnOnce(&Instance<P>) -> T) -> Result<T, PluginError> {
    let out_of_turn = match &*slot.read().unwrap_or_else(PoisonError::into_inner) {
        Stage::Running(instance) => return Ok(take(instance)),
        Stage::New | Stage::Initializing => "called before it was initialized",
        Stage::Stopped => "called after it was shut down",
    };
    Err(PluginError::new(ErrorKind::ProtocolViolation, out_of_turn))
}

/// Makes an author's future fit to cross, run inside the runtime; what panics too late is logged.
fn crossing<T: 'static>(
    future: impl Future<Output = Result<T, PluginError>> + Send + 'static,
    services: Option<Arc<Services>>,
    lost: impl FnOnce(PluginError) + Send + 'static,
) -> FfiFuture<RResult<T, AbiError>> {
    contained(Entered::new(future, services), lost)
}

impl<P: Plugin> Object<P> {
    /// The plugin and the context of a call to it.
    fn begin(&self, call: CallBox) -> Result<(Arc<P>, Context), PluginError> {
        let (plugin, shared) = running(&self.0, |running| (running.plugin.clone(), running.host.shared.clone()))?;
        Ok((plugin, Context::new(call, shared)))
    }
}

/// A future that fails at once.
fn refused<T: Send + 'static>(error: PluginError) -> FfiFuture<RResult<T, AbiError>> {
    contained(std::future::ready(Err(error)), drop)
}

impl<P: Plugin> PluginObject for Object<P> {
    fn initialize(&self, host: HostBox, configuration: RVec<u8>) -> FfiFuture<RResult<(), AbiError>> {
        let host = Host::new(host, &configuration);
        let (slot, services) = (self.0.clone(), host.services.clone());
        trace::instance(&services);
        let initialize = async move {
            let before = replace(&slot, Stage::Initializing);
            if !matches!(before, Stage::New) {
                replace(&slot, before);
                return Err(PluginError::new(ErrorKind::ProtocolViolation, "initialized twice"));
            }
            let plugin = P::initialize(&host).await.map_err(Error::into_plugin_error)?;
            replace(&slot, Stage::Running(Instance { plugin: Arc::new(plugin), host }));
            Ok(())
        };
        crossing(initialize, trace::note(&services), move |error| services.log_lost(&error))
    }

    fn execute(&self, call: CallBox, action: RString, params: RVec<u8>) -> FfiFuture<RResult<RVec<u8>, AbiError>> {
        let (plugin, context) = match self.begin(call) {
            Ok(begun) => begun,
            Err(error) => return refused(error),
        };
        let services = context.services().clone();
        let execute = async move {
            let reply = plugin.execute(&action, Params::new(params), &context).await;
            reply.map(|reply| reply.into_bytes().into()).map_err(Error::into_plugin_error)
        };
        crossing(execute, trace::note(&services), move |error| services.log_lost(&error))
    }

    fn execute_stream(
        &self,
        call: CallBox,
        action: RString,
        params: RVec<u8>,
    ) -> FfiFuture<RResult<ChunkStreamBox, AbiError>> {
        let (plugin, context) = match self.begin(call) {
            Ok(begun) => begun,
            Err(error) => return refused(error),
        };
        let services = context.services().clone();
        let while_streaming = services.clone();
        let execute = async move {
            let chunks = plugin.execute_stream(&action, Params::new(params), context).await;
            let chunks = chunks.map_err(Error::into_plugin_error)?;
            let chunks = chunks.map_ok(Chunk::into_abi).map_err(Error::into_plugin_error);
            Ok(contained_stream(Entered::new(chunks, trace::note(&while_streaming)), move |error| {
                while_streaming.log_lost(&error);
            }))
        };
        crossing(execute, trace::note(&services), move |error| services.log_lost(&error))
    }

    fn migrate_state(&self, from: RString, state: RVec<u8>) -> FfiFuture<RResult<ROption<RVec<u8>>, AbiError>> {
        let migrate = async move {
            let state = serde_json::from_slice(&state).map_err(|error| {
                PluginError::new(ErrorKind::StateIo, "the state to migrate is not JSON").caused_by(&error)
            })?;
            let state = P::migrate_state(&from, state).await.map_err(Error::into_plugin_error)?;
            Ok(state.map(|state| state.to_string().into_bytes().into()).into())
        };
        // There may be no host yet that could log.
        crossing(migrate, None, drop)
    }

    fn shutdown(&self) -> FfiFuture<RResult<(), AbiError>> {
        let (slot, instance) = match running(&self.0, Instance::clone) {
            Ok(instance) => (self.0.clone(), instance),
            Err(error) => return refused(error),
        };
        let services = instance.host.services.clone();
        let shutdown = async move {
            let result = instance.plugin.shutdown().await.map_err(Error::into_plugin_error);
            // Dropped here, where a panic in the plugin's drop can still be the error.
            drop(replace(&slot, Stage::Stopped));
            drop(instance);
            result
        };
        crossing(shutdown, trace::note(&services), move |error| services.log_lost(&error))
    }
}

impl<P> Drop for Object<P> {
    fn drop(&mut self) {
        if let Stage::Running(instance) = replace(&self.0, Stage::Stopped) {
            let services = instance.host.services.clone();
            if let Err(error) = contain(|| entered(|| drop(instance))) {
                services.log_lost(&error);
            }
        }
    }
}
