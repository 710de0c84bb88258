//! Why a plugin could not be updated or rolled back.

use std::time::Duration;

use apex_exec::CallError;
use apex_install::InstallError;
use apex_meta::{PluginId, PluginVersion, Reason};
use apex_state::{StateError, SuccessionError};
use apex_trust::GrantsError;

use crate::{BackgroundError, BuildError};

/// Why a plugin could not be updated or rolled back; unless it says otherwise, code and state are as they were.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UpdateError {
    /// The manager was built without an install store.
    #[error("this manager has no install store; name one with `Builder::store`")]
    NoStore,
    /// The plan cannot be made, is not agreed to, or cannot be carried out.
    #[error(transparent)]
    Install(#[from] InstallError),
    /// What the operator granted cannot be read, or is for this manager to read only.
    #[error("what is granted cannot be read or written")]
    Grants(#[from] GrantsError),
    /// The plan grants something, and this manager has no file to keep it in.
    #[error("this manager has no file to keep grants in; name one with `Builder::grants_file`")]
    NoGrantsFile,
    /// The new versions are active, but what the plan grants could not be written.
    #[error("the new versions are active, and granted nothing more: the grants cannot be written")]
    NotGranted(#[source] GrantsError),
    /// A check of trust, or a quarantine, keeps the new version from running.
    #[error("{plugin} {version} may not run: {reason}")]
    Blocked {
        /// The plugin.
        plugin: PluginId,
        /// Its new version.
        version: PluginVersion,
        /// Why.
        reason: Box<Reason>,
    },
    /// Calls under way did not end in time.
    #[error("{plugin} is still busy with {calls} calls after {} ms", waited.as_millis())]
    StillBusy {
        /// The plugin.
        plugin: PluginId,
        /// How many calls are under way.
        calls: usize,
        /// How long they were waited for.
        waited: Duration,
    },
    /// The state of the old version could not be carried over.
    #[error("{plugin} {version} cannot take over the state")]
    State {
        /// The plugin.
        plugin: PluginId,
        /// Its new version.
        version: PluginVersion,
        /// Why.
        source: Box<SuccessionError<CallError>>,
    },
    /// The new version does not start.
    #[error("{plugin} {version} does not start")]
    DoesNotStart {
        /// The plugin.
        plugin: PluginId,
        /// Its new version.
        version: PluginVersion,
        /// Why.
        source: Box<CallError>,
    },
    /// The new version says that it is not in health.
    #[error("{plugin} {version} is not in health")]
    NotHealthy {
        /// The plugin.
        plugin: PluginId,
        /// Its new version.
        version: PluginVersion,
        /// What it says.
        source: Box<CallError>,
    },
    /// The new versions are active, but the roots could not be scanned again.
    #[error("the new versions are active, but the roots could not be scanned again")]
    Rescan(#[source] BuildError),
    /// No thread could do it.
    #[error(transparent)]
    Background(#[from] BackgroundError),
}

impl UpdateError {
    /// The stable error code.
    pub fn code(&self) -> &str {
        match self {
            Self::NoStore => "NoStore",
            Self::NoGrantsFile => "NoGrantsFile",
            Self::Grants(source) | Self::NotGranted(source) => source.code(),
            Self::Install(source) => source.code(),
            Self::Blocked { reason, .. } => &reason.code,
            Self::StillBusy { .. } => "StillBusy",
            Self::State { source, .. } => match &**source {
                SuccessionError::State(source) => source.code(),
                SuccessionError::NotMigrated { .. } => "StateNotMigrated",
                _ => "MigrationFailed",
            },
            Self::DoesNotStart { .. } => "DoesNotStart",
            Self::NotHealthy { .. } => "HealthCheckFailed",
            Self::Rescan(_) => "Io",
            Self::Background(_) => "ResourceLimit",
        }
    }

    /// What the reader can do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Install(source) => source.hint(),
            Self::Blocked { reason, .. } => reason.hint.clone(),
            Self::StillBusy { .. } => {
                Some("nothing was changed; try again when less is to do, or wait longer".to_owned())
            }
            Self::State { source, plugin, .. } => match &**source {
                SuccessionError::State(source) => source.hint(),
                SuccessionError::NotMigrated { key, .. } => Some(format!(
                    "nothing was changed; ask the author for a version that migrates it, or give it up: `apex state \
                     export {plugin}`, then `apex state clear {plugin}@{}`",
                    key.version
                )),
                _ => Some("nothing was changed; tell the author what the migration says".to_owned()),
            },
            Self::DoesNotStart { source, .. } | Self::NotHealthy { source, .. } => {
                let told = source.hint().map(|hint| format!("; {hint}")).unwrap_or_default();
                Some(format!("nothing was changed: the version before goes on, with its state{told}"))
            }
            Self::Grants(source) => source.hint(),
            Self::NotGranted(_) => Some("see to the file, then use `apex grant`".to_owned()),
            Self::NoStore | Self::NoGrantsFile | Self::Rescan(_) | Self::Background(_) => None,
        }
    }

    pub(super) fn state(plugin: &PluginId, version: &PluginVersion, source: SuccessionError<CallError>) -> Self {
        Self::State { plugin: plugin.clone(), version: version.clone(), source: Box::new(source) }
    }

    pub(super) fn store_of_state(plugin: &PluginId, version: &PluginVersion, source: StateError) -> Self {
        Self::state(plugin, version, SuccessionError::State(source))
    }

    /// The error as events tell it.
    pub(super) fn to_reason(&self) -> Reason {
        let mut message = self.to_string();
        let mut source = std::error::Error::source(self);
        while let Some(cause) = source {
            message.push_str(&format!(": {cause}"));
            source = cause.source();
        }
        Reason { code: self.code().to_owned().into(), message, hint: self.hint() }
    }
}
