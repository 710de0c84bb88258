//! Loads verified plugins and runs their actions.
//!
//! A [`Loader`] takes a [`Verified`](apex_trust::Verified) plugin and gives a [`Loaded`] one; a plugin that is linked into
//! the host becomes one by [`Loaded::linked`]. An [`Instance`] is started from it with a validated configuration, and
//! answers calls: [`Instance::result`] for one JSON value, [`Instance::events`] for progress, chunks and the end, and
//! [`Instance::raw`] for bytes. A [`CallRequest`] says what to call, for whom, and within which bounds; every failure is a
//! [`CallError`] with a stable code.
//!
//! Parameters are validated and given their defaults before the plugin sees them. Deadlines and cancellation bind the
//! caller whatever the plugin does, except for an asynchronous action that never yields: that one holds its caller's
//! thread, and a watchdog names it in a warning.
//!
//! What this crate refuses to do: it loads nothing that was not verified, runs nothing in process that policy wants in a
//! child, never unloads a library, starts no runtime and needs none, and never waits for a thread of a plugin.
//!
//! # Example
//!
//! ```
//! use apex_abi::{
//!     AbiError, CallBox, ChunkStreamBox, Export, FfiFuture, HostBox, PluginBox, PluginError, PluginModule, PluginObject,
//!     ROption, RResult, RString, RVec, contained, plugin_box,
//! };
//! use apex_exec::{CallRequest, Instance, InstanceOptions, Loaded};
//! use apex_meta::{Document, ErrorKind};
//! use serde_json::json;
//!
//! // A plugin that answers with its parameters, by hand; authors use the SDK instead.
//! struct Echo;
//! # fn answer<T: Send + 'static>(result: Result<T, PluginError>) -> FfiFuture<RResult<T, AbiError>> {
//! #     contained(std::future::ready(result), |_| ())
//! # }
//! impl PluginObject for Echo {
//!     fn execute(&self, _: CallBox, _: RString, params: RVec<u8>) -> FfiFuture<RResult<RVec<u8>, AbiError>> {
//!         answer(Ok(params))
//!     }
//! #     fn initialize(&self, _: HostBox, _: RVec<u8>) -> FfiFuture<RResult<(), AbiError>> { answer(Ok(())) }
//! #     fn execute_stream(&self, _: CallBox, _: RString, _: RVec<u8>) -> FfiFuture<RResult<ChunkStreamBox, AbiError>> {
//! #         answer(Err(PluginError::new(ErrorKind::StreamingNotSupported, "only `execute` here")))
//! #     }
//! #     fn migrate_state(&self, _: RString, _: RVec<u8>) -> FfiFuture<RResult<ROption<RVec<u8>>, AbiError>> {
//! #         answer(Ok(ROption::RNone))
//! #     }
//! #     fn shutdown(&self) -> FfiFuture<RResult<(), AbiError>> { answer(Ok(())) }
//! }
//! # impl Export for Echo {
//! #     fn type_name() -> &'static str { "Echo" }
//! #     fn create() -> Result<PluginBox, PluginError> { Ok(plugin_box(Echo)) }
//! # }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let manifest = Document::parse(br#"{
//!     "name": "Echo", "id": "com.acme.echo", "version": "1.0.0", "description": "Echoes.", "author": "Acme",
//!     "entry_point": "echo::Echo",
//!     "actions": [{"name": "echo", "description": "Echoes.", "parameters": [
//!         {"name": "text", "type": "string", "required": true},
//!         {"name": "times", "type": "integer", "default": 1}
//!     ]}]
//! }"#)?;
//! let loaded = Loaded::linked(manifest, PluginModule::linked::<Echo>());
//! let instance = Instance::start_blocking(loaded, InstanceOptions::default())?;
//!
//! let reply = instance.result_blocking(CallRequest::new("echo").params(json!({"text": "hello"})))?;
//! assert_eq!(reply, json!({"text": "hello", "times": 1}));
//!
//! let error = instance.result_blocking(CallRequest::new("ecko")).unwrap_err();
//! assert_eq!(error.code(), "ActionNotFound");
//! assert_eq!(error.hint(), Some("did you mean `echo`? the plugin's actions are echo"));
//! # Ok(())
//! # }
//! ```

mod actions;
mod active;
mod answer;
mod blocking;
mod bounds;
mod call;
mod call_error;
#[cfg(target_os = "linux")]
mod child;
mod configuration;
mod core;
mod crash_history;
mod event;
mod events;
mod instance;
mod lifecycle;
mod limits;
mod loader;
mod metrics;
mod migrate;
mod number;
mod park;
mod placement;
mod preparation;
mod progress;
mod request;
mod sandbox;
mod services;
mod shutdown;
mod signal;
mod start;
mod subject;
mod suggestion;
mod task;
mod timer;
mod watchdog;

pub use call_error::CallError;
#[cfg(target_os = "linux")]
pub use child::ChildProgram;
pub use crash_history::CrashHistory;
pub use event::CallEvent;
pub use events::{BlockingEvents, CallEvents};
pub use instance::{Instance, InstanceOptions};
pub use lifecycle::{Lifecycle, Observer, ProcessStarted, SlowPoll, Transition};
pub use limits::Limits;
pub use loader::{Loaded, Loader};
pub use metrics::{ActionMetrics, Histogram};
pub use park::block_on;
pub use progress::ProgressSink;
pub use request::{CallRequest, Params};
pub use sandbox::{Kernel, Sandbox};
pub use services::{HostServices, LogLine, NoServices, PluginCall};
pub use shutdown::{Leftover, ShutdownReport};
pub use timer::sleep;
