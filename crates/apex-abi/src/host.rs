//! What the host gives to a plugin: one object for the life of an instance, one for each call.
#![expect(
    unsafe_code,
    non_local_definitions,
    reason = "the expansion of #[sabi_trait], which casts behind its own checks"
)]

use abi_stable::{
    StableAbi, sabi_trait,
    sabi_trait::prelude::TD_Opaque,
    std_types::{RBox, ROption, RResult, RString, RVec},
};
use apex_meta::ErrorKind;
use async_ffi::{FfiFuture, FutureExt as _};

use crate::{AbiError, LogLevel, PluginError, guard::Guarded};

/// A saved state and how often it was saved before.
#[repr(C)]
#[derive(Debug, Clone, PartialEq, Eq, StableAbi)]
pub struct StateRecord {
    /// Counts the saves; a save names the generation that it replaces, and 0 stands for "none yet".
    pub generation: u64,
    /// The state as JSON.
    pub data: RVec<u8>,
}

/// The answer to loading a state: a record, nothing if none was saved yet, or an error.
pub type LoadedState = RResult<ROption<StateRecord>, AbiError>;

/// The answer to saving a state: the new generation, or an error, `StateConflict` if somebody else saved in between.
pub type SavedState = RResult<u64, AbiError>;

/// The answer to a call of another plugin: its result as JSON, or an error.
pub type CalledPlugin = RResult<RVec<u8>, AbiError>;

/// The answer to reading a file of the plugin's own: its bytes, or an error.
pub type ReadResource = RResult<RVec<u8>, AbiError>;

/// What the host offers for the life of an instance, in `initialize` and in what the plugin does on its own.
///
/// Levels are [`LogLevel::number`](crate::LogLevel::number). Scopes are [`StateScope::as_str`](crate::StateScope::as_str);
/// outside a call there is no tenant and no user, so that only `global` has a state here.
#[sabi_trait]
pub trait HostObject: Send + Sync {
    /// Writes to the host's log; `fields` is a JSON object, or empty.
    fn log(&self, level: u8, target: RString, message: RString, fields: RVec<u8>);

    /// Loads the state of a scope.
    fn load_state(&self, scope: RString) -> FfiFuture<LoadedState>;

    /// Saves the state of a scope, if it still is of the generation `expected`.
    #[sabi(last_prefix_field)]
    fn save_state(&self, scope: RString, expected: u64, data: RVec<u8>) -> FfiFuture<SavedState>;

    /// The least grave level that the host wants to hear of; 0 stands for none at all.
    fn log_level(&self) -> u8 {
        LogLevel::Trace.number()
    }

    /// Reads a file of the plugin's own, by its path from the plugin's directory: its bytes as they were verified.
    fn read_resource(&self, path: RString) -> FfiFuture<ReadResource> {
        no_resources(&path)
    }
}

/// What the host offers for the length of a call.
///
/// A plugin may keep it longer; then progress goes nowhere, and the call counts as cancelled.
#[sabi_trait]
pub trait CallObject: Send + Sync {
    /// Reports progress: percent done, a message that may be empty, details as a JSON object or empty.
    fn progress(&self, percentage: ROption<f64>, message: RString, details: RVec<u8>);

    /// Whether the caller has given up.
    fn is_cancelled(&self) -> bool;

    /// Ready as soon as the caller gives up.
    fn cancelled(&self) -> FfiFuture<()>;

    /// The milliseconds until the call's deadline, if it has one.
    fn remaining_ms(&self) -> ROption<u64>;

    /// On whose behalf the call is made: an `apex_meta::CallContext` as JSON.
    fn context(&self) -> RVec<u8>;

    /// Writes to the host's log on behalf of the call, as [`HostObject::log`].
    fn log(&self, level: u8, target: RString, message: RString, fields: RVec<u8>);

    /// Loads the state of a scope; tenant and user are those of the call.
    fn load_state(&self, scope: RString) -> FfiFuture<LoadedState>;

    /// Saves the state of a scope, as [`HostObject::save_state`]; tenant and user are those of the call.
    #[sabi(last_prefix_field)]
    fn save_state(&self, scope: RString, expected: u64, data: RVec<u8>) -> FfiFuture<SavedState>;

    /// Calls an action of another plugin, on behalf of the same as this call and within its time; `params` is a JSON
    /// object.
    ///
    /// The plugin must be declared as a dependency, and the call granted.
    fn call_plugin(&self, plugin: RString, action: RString, params: RVec<u8>) -> FfiFuture<CalledPlugin> {
        let _ = (action, params);
        no_calls(&plugin)
    }

    /// Reads a file of the plugin's own, as [`HostObject::read_resource`].
    fn read_resource(&self, path: RString) -> FfiFuture<ReadResource> {
        no_resources(&path)
    }
}

/// The answer of a host that is older than calls between plugins.
fn no_calls(plugin: &str) -> FfiFuture<CalledPlugin> {
    let message = format!("this host does not let plugins call others, such as `{}`", plugin.escape_debug());
    let error = PluginError::new(ErrorKind::Dependency, message);
    std::future::ready(RResult::RErr(AbiError::from(error))).into_ffi()
}

/// The answer of a host that is older than reading a plugin's own files.
fn no_resources(path: &str) -> FfiFuture<ReadResource> {
    let message = format!("this host does not let plugins read their files, such as `{}`", path.escape_debug());
    let error = PluginError::new(ErrorKind::ResourceNotFound, message);
    std::future::ready(RResult::RErr(AbiError::from(error))).into_ffi()
}

/// An owned [`HostObject`].
pub type HostBox = HostObject_TO<'static, RBox<()>>;

/// An owned [`CallObject`].
pub type CallBox = CallObject_TO<'static, RBox<()>>;

/// Puts the host's services behind the boundary.
///
/// A panic of its methods or its drop stays on this side and counts as an answer that says the least. Futures are to
/// be made by [`contained`](crate::contained).
pub fn host_box(host: impl HostObject + 'static) -> HostBox {
    HostObject_TO::from_value(Guarded::new(host), TD_Opaque)
}

/// Puts a call's services behind the boundary.
///
/// A panic of its methods or its drop stays on this side and counts as an answer that says the least. Futures are to
/// be made by [`contained`](crate::contained).
pub fn call_box(call: impl CallObject + 'static) -> CallBox {
    CallObject_TO::from_value(Guarded::new(call), TD_Opaque)
}
