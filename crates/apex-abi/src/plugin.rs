//! What a plugin gives to the host: the object that answers calls.
#![expect(
    unsafe_code,
    non_local_definitions,
    reason = "the expansion of #[sabi_trait], which casts behind its own checks"
)]

use abi_stable::{
    sabi_trait,
    sabi_trait::prelude::TD_Opaque,
    std_types::{RBox, ROption, RResult, RString, RVec},
};
use async_ffi::FfiFuture;

use crate::{AbiError, CallBox, ChunkStreamBox, HostBox, guard::Guarded};

/// An instance of a plugin as it crosses the boundary.
///
/// Parameters, results, configuration and state are JSON as bytes. The futures own what they need and may outlive the
/// object; dropping one gives the call up. No method may unwind, block or do more than make its future.
#[sabi_trait]
pub trait PluginObject: Send + Sync {
    /// Makes the plugin ready; the first call, made once.
    fn initialize(&self, host: HostBox, configuration: RVec<u8>) -> FfiFuture<RResult<(), AbiError>>;

    /// Runs an action that has one result.
    fn execute(&self, call: CallBox, action: RString, params: RVec<u8>) -> FfiFuture<RResult<RVec<u8>, AbiError>>;

    /// Starts an action that has a stream of chunks.
    fn execute_stream(
        &self,
        call: CallBox,
        action: RString,
        params: RVec<u8>,
    ) -> FfiFuture<RResult<ChunkStreamBox, AbiError>>;

    /// Turns the state that version `from` saved into one that this version reads; nothing if the plugin has no
    /// migration from there. Allowed before `initialize`.
    fn migrate_state(&self, from: RString, state: RVec<u8>) -> FfiFuture<RResult<ROption<RVec<u8>>, AbiError>>;

    /// Ends the plugin; the last call, made when no other is under way.
    #[sabi(last_prefix_field)]
    fn shutdown(&self) -> FfiFuture<RResult<(), AbiError>>;
}

/// An owned [`PluginObject`].
pub type PluginBox = PluginObject_TO<'static, RBox<()>>;

/// Puts a plugin behind the boundary.
///
/// A panic in a method becomes the call's error, one in the drop ends there. Futures and streams are to be made by
/// [`contained`](crate::contained) and [`contained_stream`](crate::contained_stream), which see to theirs.
pub fn plugin_box(plugin: impl PluginObject + 'static) -> PluginBox {
    PluginObject_TO::from_value(Guarded::new(plugin), TD_Opaque)
}
