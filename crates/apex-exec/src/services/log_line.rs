//! A line of a plugin's log, and how it becomes one of this program's.

use std::fmt;

use apex_abi::LogLevel;
use apex_meta::{CallContext, PluginId};
use serde_json::{Map, Value};
use tracing::level_filters::LevelFilter;

/// A line of a plugin's log.
#[derive(Debug)]
#[non_exhaustive]
pub struct LogLine<'a> {
    /// The plugin.
    pub plugin: &'a PluginId,
    /// Its version.
    pub version: &'a apex_meta::PluginVersion,
    /// The action that wrote it, if it was written during a call.
    pub action: Option<&'a str>,
    /// The number of the call in which it was written; no other call of this process has it.
    pub call: Option<u64>,
    /// How much it matters.
    pub level: LogLevel,
    /// Which part of the plugin wrote it.
    pub target: &'a str,
    /// What it says.
    pub message: &'a str,
    /// What else it says.
    pub fields: &'a Map<String, Value>,
    /// On whose behalf.
    pub context: &'a CallContext,
}

impl LogLine<'_> {
    /// The least grave level that this program's `tracing` lets through.
    pub fn level_of_tracing() -> Option<LogLevel> {
        let wanted = LevelFilter::current();
        LogLevel::ALL.into_iter().rev().find(|level| match level {
            LogLevel::Error => wanted >= LevelFilter::ERROR,
            LogLevel::Warn => wanted >= LevelFilter::WARN,
            LogLevel::Info => wanted >= LevelFilter::INFO,
            LogLevel::Debug => wanted >= LevelFilter::DEBUG,
            LogLevel::Trace => wanted >= LevelFilter::TRACE,
        })
    }

    /// Writes the line to `tracing`.
    pub fn trace(&self) {
        macro_rules! emit {
            ($level:ident) => {
                tracing::event!(
                    target: "apex_plugin",
                    tracing::Level::$level,
                    plugin = %self.plugin,
                    version = %self.version,
                    action = self.action,
                    call = self.call,
                    part = (!self.target.is_empty()).then_some(self.target),
                    fields = (!self.fields.is_empty()).then(|| tracing::field::display(Json(self.fields))),
                    "{}",
                    self.message
                )
            };
        }
        match self.level {
            LogLevel::Error => emit!(ERROR),
            LogLevel::Warn => emit!(WARN),
            LogLevel::Info => emit!(INFO),
            LogLevel::Debug => emit!(DEBUG),
            LogLevel::Trace => emit!(TRACE),
        }
    }
}

/// Fields as JSON text.
struct Json<'a>(&'a Map<String, Value>);

impl fmt::Display for Json<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&serde_json::to_string(self.0).map_err(|_| fmt::Error)?)
    }
}
