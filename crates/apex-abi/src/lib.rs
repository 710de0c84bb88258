//! The binary contract between host and native plugin.

mod chunk;
mod contain;
mod error;
mod guard;
mod host;
mod level;
mod load;
mod module;
mod plugin;
mod scope;
mod stream;

pub use abi_stable::std_types::{ROption, RResult, RString, RVec};
pub use async_ffi::{FfiContext, FfiFuture, FfiPoll, FutureExt as FfiFutureExt};
pub use chunk::{Chunk, ChunkStream, ChunkStreamBox, PolledChunk};
pub use contain::{Outcome, contain, contained, outcome};
pub use error::{AbiError, PluginError};
pub use host::{CallBox, CallObject, HostBox, HostObject, LoadedState, SavedState, StateRecord, call_box, host_box};
pub use level::LogLevel;
pub use load::{LoadError, Mismatch, load_module};
pub use module::{CONTRACT_VERSION, Export, PluginModule};
pub use plugin::{PluginBox, PluginObject, plugin_box};
pub use scope::{StateScope, UnknownScope};
pub use stream::{Chunks, contained_stream};

/// For the expansion of this crate's macros.
#[doc(hidden)]
pub mod __private {
    pub use abi_stable::library::LibHeader;

    pub use crate::module::library_header;
}
