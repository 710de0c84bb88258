//! The guard around objects that cross: whatever panics inside, nothing unwinds out.

use std::{mem::ManuallyDrop, ops::Deref};

use abi_stable::std_types::{ROption, RResult, RString, RVec};
use async_ffi::{FfiFuture, FutureExt};

use crate::{
    AbiError, CallBox, CallObject, CalledPlugin, ChunkStreamBox, HostBox, HostObject, LoadedState, PluginError,
    PluginObject, ReadResource, SavedState, contain::contain,
};

/// A value whose drop never unwinds.
pub(crate) struct Guarded<T>(ManuallyDrop<T>);

impl<T> Guarded<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(ManuallyDrop::new(value))
    }
}

impl<T> Deref for Guarded<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> Drop for Guarded<T> {
    fn drop(&mut self) {
        // Nobody is left to hear of a panic here; those who want to be heard drop their parts earlier.
        let _ = contain(|| {
            // SAFETY: dropped here alone, and the value is not used again.
            #[expect(unsafe_code, reason = "the only way to drop in place inside a closure")]
            unsafe {
                ManuallyDrop::drop(&mut self.0);
            }
        });
    }
}

/// The future that `make` returns; if it panics instead, one that fails at once.
fn guarded<T: Send + 'static>(
    make: impl FnOnce() -> FfiFuture<RResult<T, AbiError>>,
) -> FfiFuture<RResult<T, AbiError>> {
    contain(make).unwrap_or_else(failed)
}

fn failed<T: Send + 'static>(error: PluginError) -> FfiFuture<RResult<T, AbiError>> {
    std::future::ready(RResult::RErr(AbiError::from(error))).into_ffi()
}

impl<T: PluginObject> PluginObject for Guarded<T> {
    fn initialize(&self, host: HostBox, configuration: RVec<u8>) -> FfiFuture<RResult<(), AbiError>> {
        guarded(|| self.0.initialize(host, configuration))
    }

    fn execute(&self, call: CallBox, action: RString, params: RVec<u8>) -> FfiFuture<RResult<RVec<u8>, AbiError>> {
        guarded(|| self.0.execute(call, action, params))
    }

    fn execute_stream(
        &self,
        call: CallBox,
        action: RString,
        params: RVec<u8>,
    ) -> FfiFuture<RResult<ChunkStreamBox, AbiError>> {
        guarded(|| self.0.execute_stream(call, action, params))
    }

    fn migrate_state(&self, from: RString, state: RVec<u8>) -> FfiFuture<RResult<ROption<RVec<u8>>, AbiError>> {
        guarded(|| self.0.migrate_state(from, state))
    }

    fn shutdown(&self) -> FfiFuture<RResult<(), AbiError>> {
        guarded(|| self.0.shutdown())
    }
}

impl<T: HostObject> HostObject for Guarded<T> {
    fn log(&self, level: u8, target: RString, message: RString, fields: RVec<u8>) {
        let _ = contain(|| self.0.log(level, target, message, fields));
    }

    fn load_state(&self, scope: RString) -> FfiFuture<LoadedState> {
        guarded(|| self.0.load_state(scope))
    }

    fn save_state(&self, scope: RString, expected: u64, data: RVec<u8>) -> FfiFuture<SavedState> {
        guarded(|| self.0.save_state(scope, expected, data))
    }

    fn log_level(&self) -> u8 {
        contain(|| self.0.log_level()).unwrap_or_default()
    }

    fn read_resource(&self, path: RString) -> FfiFuture<ReadResource> {
        guarded(|| self.0.read_resource(path))
    }
}

impl<T: CallObject> CallObject for Guarded<T> {
    fn progress(&self, percentage: ROption<f64>, message: RString, details: RVec<u8>) {
        let _ = contain(|| self.0.progress(percentage, message, details));
    }

    fn is_cancelled(&self) -> bool {
        contain(|| self.0.is_cancelled()).unwrap_or(false)
    }

    fn cancelled(&self) -> FfiFuture<()> {
        contain(|| self.0.cancelled()).unwrap_or_else(|_| std::future::pending().into_ffi())
    }

    fn remaining_ms(&self) -> ROption<u64> {
        contain(|| self.0.remaining_ms()).unwrap_or(ROption::RNone)
    }

    fn context(&self) -> RVec<u8> {
        contain(|| self.0.context()).unwrap_or_default()
    }

    fn log(&self, level: u8, target: RString, message: RString, fields: RVec<u8>) {
        let _ = contain(|| self.0.log(level, target, message, fields));
    }

    fn load_state(&self, scope: RString) -> FfiFuture<LoadedState> {
        guarded(|| self.0.load_state(scope))
    }

    fn save_state(&self, scope: RString, expected: u64, data: RVec<u8>) -> FfiFuture<SavedState> {
        guarded(|| self.0.save_state(scope, expected, data))
    }

    fn call_plugin(&self, plugin: RString, action: RString, params: RVec<u8>) -> FfiFuture<CalledPlugin> {
        guarded(|| self.0.call_plugin(plugin, action, params))
    }

    fn read_resource(&self, path: RString) -> FfiFuture<ReadResource> {
        guarded(|| self.0.read_resource(path))
    }
}
