//! The host, as a plugin sees it outside a call.

use std::sync::Arc;

use apex_abi::{HostBox, LogLevel, StateScope};
use apex_meta::ErrorKind;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::{
    Result, ResultExt, State,
    services::{Services, Shared, SharedParts},
};

/// The host, as a plugin sees it outside a call: configuration, log and the state of everybody.
///
/// Cheap to clone; keep one for what the plugin does on its own.
#[derive(Clone)]
pub struct Host {
    pub(crate) services: Arc<Services>,
    pub(crate) shared: Shared,
}

impl Host {
    pub(crate) fn new(host: HostBox, configuration: &[u8]) -> Self {
        let shared = SharedParts { configuration: configuration.into(), updates: Arc::default() };
        Self { services: Arc::new(Services::Host(host)), shared: Arc::new(shared) }
    }

    /// The plugin's configuration, which the host has checked against the manifest's schema.
    ///
    /// # Errors
    /// When it does not fit the type; the kind is `Configuration`.
    pub fn configuration<T: DeserializeOwned>(&self) -> Result<T> {
        read_configuration(&self.shared)
    }

    /// One setting of the configuration, nothing if it is missing or `null`.
    ///
    /// # Errors
    /// When it does not fit the type; the kind is `Configuration`.
    pub fn setting<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>> {
        let mut settings: Map<String, Value> = self.configuration()?;
        let setting = settings.remove(name).map_or(Ok(None), serde_json::from_value);
        setting.context(format!("the setting `{name}` does not fit")).with_kind(ErrorKind::Configuration)
    }

    /// Reads a file of the plugin's own, by its path from the plugin's directory, such as `data/words.txt`.
    ///
    /// It takes no permission. The host reads it and gives the very bytes that were verified when the plugin was loaded:
    /// a file that was changed since is an error, as is a link in its place.
    ///
    /// # Errors
    /// `ResourceNotFound` for what was not packaged, and in a plugin that is linked into its host, which has no files;
    /// `ResourceChanged` for what is not what was verified; `ResourceLimit` for more than the host gives at once, 16 MiB
    /// unless it says otherwise.
    pub async fn resource(&self, path: &str) -> Result<Vec<u8>> {
        Ok(self.services.read_resource(path).await?)
    }

    /// Writes to the host's log.
    pub fn log(&self, level: LogLevel, message: &str, fields: &Map<String, Value>) {
        self.services.log(level, "", message, fields);
    }

    /// Logs that something worth knowing happened.
    pub fn info(&self, message: &str) {
        self.log(LogLevel::Info, message, &Map::new());
    }

    /// Logs that something is odd and may fail.
    pub fn warn(&self, message: &str) {
        self.log(LogLevel::Warn, message, &Map::new());
    }

    /// Logs that something failed.
    pub fn error(&self, message: &str) {
        self.log(LogLevel::Error, message, &Map::new());
    }

    /// The plugin's state for everybody; that of a tenant or user is to be had in a call only.
    pub fn state(&self) -> State<'_> {
        State::new(&self.services, &self.shared, StateScope::Global)
    }
}

pub(crate) fn read_configuration<T: DeserializeOwned>(shared: &Shared) -> Result<T> {
    let bytes: &[u8] = if shared.configuration.is_empty() { b"{}" } else { &shared.configuration };
    serde_json::from_slice(bytes).context("the configuration does not fit").with_kind(ErrorKind::Configuration)
}
