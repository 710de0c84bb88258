//! The ledger: what is installed, what is active, and what was ever seen.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use apex_meta::{Digest, Owner, Permission, PluginId, PluginVersion, VersionSpecifier};
use apex_trust::{History, KeyId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{FileKind, InstallError, UpdatePolicy, strict};

mod check;
mod past;

/// The tag of the file's format.
const FORMAT: &str = "apex-ledger/1";

/// What the store knows of each plugin: what is installed, which version is active, and what was ever seen of it.
///
/// What was seen is remembered after a removal, so that an old version is not taken for a new one, nor other files for
/// a version that is known, nor an unsigned plugin for one that was signed once. Stored as strict JSON in the store's
/// `ledger.json`.
///
/// ```
/// use apex_install::Ledger;
/// let ledger = Ledger::parse("ledger.json".as_ref(), br#"{"format": "apex-ledger/1", "generation": 1, "plugins": {}}"#)?;
/// assert_eq!(ledger.plugins().count(), 0);
/// # Ok::<(), apex_install::InstallError>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ledger {
    generation: u64,
    /// For plugins that have none of their own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    update_policy: Option<UpdatePolicy>,
    plugins: BTreeMap<PluginId, Record>,
}

/// What the ledger knows of one plugin.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Record {
    /// The version that serves requests without a specifier; none if the plugin is not installed any more.
    pub active: Option<PluginVersion>,
    /// The highest version that was ever active.
    pub highest: Option<PluginVersion>,
    /// Whether it was ever accepted with a publisher's signature.
    pub ever_signed: bool,
    /// Whether somebody asked for it, and not only other plugins.
    pub requested: bool,
    /// The versions that the operator wants to stay with.
    pub pin: Option<VersionSpecifier>,
    /// When it is updated unasked; none stands for the policy for all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub update_policy: Option<UpdatePolicy>,
    /// What was granted to it when it was last installed or changed: a note of that moment.
    ///
    /// What counts are the [`Grants`](apex_trust::Grants), which the operator may have changed since.
    #[serde(default)]
    pub granted: BTreeSet<Permission>,
    /// The versions whose trees are in the store, lowest first.
    pub installed: Vec<Installed>,
    /// Every version that was ever installed, lowest first.
    pub seen: Vec<Seen>,
    /// What happened to it, the earliest first; the last hundred events.
    pub history: Vec<Happening>,
}

/// A version whose tree is in the store.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Installed {
    /// The version; its text names the directory.
    pub version: PluginVersion,
    /// The digest of its files.
    #[serde(with = "strict::text")]
    pub digest: Digest,
    /// The trusted publisher who signed it, if one did.
    pub publisher: Option<String>,
    /// Where it came from, as a path.
    pub source: String,
    /// The length of its files together, in bytes.
    pub bytes: u64,
    /// When it was installed.
    pub at: Timestamp,
}

/// A version that was installed once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Seen {
    /// The version.
    pub version: PluginVersion,
    /// The digest of its files, which never changes.
    #[serde(with = "strict::text")]
    pub digest: Digest,
    /// The BLAKE3 hash of its manifest as it is signed, which never changes either.
    #[serde(with = "strict::text")]
    pub manifest: Digest,
    /// The key that signed it, if a trusted publisher did, valid at that time.
    #[serde(with = "strict::optional_text")]
    pub key_id: Option<KeyId>,
}

/// Something that happened to a plugin.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Happening {
    /// When.
    pub at: Timestamp,
    /// What.
    pub what: Change,
    /// The version that was active before, if any.
    pub from: Option<PluginVersion>,
    /// The version that is active since, if any.
    pub to: Option<PluginVersion>,
    /// Why, where a lower version became active.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub because: Option<String>,
}

/// What can happen to a plugin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Change {
    /// It was installed where there was none active.
    Install,
    /// A higher version became active.
    Update,
    /// A lower version became active, on the operator's word.
    Rollback,
    /// It was removed.
    Remove,
}

impl Ledger {
    /// How many events of one plugin are kept.
    pub const MAX_HISTORY: usize = 100;

    /// Reads the stored form; `path` is for messages.
    ///
    /// # Errors
    /// The bytes are not strict JSON, not of this format, or contradict themselves.
    pub fn parse(path: &Path, bytes: &[u8]) -> Result<Self, InstallError> {
        let ledger: Self = strict::read(FileKind::Ledger, path, FORMAT, bytes)?;
        match check::fault(&ledger) {
            Some(fault) => Err(InstallError::content(FileKind::Ledger, path, fault)),
            None => Ok(ledger),
        }
    }

    /// Writes the stored form.
    ///
    /// # Errors
    /// There is more to write than would be read again.
    pub fn to_bytes(&self, path: &Path) -> Result<Vec<u8>, InstallError> {
        let bytes = strict::write(FORMAT, self, path)?;
        match bytes.len() > strict::LIMITS.max_bytes {
            true => Err(InstallError::content(FileKind::Ledger, path, "it would be larger than a ledger may be")),
            false => Ok(bytes),
        }
    }

    /// How often the ledger was written: a plan holds for one generation.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// What is known of each plugin, of removed ones too.
    pub fn plugins(&self) -> impl Iterator<Item = (&PluginId, &Record)> {
        self.plugins.iter()
    }

    /// What is known of a plugin.
    pub fn get(&self, plugin: &PluginId) -> Option<&Record> {
        self.plugins.get(plugin)
    }

    /// The tree of a version, if it is in the store.
    pub fn installed(&self, plugin: &PluginId, version: &PluginVersion) -> Option<&Installed> {
        self.get(plugin)?.installed(version)
    }

    /// Every plugin with its active version.
    pub fn active(&self) -> impl Iterator<Item = (&PluginId, &Installed)> {
        self.plugins.iter().filter_map(|(plugin, record)| Some((plugin, record.active_tree()?)))
    }

    /// What is known of the plugin whose id is equal to this one but for ASCII case.
    pub(crate) fn namesake(&self, plugin: &PluginId) -> Option<(&PluginId, &Record)> {
        self.plugins.iter().find(|(other, _)| other.eq_ignore_case(plugin))
    }

    /// The policy for plugins that have none of their own.
    pub fn update_policy_of_all(&self) -> Option<UpdatePolicy> {
        self.update_policy
    }

    pub(crate) fn set_update_policy_of_all(&mut self, policy: Option<UpdatePolicy>) {
        self.update_policy = policy;
    }

    pub(crate) fn record_mut(&mut self, plugin: &PluginId) -> &mut Record {
        self.plugins.entry(plugin.clone()).or_default()
    }

    pub(crate) fn count_generation(&mut self) {
        self.generation = self.generation.saturating_add(1).min(apex_meta::JsonLimits::MAX_NUMBER);
    }
}

impl Installed {
    /// To whom it belongs: what is granted to it, and its state, are bound to that.
    pub fn owner(&self) -> Owner {
        owner(self.publisher.as_deref(), self.digest)
    }
}

/// To whom a plugin belongs that this publisher signed, or nobody.
pub(crate) fn owner(publisher: Option<&str>, digest: Digest) -> Owner {
    publisher.map_or(Owner::Digest(digest), |publisher| Owner::Publisher(publisher.to_owned()))
}

impl Record {
    /// The tree of a version, if it is in the store.
    pub fn installed(&self, version: &PluginVersion) -> Option<&Installed> {
        self.installed.iter().find(|tree| tree.version == *version)
    }

    /// What is remembered of a version.
    pub fn seen(&self, version: &PluginVersion) -> Option<&Seen> {
        self.seen.iter().find(|seen| seen.version == *version)
    }

    /// The tree of the active version.
    pub fn active_tree(&self) -> Option<&Installed> {
        self.installed(self.active.as_ref()?)
    }

    /// Notes a tree, in place of an earlier one of the same version.
    pub(crate) fn add(&mut self, tree: Installed, manifest: Digest, key_id: Option<KeyId>) {
        self.ever_signed |= tree.publisher.is_some();
        if self.seen(&tree.version).is_none() {
            self.seen.push(Seen { version: tree.version.clone(), digest: tree.digest, manifest, key_id });
            self.seen.sort_by(|a, b| a.version.cmp(&b.version));
        }
        self.installed.retain(|other| other.version != tree.version);
        self.installed.push(tree);
        self.installed.sort_by(|a, b| a.version.cmp(&b.version));
    }

    /// Makes a version the active one, or none, and notes that it happened.
    pub(crate) fn activate(&mut self, version: Option<&PluginVersion>, at: Timestamp, because: &str) {
        let what = match (&self.active, version) {
            (_, None) => Change::Remove,
            (None, Some(_)) => Change::Install,
            (Some(before), Some(now)) if now < before => Change::Rollback,
            (Some(_), Some(_)) => Change::Update,
        };
        let from = std::mem::replace(&mut self.active, version.cloned());
        if let Some(version) = version
            && self.highest.as_ref().is_none_or(|highest| version > highest)
        {
            self.highest = Some(version.clone());
        }
        let because = (what == Change::Rollback).then(|| because.to_owned());
        self.history.push(Happening { at, what, from, to: version.cloned(), because });
        let surplus = self.history.len().saturating_sub(Ledger::MAX_HISTORY);
        self.history.drain(..surplus);
    }
}

impl History for Ledger {
    fn ever_signed(&self, id: &PluginId) -> bool {
        self.namesake(id).is_some_and(|(_, record)| record.ever_signed)
    }

    fn verified_while_valid(&self, digest: &Digest, key: &KeyId) -> bool {
        let seen = self.plugins.values().flat_map(|record| &record.seen);
        seen.into_iter().any(|seen| seen.digest == *digest && seen.key_id == Some(*key))
    }
}
