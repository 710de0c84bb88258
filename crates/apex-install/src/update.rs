//! Updates: what would change for those who use a plugin, and what of it somebody has to agree to.

use std::path::Path;

use apex_meta::{Document, Manifest, Permission, PluginId, PluginVersion};
use serde::Serialize;

use crate::{
    Candidate, InstallError, Ledger, Package, Plan, Step, Store,
    apply::compare,
    package::{manifest_digest, read_document},
};

mod actions;
mod consent;
mod policy;
mod version_step;

pub use actions::{ActionChanges, ActionPart, ChangedAction};
pub use consent::{Concern, Consent, Unconfirmed};
pub use policy::UpdatePolicy;
pub use version_step::VersionStep;

/// What would change if one version of a plugin took the place of another.
///
/// Its JSON form is what a user interface shows before it asks: who uses the plugin chose it by what it said that it
/// does and may touch, so the change of that is named part by part.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Update {
    /// The plugin.
    pub plugin: PluginId,
    /// The version that is active.
    pub from: PluginVersion,
    /// The version that would be.
    pub to: PluginVersion,
    /// How far apart the two are.
    pub version_step: VersionStep,
    /// Who signed them.
    pub publisher: PublisherChange,
    /// What they ask for.
    pub permissions: PermissionChanges,
    /// What they offer.
    pub actions: ActionChanges,
    /// How long their files are together, in bytes.
    pub bytes: SizeChange,
    /// What of it somebody has to agree to, by [`Consent`].
    pub concerns: Vec<Concern>,
}

/// The trusted publishers of two versions; none where one is not signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PublisherChange {
    /// Who signed the active version.
    pub from: Option<String>,
    /// Who signed the other one.
    pub to: Option<String>,
}

impl PublisherChange {
    /// Whether somebody else answers for the new version; nobody answers for two unsigned ones, so they count too.
    pub fn is_other(&self) -> bool {
        self.from != self.to || self.to.is_none()
    }
}

/// The permissions that one of two versions asks for and the other does not.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct PermissionChanges {
    /// Those that nothing covers which the active version asks for.
    pub added: Vec<String>,
    /// Those that nothing covers which the new version asks for.
    pub removed: Vec<String>,
}

impl PermissionChanges {
    fn between(from: &Manifest, to: &Manifest) -> Self {
        let (from, to) = (&from.permissions_required, &to.permissions_required);
        Self { added: beyond(from, to), removed: beyond(to, from) }
    }
}

/// The permissions of `these` that nothing in `those` covers, sorted; what this release does not know covers itself.
fn beyond(those: &[String], these: &[String]) -> Vec<String> {
    let covers = |that: &String, this: &String| match (that.parse::<Permission>(), this.parse::<Permission>()) {
        (Ok(that), Ok(this)) => that.covers(&this),
        _ => that == this,
    };
    let mut beyond: Vec<_> =
        these.iter().filter(|this| !those.iter().any(|that| covers(that, this))).cloned().collect();
    beyond.sort();
    beyond.dedup();
    beyond
}

/// Two lengths, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct SizeChange {
    /// Of the active version.
    pub from: u64,
    /// Of the other one.
    pub to: u64,
}

/// One of two versions, as far as it is compared.
struct Side<'a> {
    manifest: &'a Manifest,
    publisher: Option<String>,
    bytes: u64,
}

impl Update {
    /// Compares two versions of a plugin.
    fn between(from: &Side<'_>, to: &Side<'_>) -> Result<Self, InstallError> {
        let mut update = Self {
            plugin: to.manifest.id.clone(),
            from: from.manifest.version.clone(),
            to: to.manifest.version.clone(),
            version_step: VersionStep::between(&from.manifest.version, &to.manifest.version),
            publisher: PublisherChange { from: from.publisher.clone(), to: to.publisher.clone() },
            permissions: PermissionChanges::between(from.manifest, to.manifest),
            actions: ActionChanges::between(from.manifest, to.manifest)?,
            bytes: SizeChange { from: from.bytes, to: to.bytes },
            concerns: Vec::new(),
        };
        update.concerns = consent::concerns(&update);
        Ok(update)
    }

    /// What a step of a plan would change; nothing if no version takes the place of another.
    ///
    /// Packages are unpacked below `scratch` to be looked at; nothing is left there. What they hold must be what the plan
    /// says, so that what is shown here is what is installed later.
    ///
    /// # Errors
    /// A package cannot be read, or is not what the plan says; the manifest of an installed version is not the one that
    /// was installed.
    pub fn of_step(store: &Store, ledger: &Ledger, step: &Step, scratch: &Path) -> Result<Option<Self>, InstallError> {
        let Some((from, to)) = step.from.as_ref().zip(step.to.as_ref()).filter(|(from, to)| from != to) else {
            // What is brought back is what it was, and need not be there to be compared with.
            return Ok(None);
        };
        let (active, before) = installed(store, ledger, &step.plugin, from)?;
        let from = Side { manifest: active.manifest(), publisher: before.0, bytes: before.1 };
        let update = match &step.package {
            Some(archive) => {
                let package = Package::read(archive, scratch)?;
                compare(step, &package)?;
                let (publisher, bytes) = (step.publisher.clone(), package.files_bytes);
                Self::between(&from, &Side { manifest: package.document.manifest(), publisher, bytes })?
            }
            None => {
                let (document, (publisher, bytes)) = installed(store, ledger, &step.plugin, to)?;
                Self::between(&from, &Side { manifest: document.manifest(), publisher, bytes })?
            }
        };
        Ok(Some(update))
    }

    /// What a version that is about to become active would change; nothing if it takes the place of none.
    ///
    /// # Errors
    /// Its manifest cannot be read, or that of the active version is not the one that was installed.
    pub fn of_candidate(store: &Store, ledger: &Ledger, candidate: &Candidate) -> Result<Option<Self>, InstallError> {
        let Some(from) = candidate.from.as_ref().filter(|from| **from != candidate.to) else { return Ok(None) };
        let (active, (publisher, bytes)) = installed(store, ledger, &candidate.plugin, from)?;
        let document = read_document(&candidate.directory)?;
        let to = Side { manifest: document.manifest(), publisher: candidate.publisher.clone(), bytes: candidate.bytes };
        Self::between(&Side { manifest: active.manifest(), publisher, bytes }, &to).map(Some)
    }
}

impl Plan {
    /// What the plan would change for those who use what is installed, one step after the other.
    ///
    /// # Errors
    /// As [`Update::of_step`].
    pub fn updates(&self, store: &Store, ledger: &Ledger, scratch: &Path) -> Result<Vec<Update>, InstallError> {
        let updates = self.steps.iter().map(|step| Update::of_step(store, ledger, step, scratch));
        updates.filter_map(Result::transpose).collect()
    }
}

/// The document of an installed version, which must be the one that was installed, with its publisher and length.
fn installed(
    store: &Store,
    ledger: &Ledger,
    plugin: &PluginId,
    version: &PluginVersion,
) -> Result<(Document, (Option<String>, u64)), InstallError> {
    let absent = || InstallError::NotInstalled { what: format!("{plugin} {version}") };
    let record = ledger.get(plugin).ok_or_else(absent)?;
    let (tree, seen) = record.installed(version).zip(record.seen(version)).ok_or_else(absent)?;
    let document = read_document(&store.tree(plugin, &tree.version))?;
    if document.id() != plugin || manifest_digest(&document)? != seen.manifest {
        return Err(InstallError::ManifestChanged { plugin: plugin.clone(), version: version.clone() });
    }
    Ok((document, (tree.publisher.clone(), tree.bytes)))
}

#[cfg(test)]
mod tests;
