//! Where a plugin's code runs, behind one contract: calls go in as bytes, results and chunks come out.
//!
//! Linked and loaded plugins are both in this process and differ only in how their module was found. A child process
//! becomes a further variant here; nothing outside this module and the loader knows the difference.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use apex_abi::{Chunk, Chunks, Outcome, PluginBox, PluginError, PluginModule, RVec, outcome};
use futures::Stream;

use crate::{
    blocking::{Limited, Pool, run_limited},
    call::{Call, plugin_side},
    services::Desk,
    timer::Timer,
};

/// An instance of a plugin's code.
pub(crate) enum Placed {
    /// In this process: linked, or loaded from a library.
    InProcess(Arc<PluginBox>),
}

/// An answer that is being worked out.
pub(crate) enum Execution {
    InProcess(Outcome<RVec<u8>>),
}

/// A stream that is being opened.
pub(crate) enum Opening {
    InProcess(Outcome<apex_abi::ChunkStreamBox>),
}

/// A stream's producer.
pub(crate) enum Producer {
    InProcess(Chunks),
}

impl Placed {
    /// Makes an instance, not yet initialized; this runs the plugin's code and may block.
    pub(crate) fn create(module: PluginModule) -> Result<Self, PluginError> {
        Ok(Self::InProcess(Arc::new(module.create()?)))
    }

    pub(crate) async fn initialize(&self, desk: &Arc<Desk>, configuration: Vec<u8>) -> Result<(), PluginError> {
        match self {
            Self::InProcess(plugin) => outcome(plugin.initialize(desk.for_instance(), configuration.into())).await,
        }
    }

    pub(crate) fn execute(&self, call: &Arc<Call>, params: Vec<u8>) -> Execution {
        match self {
            Self::InProcess(plugin) => Execution::InProcess(outcome(plugin.execute(
                plugin_side(call),
                call.action_name().into(),
                params.into(),
            ))),
        }
    }

    pub(crate) fn open(&self, call: &Arc<Call>, params: Vec<u8>) -> Opening {
        match self {
            Self::InProcess(plugin) => Opening::InProcess(outcome(plugin.execute_stream(
                plugin_side(call),
                call.action_name().into(),
                params.into(),
            ))),
        }
    }

    /// Asks the plugin to bring the state of another version into its own form, on a thread that may block.
    pub(crate) async fn migrate_state(
        &self,
        pool: &Pool,
        timer: &'static Timer,
        limit: Duration,
        from: String,
        state: Vec<u8>,
    ) -> Result<Limited<Result<Option<RVec<u8>>, PluginError>>, PluginError> {
        match self {
            Self::InProcess(plugin) => {
                let plugin = Arc::clone(plugin);
                run_limited(pool, timer, limit, move || async move {
                    outcome(plugin.migrate_state(from.into(), state.into())).await.map(|state| state.into_option())
                })
                .await
            }
        }
    }

    /// Lets the plugin end, on a thread that may block.
    pub(crate) async fn shutdown(
        &self,
        pool: &Pool,
        timer: &'static Timer,
        limit: Duration,
    ) -> Result<Limited<Result<(), PluginError>>, PluginError> {
        match self {
            Self::InProcess(plugin) => {
                let plugin = Arc::clone(plugin);
                run_limited(pool, timer, limit, move || async move { outcome(plugin.shutdown()).await }).await
            }
        }
    }
}

impl Future for Execution {
    type Output = Result<RVec<u8>, PluginError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut *self {
            Self::InProcess(outcome) => Pin::new(outcome).poll(context),
        }
    }
}

impl Future for Opening {
    type Output = Result<Producer, PluginError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut *self {
            Self::InProcess(outcome) => {
                Pin::new(outcome).poll(context).map_ok(|stream| Producer::InProcess(Chunks::new(stream)))
            }
        }
    }
}

impl Stream for Producer {
    type Item = Result<Chunk, PluginError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        match &mut *self {
            Self::InProcess(chunks) => Pin::new(chunks).poll_next(context),
        }
    }
}
