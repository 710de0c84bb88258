//! Why something could not be installed, removed, locked or read.

use std::{io, path::PathBuf};

use apex_meta::{Digest, InvalidVersion, JsonError, Permission, PluginId, PluginVersion, Reason};
use apex_package::{ArchiveError, LayoutError};
use apex_resolve::Unsolvable;
use apex_trust::{NotCanonical, TrustError};
use serde::Serialize;

use crate::Unconfirmed;

/// Why something could not be installed, removed, locked or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InstallError {
    /// The versions that are asked for cannot be had.
    #[error(transparent)]
    Unsolvable(#[from] Unsolvable),
    /// A package's archive is refused.
    #[error("the package {} is refused", path.display())]
    Archive {
        /// The package.
        path: PathBuf,
        /// Why.
        source: ArchiveError,
    },
    /// A package's manifest is refused.
    #[error("the package {} is refused", path.display())]
    Manifest {
        /// The package.
        path: PathBuf,
        /// Why.
        source: Box<LayoutError>,
    },
    /// A package does not pass the policy.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// What a package holds is not what was announced or locked.
    #[error("{}", .0)]
    Mismatch(Box<Mismatch>),
    /// A lock names other grants than there are; it grants nothing by itself, and takes nothing back.
    #[error("the lock names other grants: {}", join(.0, "; "))]
    GrantsDiffer(Vec<GrantsDiffer>),
    /// A version lower than the highest that was ever installed.
    #[error("{plugin} {offered} is older than {highest}, which was installed before")]
    RollbackRefused {
        /// The plugin.
        plugin: PluginId,
        /// The version that is offered.
        offered: PluginVersion,
        /// The highest version that the ledger remembers.
        highest: PluginVersion,
    },
    /// A version that is known with other files.
    #[error("{}", .0)]
    VersionRepublished(Box<Republished>),
    /// Other plugins need what is to be removed.
    #[error("{plugin} is needed by {}", .dependents.join(", "))]
    StillNeeded {
        /// The plugin.
        plugin: PluginId,
        /// Who needs it, as `id version`.
        dependents: Vec<String>,
    },
    /// The active version is to be removed, but others are to stay.
    #[error("{version} is the active version of {plugin}, and other versions are to stay")]
    ActiveVersion {
        /// The plugin.
        plugin: PluginId,
        /// Its active version.
        version: PluginVersion,
    },
    /// There is no way back to an older version.
    #[error("{plugin} cannot be rolled back: {why}")]
    NoRollback {
        /// The plugin.
        plugin: PluginId,
        /// Why.
        why: String,
    },
    /// Nobody has agreed to what an update changes.
    #[error("not agreed to: {}", join(.0, "; "))]
    UpdateNotConfirmed(Vec<Unconfirmed>),
    /// The manifest of an installed version is not the one that was installed.
    #[error("the manifest of {plugin} {version} is not the one that was installed")]
    ManifestChanged {
        /// The plugin.
        plugin: PluginId,
        /// Its version.
        version: PluginVersion,
    },
    /// A manifest has no canonical form.
    #[error(transparent)]
    NotCanonical(#[from] NotCanonical),
    /// There is nothing of this name in the store, or no such source.
    #[error("{what} is not there")]
    NotInstalled {
        /// What was asked for.
        what: String,
    },
    /// The store changed since the plan was made.
    #[error("the store was changed by somebody else since the plan was made")]
    PlanOutdated,
    /// Another process is at work on the store.
    #[error("another process is at work on the store {}", path.display())]
    StoreBusy {
        /// The store.
        path: PathBuf,
    },
    /// A file is not what it should be.
    #[error("{} is not valid: {fault}", path.display())]
    Invalid {
        /// What kind of file.
        file: FileKind,
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        fault: FileFault,
    },
    /// A file or directory that others could change.
    #[error("{} could be changed by others (owner {owner}, mode {mode:03o})", path.display())]
    Insecure {
        /// The file or directory.
        path: PathBuf,
        /// Its owner's number.
        owner: u32,
        /// Its permissions.
        mode: u32,
    },
    /// Something could not be read or written.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// What was tried, as a verb.
        action: &'static str,
        /// With which file or directory.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

/// The kinds of files that this crate reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum FileKind {
    /// `ledger.json`.
    Ledger,
    /// The note of a transaction that is under way.
    Journal,
    /// `sources.json`.
    Sources,
    /// A source's `index.json`.
    Index,
    /// `apex.lock`.
    Lock,
    /// A bundle.
    Bundle,
}

/// What is wrong with a file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileFault {
    /// It is not strict JSON.
    #[error("{0}")]
    Json(#[source] JsonError),
    /// It does not have the members that it should have.
    #[error("{0}")]
    Form(#[source] serde_json::Error),
    /// A version in it is out of range.
    #[error("{0}")]
    Version(#[source] InvalidVersion),
    /// It contradicts itself, or leads out of its place.
    #[error("{0}")]
    Content(String),
}

/// A version that is known with other files, or another manifest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{plugin} {version} was published before with other files: it was {known}, and is {offered}")]
pub struct Republished {
    /// The plugin.
    pub plugin: PluginId,
    /// The version.
    pub version: PluginVersion,
    /// The digest that the ledger remembers.
    pub known: Digest,
    /// The digest that is offered.
    pub offered: Digest,
}

/// In what the grants that a lock names differ from those that a plugin has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("{plugin} {}", self.words())]
pub struct GrantsDiffer {
    /// The plugin.
    pub plugin: PluginId,
    /// What the lock names, and is not granted.
    pub missing: Vec<Permission>,
    /// What is granted, and the lock does not name.
    pub surplus: Vec<Permission>,
}

impl GrantsDiffer {
    fn words(&self) -> String {
        let missing = (!self.missing.is_empty())
            .then(|| format!("is not granted {}, which the lock names", join(&self.missing, ", ")));
        let surplus = (!self.surplus.is_empty())
            .then(|| format!("is granted {}, which the lock does not name", join(&self.surplus, ", ")));
        missing.into_iter().chain(surplus).collect::<Vec<_>>().join(" and ")
    }

    /// The words that would make both the same.
    fn remedies(&self) -> impl Iterator<Item = String> {
        let grant = |permission: &Permission| format!("--grant '{}={permission}'", self.plugin);
        let missing = (!self.missing.is_empty())
            .then(|| format!("say {} if you mean it", self.missing.iter().map(grant).collect::<Vec<_>>().join(" ")));
        let word = |permission: &Permission| format!(" '{permission}'");
        let surplus = (!self.surplus.is_empty())
            .then(|| format!("`apex ungrant {}{}`", self.plugin, self.surplus.iter().map(word).collect::<String>()));
        missing.into_iter().chain(surplus)
    }
}

fn join(all: &[impl std::fmt::Display], between: &str) -> String {
    all.iter().map(ToString::to_string).collect::<Vec<_>>().join(between)
}

/// What a package holds beside what was announced.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{plugin} {version} is not what {announced_by} says: its {what} is {found}, not {expected}")]
pub struct Mismatch {
    /// The plugin.
    pub plugin: PluginId,
    /// The version.
    pub version: PluginVersion,
    /// Who announced it: `the index`, `the lock`, `the plan`.
    pub announced_by: &'static str,
    /// In what they differ.
    pub what: &'static str,
    /// What was announced.
    pub expected: String,
    /// What was found.
    pub found: String,
}

impl InstallError {
    pub(crate) fn io(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { action, path, source }
    }

    pub(crate) fn content(file: FileKind, path: impl Into<PathBuf>, fault: impl Into<String>) -> Self {
        Self::Invalid { file, path: path.into(), fault: FileFault::Content(fault.into()) }
    }

    /// Code, message and remedy together.
    pub(crate) fn reason(&self) -> Reason {
        Reason { code: self.code().into(), message: self.to_string(), hint: self.hint() }
    }

    /// The stable error code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unsolvable(source) => source.code(),
            Self::Archive { source, .. } => source.code(),
            Self::Manifest { source, .. } => source.code(),
            Self::Trust(source) => source.code(),
            Self::Mismatch(mismatch) if mismatch.announced_by == "the lock" => "LockMismatch",
            Self::Mismatch(_) => "IndexMismatch",
            Self::GrantsDiffer(_) => "GrantsDiffer",
            Self::RollbackRefused { .. } => "RollbackRefused",
            Self::VersionRepublished(_) => "VersionRepublished",
            Self::StillNeeded { .. } => "StillNeeded",
            Self::ActiveVersion { .. } => "ActiveVersion",
            Self::NoRollback { .. } => "NoRollback",
            Self::UpdateNotConfirmed(_) => "UpdateNotConfirmed",
            Self::ManifestChanged { .. } => "ManifestChanged",
            Self::NotCanonical(_) => "NotCanonical",
            Self::NotInstalled { .. } => "NotInstalled",
            Self::PlanOutdated => "PlanOutdated",
            Self::StoreBusy { .. } => "StoreBusy",
            Self::Invalid { fault: FileFault::Version(source), .. } => source.code(),
            Self::Invalid { file, .. } => file.code(),
            Self::Insecure { owner, .. } if is_foreign(*owner) => "InsecureOwner",
            Self::Insecure { .. } => "InsecurePermissions",
            Self::Io { .. } => "StoreIo",
        }
    }

    /// What the reader can do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Unsolvable(source) => source.hint(),
            Self::Archive { source, .. } => source.hint(),
            Self::Manifest { source, .. } => source.hint(),
            Self::Trust(source) => source.hint(),
            Self::Mismatch(mismatch) if mismatch.announced_by == "the lock" => {
                Some("make the lock anew with `apex lock` if the change is meant".to_owned())
            }
            Self::Mismatch(_) => Some("whoever keeps the source makes its index anew with `apex index DIR`".to_owned()),
            Self::GrantsDiffer(differences) => {
                let remedies: Vec<_> = differences.iter().flat_map(GrantsDiffer::remedies).collect();
                Some(format!("{}; or make the lock anew with `apex lock`", remedies.join("; ")))
            }
            Self::RollbackRefused { .. } => Some("if you mean it, say --allow-downgrade".to_owned()),
            Self::VersionRepublished(_) => {
                Some("a version has one content for ever: ask the publisher for a new version".to_owned())
            }
            Self::StillNeeded { .. } => Some("remove those first, or say --force".to_owned()),
            Self::ActiveVersion { plugin, .. } => Some(format!("remove the plugin as a whole: `apex remove {plugin}`")),
            Self::NoRollback { plugin, .. } => Some(format!(
                "`apex list` shows the versions in the store; name one with `apex rollback {plugin} --to VERSION`"
            )),
            Self::UpdateNotConfirmed(open) => Some(options(open)),
            Self::ManifestChanged { .. } => Some("remove the plugin and install it again".to_owned()),
            Self::NotCanonical(_) => Some("ask the publisher for another version".to_owned()),
            Self::NotInstalled { .. } => Some("`apex list` shows what is there".to_owned()),
            Self::PlanOutdated => Some("run the command again".to_owned()),
            Self::StoreBusy { .. } => Some("wait for it to end, and run the command again".to_owned()),
            Self::Invalid { file, .. } => Some(file.hint().to_owned()),
            Self::Insecure { path, .. } => Some(format!("make it yours alone: chmod go-w {}", path.display())),
            Self::Io { .. } => {
                Some("nothing was changed; see to the disk or the permissions and run it again".to_owned())
            }
        }
    }
}

/// The options by which each concern is agreed to, each once.
fn options(open: &[Unconfirmed]) -> String {
    let mut concerns: Vec<_> = open.iter().flat_map(|one| one.concerns.iter().copied()).collect();
    concerns.sort();
    concerns.dedup();
    let options: Vec<_> = concerns.iter().map(|concern| concern.option()).collect();
    format!("look at it with --dry-run; agree with {}", options.join(", "))
}

#[cfg(unix)]
fn is_foreign(owner: u32) -> bool {
    owner != 0 && owner != rustix::process::geteuid().as_raw()
}

#[cfg(not(unix))]
fn is_foreign(_owner: u32) -> bool {
    false
}

impl FileKind {
    const fn code(self) -> &'static str {
        match self {
            Self::Ledger => "LedgerInvalid",
            Self::Journal => "JournalInvalid",
            Self::Sources => "SourcesInvalid",
            Self::Index => "IndexInvalid",
            Self::Lock => "LockInvalid",
            Self::Bundle => "BundleInvalid",
        }
    }

    const fn hint(self) -> &'static str {
        match self {
            Self::Ledger => "restore it from a backup, or move the store away and install again",
            Self::Journal => "move it away; `apex doctor` then shows what it would have cleaned up",
            Self::Sources => "mend it, or remove it and add the sources again",
            Self::Index => "whoever keeps the source makes its index anew with `apex index DIR`",
            Self::Lock => "make it anew with `apex lock`",
            Self::Bundle => "make it anew with `apex bundle FILE`",
        }
    }
}
