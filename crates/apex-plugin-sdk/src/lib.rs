//! What a plugin author needs, and nothing of the host.
//!
//! A plugin is a type with an `impl` block under [`#[plugin]`](macro@plugin), and one line of [`export_plugin!`], in a crate of type
//! `cdylib`. Functions under `#[action]` are its actions: what they take and return is described by their types, what they mean
//! by their doc comments. In a call there is a [`Context`]: progress, cancellation, configuration, state, log and on whose behalf the call is made. Errors are
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
//! [`testing`] calls actions in unit tests, without a host.
//!
//! # Example
//!
//! A whole plugin; its `plugin.json` is made of this and of `Cargo.toml`:
//!
//! ```
//! use apex_plugin_sdk::{Context, Result, export_plugin, futures::{Stream, stream}, plugin};
//!
//! /// Greets and counts.
//! #[derive(Default)]
//! struct Greeter;
//!
//! #[plugin(id = "com.acme.greeter")]
//! impl Greeter {
//!     /// Greets a person.
//!     #[action(read_only, idempotent)]
//!     #[example({"name": "Ada"} => "Hello, Ada!")]
//!     fn greet(
//!         &self,
//!         /// Whom to greet.
//!         name: String,
//!         #[default = "Hello".to_owned()]
//!         greeting: String,
//!     ) -> String {
//!         format!("{greeting}, {name}!")
//!     }
//!
//!     /// Counts the greetings of all time.
//!     #[action]
//!     async fn count(&self, context: &Context) -> Result<u64> {
//!         context.update_state(|count: &mut u64| { *count += 1; *count }).await
//!     }
//!
//!     /// Counts to n.
//!     #[action(read_only)]
//!     fn numbers(&self, n: u64) -> impl Stream<Item = u64> {
//!         stream::iter(1..=n)
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
//! Underneath stands the trait [`Plugin`]; who implements it by hand also writes `plugin.json` by hand:
//!
//! ```
//! use apex_plugin_sdk::{Context, Error, Host, Params, Plugin, Reply, Result, async_trait, reply};
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
mod describe;
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
pub mod testing;
#[cfg(feature = "tracing")]
mod trace;
#[cfg(not(feature = "tracing"))]
#[path = "trace_off.rs"]
mod trace;
mod turns;
mod typed;
mod yielder;

pub use apex_abi::{LogLevel, PluginModule, StateScope};
pub use apex_meta::{CallContext, ErrorKind, Progress};
pub use apex_plugin_sdk_macros::{action, init, plugin};
pub use async_trait::async_trait;
pub use blocking::blocking;
pub use context::Context;
pub use describe::Description;
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
pub use yielder::Yielder;

/// For the expansion of this crate's macros.
#[doc(hidden)]
pub mod __private {
    pub use apex_abi::export_module;
    pub use schemars;
    pub use serde;

    pub use crate::{
        describe::ActionDescription,
        export::Library,
        typed::{answer, assert_state, infallible, migrated, no_stream},
    };
}
