//! Where a plugin's code runs, behind one contract: calls go in as bytes, results and chunks come out.
//!
//! Linked and loaded plugins are both in this process and differ only in how their module was found. Nothing outside
//! this module, the loader and the start knows the difference.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use apex_abi::{Chunk, Chunks, Outcome, PluginBox, PluginError, RVec, outcome};
use futures::Stream;

#[cfg(target_os = "linux")]
use crate::child::{Asking, ChildPlugin, Pull};
use crate::{
    CallError,
    blocking::{Limited, run_limited},
    call::{Call, plugin_side},
    core::Core,
};

/// An instance of a plugin's code.
pub(crate) enum Placed {
    /// In this process: linked, or loaded from a library.
    InProcess(Arc<PluginBox>),
    /// In a process of its own.
    #[cfg(target_os = "linux")]
    Child(Arc<ChildPlugin>),
}

/// An answer that is being worked out.
pub(crate) enum Execution {
    InProcess(Outcome<RVec<u8>>),
    #[cfg(target_os = "linux")]
    Child(Box<Asking>),
}

/// A stream that is being opened.
pub(crate) enum Opening {
    InProcess(Outcome<apex_abi::ChunkStreamBox>),
    #[cfg(target_os = "linux")]
    Child(Box<Asking>),
}

/// A stream's producer.
pub(crate) enum Producer {
    InProcess(Chunks),
    #[cfg(target_os = "linux")]
    Child(Pull),
}

impl Placed {
    /// Whether the code runs in another process, which has threads of its own.
    pub(crate) fn is_elsewhere(&self) -> bool {
        !matches!(self, Self::InProcess(_))
    }

    pub(crate) fn execute(&self, call: &Arc<Call>, params: Vec<u8>) -> Execution {
        match self {
            Self::InProcess(plugin) => Execution::InProcess(outcome(plugin.execute(
                plugin_side(call),
                call.action_name().into(),
                params.into(),
            ))),
            #[cfg(target_os = "linux")]
            Self::Child(child) => Execution::Child(Box::new(child.ask_for(call, params, false))),
        }
    }

    pub(crate) fn open(&self, call: &Arc<Call>, params: Vec<u8>) -> Opening {
        match self {
            Self::InProcess(plugin) => Opening::InProcess(outcome(plugin.execute_stream(
                plugin_side(call),
                call.action_name().into(),
                params.into(),
            ))),
            #[cfg(target_os = "linux")]
            Self::Child(child) => Opening::Child(Box::new(child.ask_for(call, params, true))),
        }
    }

    /// Asks the plugin to bring the state of another version into its own form, on a thread that may block.
    pub(crate) async fn migrate_state(
        &self,
        core: &Core,
        limit: Duration,
        from: String,
        state: Vec<u8>,
    ) -> Result<Limited<Option<RVec<u8>>>, CallError> {
        match self {
            Self::InProcess(plugin) => {
                let plugin = Arc::clone(plugin);
                let migrate = move || async move {
                    outcome(plugin.migrate_state(from.into(), state.into())).await.map(|state| state.into_option())
                };
                settle(core, run_limited(&core.placed.pool, core.timer, limit, migrate).await)
            }
            #[cfg(target_os = "linux")]
            Self::Child(child) => child.migrate_state(limit, &from, &state).await,
        }
    }

    /// Lets the plugin end, on a thread that may block.
    pub(crate) async fn shutdown(&self, core: &Core, limit: Duration) -> Result<Limited<()>, CallError> {
        match self {
            Self::InProcess(plugin) => {
                let plugin = Arc::clone(plugin);
                let shutdown = move || async move { outcome(plugin.shutdown()).await };
                settle(core, run_limited(&core.placed.pool, core.timer, limit, shutdown).await)
            }
            #[cfg(target_os = "linux")]
            Self::Child(child) => child.shutdown(limit).await.map(Limited::Finished),
        }
    }
}

fn settle<T>(
    core: &Core,
    limited: Result<Limited<Result<T, PluginError>>, PluginError>,
) -> Result<Limited<T>, CallError> {
    match limited {
        Ok(Limited::Finished(Ok(value))) => Ok(Limited::Finished(value)),
        Ok(Limited::Finished(Err(error))) | Err(error) => Err(core.subject.reported(error)),
        Ok(Limited::TooSlow) => Ok(Limited::TooSlow),
    }
}

impl Future for Execution {
    type Output = Result<RVec<u8>, PluginError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut *self {
            Self::InProcess(outcome) => Pin::new(outcome).poll(context),
            #[cfg(target_os = "linux")]
            Self::Child(asking) => asking.poll_answer(context),
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
            #[cfg(target_os = "linux")]
            Self::Child(asking) => asking.poll_open(context).map_ok(Producer::Child),
        }
    }
}

impl Stream for Producer {
    type Item = Result<Chunk, PluginError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        match &mut *self {
            Self::InProcess(chunks) => Pin::new(chunks).poll_next(context),
            #[cfg(target_os = "linux")]
            Self::Child(pull) => pull.poll_next(context),
        }
    }
}
