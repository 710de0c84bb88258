//! Which plugins are switched on by the operator's word, and which crashed too often: stored, and bound to whom it is about.

use std::path::Path;

use apex_meta::{JsonLimits, Owner, PluginId, PluginVersion, Reason, Status, VersionSpecifier, parse_strict_json};
use serde::{Deserialize, Serialize};

use crate::{Entry, summary::Summary};

mod error;
mod file;
mod quarantine;

pub use error::OverridesError;
pub use quarantine::Quarantine;

/// The tag of the file's format.
const FORMAT: &str = "apex-overrides/1";

/// What the stored file may hold.
const LIMITS: JsonLimits = JsonLimits { max_bytes: 16 << 20, max_depth: 8 };

/// One decision of the operator: a plugin of one owner is switched on or off.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Override {
    /// The plugin.
    pub id: PluginId,
    /// The versions that are meant; all, if there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub versions: Option<VersionSpecifier>,
    /// Whose plugin is meant.
    pub owner: Owner,
    /// Whether it is switched on.
    pub enabled: bool,
}

impl Override {
    /// A decision about the plugin that an entry shows, for the versions given, or for all of the same owner.
    ///
    /// None if the entry has no id, or no owner to bind a decision to.
    pub fn for_entry(entry: &Entry, versions: Option<VersionSpecifier>, enabled: bool) -> Option<Self> {
        Some(Self { id: entry.id()?.clone(), versions, owner: entry.owner()?, enabled })
    }

    fn concerns(&self, id: &PluginId, version: &PluginVersion) -> bool {
        let covers = |versions: &VersionSpecifier| versions.matches(version.as_semver());
        self.id == *id && self.versions.as_ref().is_none_or(covers)
    }
}

/// Whether a plugin is meant to be switched on, and who says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IntendedState {
    /// Whether it is meant to be switched on.
    pub enabled: bool,
    /// Who says so.
    pub decided_by: DecidedBy,
}

/// Who decided whether a plugin is switched on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DecidedBy {
    /// Its manifest, by `default_enabled`.
    Manifest,
    /// The operator.
    Operator,
}

/// The operator's decisions, in the order in which they were taken; the last one that concerns a plugin counts.
///
/// With them stands what crashed too often, until the operator lets it run again. Stored as strict JSON:
///
/// ```
/// use apex_discover::Overrides;
/// let overrides = Overrides::parse(br#"{
///     "format": "apex-overrides/1",
///     "overrides": [{"id": "com.acme.mail", "versions": "<2.0.0", "owner": {"publisher": "acme"}, "enabled": false}]
/// }"#).unwrap();
/// assert_eq!(overrides.iter().count(), 1);
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Overrides {
    decisions: Vec<Override>,
    quarantines: Vec<Quarantine>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Form {
    format: String,
    overrides: Vec<Override>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    quarantined: Vec<Quarantine>,
}

impl Overrides {
    /// No decision: every manifest's `default_enabled` holds.
    pub fn empty() -> Self {
        Self::default()
    }

    /// Reads the stored form.
    ///
    /// # Errors
    /// The bytes are not strict JSON, not of this format, or have a member that the format does not know.
    pub fn parse(bytes: &[u8]) -> Result<Self, OverridesError> {
        let value = parse_strict_json(bytes, LIMITS)?;
        let form = Form::deserialize(value).map_err(OverridesError::Form)?;
        if form.format != FORMAT {
            return Err(OverridesError::Format { found: form.format });
        }
        Ok(Self { decisions: form.overrides, quarantines: form.quarantined })
    }

    /// Writes the stored form.
    ///
    /// # Errors
    /// There is more to write than would be read again.
    pub fn to_bytes(&self) -> Result<Vec<u8>, OverridesError> {
        let (overrides, quarantined) = (self.decisions.clone(), self.quarantines.clone());
        let form = Form { format: FORMAT.to_owned(), overrides, quarantined };
        let mut bytes = serde_json::to_vec_pretty(&form).map_err(OverridesError::Form)?;
        bytes.push(b'\n');
        if bytes.len() > LIMITS.max_bytes {
            return Err(OverridesError::TooLarge { bytes: bytes.len(), limit: LIMITS.max_bytes });
        }
        Ok(bytes)
    }

    /// Loads a file; where there is none, there are no decisions.
    ///
    /// # Errors
    /// The file is no regular file, may be written by others, cannot be read, or does not [parse](Self::parse).
    pub fn load(path: &Path) -> Result<Self, OverridesError> {
        file::load(path)
    }

    /// Stores the decisions: readable by the owner alone, durably, and all or nothing.
    ///
    /// What is in the file is replaced, whoever wrote it; [`Overrides::edit`] changes it without losing anything.
    ///
    /// # Errors
    /// The file cannot be written; what was there before is still there.
    pub fn save(&self, path: &Path) -> Result<(), OverridesError> {
        file::save(self, path)
    }

    /// Changes the stored decisions while other writers wait, and gives back what the change returns.
    ///
    /// # Errors
    /// As for [`Overrides::load`] and [`Overrides::save`].
    pub fn edit<R>(path: &Path, change: impl FnOnce(&mut Self) -> R) -> Result<R, OverridesError> {
        file::edit(path, change)
    }

    /// The decisions, the earliest first.
    pub fn iter(&self) -> impl Iterator<Item = &Override> {
        self.decisions.iter()
    }

    /// Takes a decision, in place of earlier ones that it makes moot.
    pub fn set(&mut self, decision: Override) {
        self.decisions.retain(|earlier| {
            let moot = decision.versions.is_none() || decision.versions == earlier.versions;
            !(moot && earlier.id == decision.id && earlier.owner == decision.owner)
        });
        self.decisions.push(decision);
    }

    /// Takes decisions about a plugin back: those for exactly these versions, or all; tells how many.
    pub fn clear(&mut self, id: &PluginId, versions: Option<&VersionSpecifier>) -> usize {
        let before = self.decisions.len();
        self.decisions
            .retain(|decision| decision.id != *id || (versions.is_some() && decision.versions.as_ref() != versions));
        before - self.decisions.len()
    }

    /// What the operator decided about a plugin, if anything.
    pub fn decision(&self, id: &PluginId, version: &PluginVersion, owner: &Owner) -> Option<bool> {
        let mut concerning = self.decisions.iter().rev().filter(|decision| decision.concerns(id, version));
        concerning.find(|decision| decision.owner == *owner).map(|decision| decision.enabled)
    }

    /// Keeps a version from running until somebody [lifts](Self::lift) it.
    pub fn quarantine(&mut self, quarantine: Quarantine) {
        self.quarantines.retain(|earlier| !earlier.is_about_the_same(&quarantine));
        self.quarantines.push(quarantine);
    }

    /// What crashed too often, the earliest first.
    pub fn quarantined(&self) -> impl Iterator<Item = &Quarantine> {
        self.quarantines.iter()
    }

    /// Lets versions of a plugin run again, or all of them; tells how many were kept from it.
    pub fn lift(&mut self, id: &PluginId, versions: Option<&VersionSpecifier>) -> usize {
        let before = self.quarantines.len();
        let covers = |version: &PluginVersion| versions.is_none_or(|versions| versions.matches(version.as_semver()));
        self.quarantines.retain(|quarantine| quarantine.id != *id || !covers(&quarantine.version));
        before - self.quarantines.len()
    }

    /// Writes the intended state into an entry, and switches it off if that is the intention; what crashed too often is
    /// blocked.
    pub(crate) fn apply(&self, entry: &mut Entry) {
        let Some(Summary { id, version, default_enabled, .. }) = entry.summary() else { return };
        // Most entries were never decided about.
        let is_decided = self.decisions.iter().any(|decision| decision.concerns(id, version));
        let owner = if is_decided { entry.owner() } else { None };
        let decision = owner.and_then(|owner| self.decision(id, version, &owner));
        let foreign = is_decided && decision.is_none();
        let disowned = foreign.then(|| {
            let message = format!("the operator's decision about {id} was for another owner, and does not apply");
            Reason::new("OverrideOwnerMismatch", message).with_hint(format!("apex enable {id}, or apex disable {id}"))
        });
        let intended = match decision {
            Some(enabled) => IntendedState { enabled, decided_by: DecidedBy::Operator },
            None => IntendedState { enabled: *default_enabled, decided_by: DecidedBy::Manifest },
        };
        let hint = (!intended.enabled).then(|| format!("apex enable {id}"));
        entry.edit().intended = Some(intended);
        if entry.status() != Status::Ready {
            return;
        }
        entry.edit().warnings.extend(disowned);
        if let Some(hint) = hint {
            let who = match intended.decided_by {
                DecidedBy::Manifest => "switched off by its manifest (default_enabled is false)",
                DecidedBy::Operator => "switched off by the operator",
            };
            let reason = Reason::new("PluginDisabled", who).with_hint(hint);
            entry.set(Status::Disabled, reason);
        } else if let Some(quarantine) = self.quarantines.iter().find(|quarantine| quarantine.concerns(entry)) {
            entry.set(Status::Blocked, quarantine.reason());
        }
    }
}
