//! What the host offers to its plugins, and how a plugin reaches it.

mod desk;
mod files;
mod gate;
mod log_line;

use std::time::Instant;

use apex_abi::{LogLevel, PluginError, StateScope};
use apex_meta::{CallContext, ErrorKind, PluginId};
use async_trait::async_trait;
use serde_json::Value;

#[cfg(target_os = "linux")]
pub(crate) use self::files::Reader;
pub use self::log_line::LogLine;
pub(crate) use self::{desk::Desk, files::Files};

/// What the host offers to one instance of a plugin.
///
/// An implementation knows whose instance it serves: a plugin cannot name another plugin's state. Methods may be called
/// from any thread, also from one without a runtime; a panic in them reaches the plugin as an error.
#[async_trait]
pub trait HostServices: Send + Sync {
    /// Loads the state of a scope: its generation and its data, or nothing if none was saved yet.
    ///
    /// Tenant and user of the scope are those of `context`, which outside of a call has neither.
    ///
    /// # Errors
    /// `StateIo` and others of the state kinds.
    async fn load_state(&self, scope: StateScope, context: &CallContext) -> Result<Option<(u64, Value)>, PluginError>;

    /// Saves the state of a scope, if it still is of the generation `expected` (0: none yet); gives the new generation.
    ///
    /// # Errors
    /// `StateConflict` if somebody else saved in between; `StateIo` and others of the state kinds.
    async fn save_state(
        &self,
        scope: StateScope,
        context: &CallContext,
        expected: u64,
        data: Value,
    ) -> Result<u64, PluginError>;

    /// Calls an action of another plugin, which the plugin asks for in one of its calls; none can be called by default.
    ///
    /// Dropping the future gives the call up. Whether the plugin declares the other one and may call it is for the
    /// implementation to say.
    ///
    /// # Errors
    /// `DependencyNotDeclared`, `PermissionDenied`, `Dependency`, and whatever the other plugin's action ends in.
    async fn call_plugin(&self, call: PluginCall) -> Result<Value, PluginError> {
        let message = format!("this host does not let plugins call others, such as {}", call.plugin);
        Err(PluginError::new(ErrorKind::Dependency, message))
    }

    /// Takes a line of the plugin's log; by default it goes to `tracing`.
    fn log(&self, line: &LogLine<'_>) {
        line.trace();
    }

    /// The least grave level that is wanted, none for no log at all; everything by default.
    ///
    /// Asked when the plugin is initialized, and for each line. Where [`log`](Self::log) is left as it is,
    /// [`LogLine::level_of_tracing`] saves the way of lines that nobody would see.
    fn log_level(&self) -> Option<LogLevel> {
        Some(LogLevel::Trace)
    }
}

/// A call that one plugin makes of another.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct PluginCall {
    /// The plugin that is called.
    pub plugin: PluginId,
    /// The action.
    pub action: String,
    /// The parameters.
    pub params: Value,
    /// On whose behalf: as the call in which it is made, with the calling plugin as the caller.
    pub context: CallContext,
    /// By when: as the call in which it is made.
    pub deadline: Option<Instant>,
}

/// A host that keeps no state, and whose plugins log to `tracing`.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoServices;

#[async_trait]
impl HostServices for NoServices {
    async fn load_state(&self, _: StateScope, _: &CallContext) -> Result<Option<(u64, Value)>, PluginError> {
        Err(PluginError::new(ErrorKind::StateIo, "this host keeps no state"))
    }

    async fn save_state(&self, _: StateScope, _: &CallContext, _: u64, _: Value) -> Result<u64, PluginError> {
        Err(PluginError::new(ErrorKind::StateIo, "this host keeps no state"))
    }

    fn log_level(&self) -> Option<LogLevel> {
        LogLine::level_of_tracing()
    }
}
