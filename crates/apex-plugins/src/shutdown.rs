//! What is left when everything was asked to end.

use apex_meta::{PluginId, PluginVersion};

/// What [`PluginManager::shutdown`](crate::PluginManager::shutdown) ended, and what it could not.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct ShutdownReport {
    /// How many instances ended.
    pub stopped: usize,
    /// Instances with calls that did not end, such as blocking actions that never return.
    pub leftovers: Vec<Leftover>,
}

/// An instance with calls that did not end.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Leftover {
    /// The plugin.
    pub plugin: PluginId,
    /// Its version.
    pub version: PluginVersion,
    /// How many of its calls did not end.
    pub calls: usize,
    /// What its own shutdown ended in, if that failed.
    pub error: Option<String>,
}
