//! What the host offers in a call and outside one, behind one face: log, state and the plugin's own files.

use std::sync::Arc;

use apex_abi::{
    CallBox, CalledPlugin, FfiFuture, HostBox, LoadedState, LogLevel, PluginError, RString, RVec, ReadResource,
    SavedState, StateScope, outcome,
};
use serde_json::{Map, Value};

use crate::turns::Turns;

/// The host's services, as a call or as the instance itself has them.
pub(crate) enum Services {
    Host(HostBox),
    Call(CallBox),
}

/// What all of an instance's handles share; each call has one.
pub(crate) type Shared = Arc<SharedParts>;

pub(crate) struct SharedParts {
    /// The configuration, JSON as it came.
    pub(crate) configuration: Box<[u8]>,
    /// Lets the instance's own updates of the global state wait for each other instead of meeting in a conflict.
    pub(crate) updates: Arc<Turns>,
}

impl Services {
    pub(crate) fn log(&self, level: LogLevel, target: &str, message: &str, fields: &Map<String, Value>) {
        let (level, target, message) = (level.number(), RString::from(target), RString::from(message));
        let fields = match fields.is_empty() {
            true => RVec::new(),
            // A map of values always serializes; without its fields the line still says most.
            false => serde_json::to_vec(fields).unwrap_or_default().into(),
        };
        match self {
            Self::Host(host) => host.log(level, target, message, fields),
            Self::Call(call) => call.log(level, target, message, fields),
        }
    }

    /// Logs a panic that came too late to be anybody's error.
    pub(crate) fn log_lost(&self, error: &PluginError) {
        let message = format!("{} after nobody waited any more", error.message);
        self.log(LogLevel::Error, "", &message, &Map::new());
    }

    /// The highest level that the host wants; calls share the instance's.
    #[cfg_attr(not(feature = "tracing"), expect(dead_code, reason = "only forwarded events are filtered here"))]
    pub(crate) fn log_level(&self) -> u8 {
        match self {
            Self::Host(host) => host.log_level(),
            Self::Call(_) => LogLevel::Trace.number(),
        }
    }

    pub(crate) fn load_state(&self, scope: StateScope) -> FfiFuture<LoadedState> {
        match self {
            Self::Host(host) => host.load_state(scope.as_str().into()),
            Self::Call(call) => call.load_state(scope.as_str().into()),
        }
    }

    /// Calls another plugin; outside of a call there is nobody on whose behalf.
    pub(crate) fn call_plugin(&self, plugin: &str, action: &str, params: Vec<u8>) -> Option<FfiFuture<CalledPlugin>> {
        match self {
            Self::Host(_) => None,
            Self::Call(call) => Some(call.call_plugin(plugin.into(), action.into(), params.into())),
        }
    }

    /// Reads a file of the plugin's own.
    pub(crate) async fn read_resource(&self, path: &str) -> Result<Vec<u8>, PluginError> {
        let read: FfiFuture<ReadResource> = match self {
            Self::Host(host) => host.read_resource(path.into()),
            Self::Call(call) => call.read_resource(path.into()),
        };
        outcome(read).await.map(RVec::into_vec)
    }

    pub(crate) fn save_state(&self, scope: StateScope, expected: u64, data: Vec<u8>) -> FfiFuture<SavedState> {
        match self {
            Self::Host(host) => host.save_state(scope.as_str().into(), expected, data.into()),
            Self::Call(call) => call.save_state(scope.as_str().into(), expected, data.into()),
        }
    }
}
