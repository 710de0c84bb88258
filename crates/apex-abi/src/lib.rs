//! The binary contract between host and native plugin.
//!
//! A plugin is a `cdylib` with one root module ([`PluginModule`]), whose layout is checked before anything else in it is
//! used. From there on host and plugin talk through four small objects: [`PluginObject`] answers calls,
//! [`ChunkStream`] yields chunks, [`HostObject`] and [`CallObject`] are what the plugin may use of the host. All data
//! crosses as JSON in bytes, all errors as [`AbiError`], with [`PluginError`] as the plain-Rust twin. No panic crosses:
//! [`contain()`], [`contained`] and [`contained_stream`] turn it into an error on the side where it happens.
//!
//! Authors use the SDK, which hides all of this. The crate refuses to unload a library, to memoise one module for all
//! plugins, to start a runtime, and to look into parameters or results.
//!
//! # Example
//!
//! A plugin by hand, linked into the program and called as a host calls it:
//!
//! ```
//! use apex_abi::{
//!     AbiError, CallBox, ChunkStreamBox, Export, FfiFuture, HostBox, PluginBox, PluginError, PluginModule,
//!     PluginObject, ROption, RResult, RString, RVec, contained, plugin_box,
//! };
//! use apex_meta::ErrorKind;
//!
//! struct Echo;
//!
//! fn answer<T: Send + 'static>(result: Result<T, PluginError>) -> FfiFuture<RResult<T, AbiError>> {
//!     contained(std::future::ready(result), |_| ())
//! }
//!
//! impl PluginObject for Echo {
//!     fn initialize(&self, _: HostBox, _: RVec<u8>) -> FfiFuture<RResult<(), AbiError>> {
//!         answer(Ok(()))
//!     }
//!     fn execute(&self, _: CallBox, _: RString, params: RVec<u8>) -> FfiFuture<RResult<RVec<u8>, AbiError>> {
//!         answer(Ok(params))
//!     }
//!     fn execute_stream(&self, _: CallBox, _: RString, _: RVec<u8>) -> FfiFuture<RResult<ChunkStreamBox, AbiError>> {
//!         answer(Err(PluginError::new(ErrorKind::StreamingNotSupported, "only `execute` here")))
//!     }
//!     fn migrate_state(&self, _: RString, _: RVec<u8>) -> FfiFuture<RResult<ROption<RVec<u8>>, AbiError>> {
//!         answer(Ok(ROption::RNone))
//!     }
//!     fn shutdown(&self) -> FfiFuture<RResult<(), AbiError>> {
//!         answer(Ok(()))
//!     }
//! }
//!
//! impl Export for Echo {
//!     fn type_name() -> &'static str {
//!         "Echo"
//!     }
//!     fn create() -> Result<PluginBox, PluginError> {
//!         Ok(plugin_box(Echo))
//!     }
//! }
//! // In a `cdylib`: apex_abi::export_module!(Echo);
//!
//! let module = PluginModule::linked::<Echo>();
//! assert_eq!(module.type_name(), "Echo");
//! assert!(module.create().is_ok());
//! ```

mod chunk;
mod contain;
mod error;
mod guard;
mod host;
mod level;
mod load;
mod module;
mod plugin;
mod root;
mod stream;

pub use abi_stable::std_types::{ROption, RResult, RString, RVec};
pub use apex_meta::{ErrorKind, StateScope, UnknownStateScope};
pub use async_ffi::{FfiContext, FfiFuture, FfiPoll, FutureExt as FfiFutureExt};
pub use chunk::{Chunk, ChunkStream, ChunkStreamBox, PolledChunk};
pub use contain::{Outcome, contain, contained, outcome};
pub use error::{AbiError, PluginError};
pub use host::{
    CallBox, CallObject, CalledPlugin, HostBox, HostObject, LoadedState, ReadResource, SavedState, StateRecord,
    call_box, host_box,
};
pub use level::LogLevel;
pub use load::{LoadError, Mismatch, load_module};
pub use module::{CONTRACT_VERSION, Export, PluginModule};
pub use plugin::{PluginBox, PluginObject, plugin_box};
pub use stream::{Chunks, contained_stream};

/// For the expansion of this crate's macros.
#[doc(hidden)]
pub mod __private {
    pub use abi_stable::library::LibHeader;

    pub use crate::module::library_header;
}
