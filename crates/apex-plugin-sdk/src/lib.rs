//! What a plugin author needs, and nothing of the host.
//!
//! A plugin implements [`Plugin`] and says [`export_plugin!`] once, in a crate of type `cdylib`. In a call it has a
//! [`Context`]: progress, cancellation, configuration, state, log and on whose behalf the call is made. Errors are
//! [`Error`], made of any standard error by `?`. Long results are [`Chunks`], a stream that the consumer pulls.
//!
//! With the feature `tokio` (on by default) the author's code runs inside a tokio runtime of the plugin's own, which
//! starts with the first call: timers, sockets and `tokio::spawn` work, whatever runtime the host has, if any. Take tokio
//! as [`apex_plugin_sdk::tokio`](tokio), or as a dependency of the same major version.
//!
//! With the feature `tracing` (on by default too) the plugin's `tracing` events reach the host's log, with target, fields and
//! the spans around them, as part of the call in whose polls they happen, or in one of whose spans; whatever else happens
//! in a task that the plugin spawned belongs to the plugin as a whole. The host says which levels it wants when the plugin
//! is initialized. Take it as [`apex_plugin_sdk::tracing`](tracing), or as a dependency of the same major version.
//!
//! A panic in the author's code becomes an error of the call. The crate refuses to pull in a host, a JSON Schema
//! validator or a logger: parameters are checked before the plugin sees them, and log lines go to the host.
//!
//! # Example
//!
//! A whole plugin. In a library of its own it ends with `export_plugin!(Greeter);`.
//!
//! ```
//! use apex_plugin_sdk::{Context, Error, Host, Params, Plugin, Reply, Result, async_trait, export_plugin, reply};
//!
//! struct Greeter;
//!
//! #[async_trait]
//! impl Plugin for Greeter {
//!     async fn initialize(_: &Host) -> Result<Self> {
//!         Ok(Self)
//!     }
//!
//!     async fn execute(&self, action: &str, params: Params, _: &Context) -> Result<Reply> {
//!         match action {
//!             "greet" => reply(format!("Hello, {}!", params.get::<String>("name")?)),
//!             _ => Err(Error::action_not_found(action)),
//!         }
//!     }
//! }
//!
//! export_plugin!(Greeter);
//!
//! // A host that links the plugin in takes it so:
//! let module = apex_plugin_sdk::linked::<Greeter>();
//! assert_eq!(module.type_name(), "Greeter");
//! ```
//!
//! Progress, cancellation, code that blocks, and a stream:
//!
//! ```
//! use std::{sync::Arc, thread, time::Duration};
//!
//! use apex_plugin_sdk::{
//!     Chunks, Context, Host, Params, Plugin, Reply, Result, async_trait, blocking, futures::stream, reply,
//! };
//!
//! struct Worker;
//!
//! #[async_trait]
//! impl Plugin for Worker {
//!     async fn initialize(_: &Host) -> Result<Self> {
//!         Ok(Self)
//!     }
//!
//!     async fn execute(&self, _: &str, params: Params, context: &Context) -> Result<Reply> {
//!         let steps = params.get("steps")?;
//!         for step in 1..=steps {
//!             context.cancelled_or(blocking(|| thread::sleep(Duration::from_millis(10)))).await??;
//!             context.progress(step, steps, "working");
//!         }
//!         reply(steps)
//!     }
//!
//!     async fn execute_stream(self: Arc<Self>, _: &str, params: Params, _: Context) -> Result<Chunks> {
//!         let n: u64 = params.get("n")?;
//!         Ok(Chunks::json(stream::iter((1..=n).map(Ok))))
//!     }
//! }
//! ```
#![forbid(unsafe_code)]

mod blocking;
mod context;
mod error;
mod export;
mod host;
mod object;
mod params;
mod plugin;
mod reply;
mod runtime;
mod services;
mod state;
#[cfg(feature = "tracing")]
mod trace;
#[cfg(not(feature = "tracing"))]
#[path = "trace_off.rs"]
mod trace;

pub use apex_abi::{LogLevel, PluginModule, StateScope};
pub use apex_meta::{CallContext, ErrorKind, Progress};
pub use async_trait::async_trait;
pub use blocking::blocking;
pub use context::Context;
pub use error::{Error, Result, ResultExt};
pub use export::linked;
pub use futures;
pub use host::Host;
pub use params::Params;
pub use plugin::Plugin;
pub use reply::{Chunk, Chunks, Reply, reply};
pub use serde_json;
pub use state::State;
#[cfg(feature = "tokio")]
pub use tokio;
#[cfg(feature = "tracing")]
pub use tracing;

/// For the expansion of this crate's macros.
#[doc(hidden)]
pub mod __private {
    pub use apex_abi::export_module;

    pub use crate::export::Library;
}
