//! What a selection chooses from.

use apex_meta::{PluginVersion, Reason, Status};

/// One find of a plugin, as far as choosing is concerned.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// Its version; `None` if the metadata is too broken to tell.
    pub version: Option<PluginVersion>,
    /// What became of it in discovery; only [`Status::Ready`] is ever chosen.
    pub status: Status,
    /// Why it is not ready.
    pub reason: Option<Reason>,
    /// Whether it only serves requests with a specifier, since another version is the active one.
    pub standby: bool,
}

impl Candidate {
    /// A find of this version.
    pub fn new(version: PluginVersion, status: Status) -> Self {
        Self { version: Some(version), status, reason: None, standby: false }
    }

    /// A find whose metadata does not even tell its version.
    pub fn without_version(reason: Reason) -> Self {
        Self { version: None, status: Status::Invalid, reason: Some(reason), standby: false }
    }

    /// The same with why it is not ready.
    #[must_use]
    pub fn with_reason(mut self, reason: Reason) -> Self {
        self.reason = Some(reason);
        self
    }

    /// The same, for requests with a specifier alone.
    #[must_use]
    pub fn on_standby(mut self, standby: bool) -> Self {
        self.standby = standby;
        self
    }

    /// The status that counts: nothing without a version can run, whatever it claims.
    pub(crate) fn effective_status(&self) -> Status {
        if self.version.is_none() { Status::Invalid } else { self.status }
    }

    pub(crate) fn is_prerelease(&self) -> bool {
        self.version.as_ref().is_some_and(PluginVersion::is_prerelease)
    }
}
