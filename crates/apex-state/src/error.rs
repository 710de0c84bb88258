//! Why a state could not be loaded, saved, cleared or listed.

use std::{
    fmt, io,
    path::{Path, PathBuf},
    time::Duration,
};

use apex_meta::{ErrorKind, PluginId};

use crate::{RecordFault, StateKey};

/// Why a state could not be loaded, saved, cleared or listed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StateError {
    /// The operating system refused, or the device failed; a save that ends so leaves the old state.
    #[error("cannot {step} `{}`", path.display())]
    Io {
        /// What was tried.
        step: FileStep,
        /// On which file or directory.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// Somebody else saved the state in between.
    #[error("state of {key} was saved by somebody else: expected generation {expected}, found {found}")]
    Conflict {
        /// Which state.
        key: Box<StateKey>,
        /// The generation that the caller built on.
        expected: u64,
        /// The generation that is there; 0 if there is none.
        found: u64,
    },
    /// One state is larger than allowed.
    #[error("state of {key} has {bytes} bytes, at most {limit} are allowed")]
    TooLarge {
        /// Which state.
        key: Box<StateKey>,
        /// Its size in bytes of JSON.
        bytes: u64,
        /// The limit in bytes.
        limit: u64,
    },
    /// A state file is larger than any state that the store's limits allow.
    #[error("state file `{}` has {bytes} bytes, at most {limit} are read", path.display())]
    FileTooLarge {
        /// The state's file.
        path: PathBuf,
        /// Its size in bytes.
        bytes: u64,
        /// The limit in bytes.
        limit: u64,
    },
    /// The state nests deeper than JSON readers follow.
    #[error("state of {key} nests deeper than {limit} levels")]
    TooDeep {
        /// Which state.
        key: Box<StateKey>,
        /// The limit in levels.
        limit: usize,
    },
    /// All states of the plugin together would be larger than allowed.
    #[error("states of {plugin} would take {needed} bytes together, its quota is {quota}")]
    QuotaExceeded {
        /// Which plugin.
        plugin: PluginId,
        /// What its states would take with this save, in bytes.
        needed: u64,
        /// What they may take, in bytes.
        quota: u64,
    },
    /// The state is damaged, and so is its backup, or there is none.
    #[error("state file `{}` is damaged ({fault}) and {}", path.display(), Backup(backup.as_ref()))]
    Corrupt {
        /// The state's file, left where it is.
        path: PathBuf,
        /// What is wrong with it.
        fault: RecordFault,
        /// What is wrong with the backup; `None` if there is none.
        backup: Option<RecordFault>,
    },
    /// The state that is kept there belongs to somebody else.
    #[error("{}", Mismatch { key, found })]
    OwnerMismatch {
        /// Which state was asked for.
        key: Box<StateKey>,
        /// Whose state is there.
        found: Box<StateKey>,
    },
    /// The file is of a format that this release does not know.
    #[error("state file `{}` has format {found}, this release knows format 1", path.display())]
    UnsupportedFormat {
        /// The state's file.
        path: PathBuf,
        /// The format it claims.
        found: u64,
    },
    /// Somebody holds the plugin's state lock for too long.
    #[error("state lock `{}` is held by another process for more than {} ms", path.display(), waited.as_millis())]
    Locked {
        /// The lock file.
        path: PathBuf,
        /// How long this call waited.
        waited: Duration,
    },
    /// Others may write where states are kept.
    #[error("state directory `{}` has mode {mode:04o}, so that others can change it", path.display())]
    InsecurePermissions {
        /// The directory.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// Somebody else owns the place where states are kept.
    #[error("state directory `{}` belongs to user {owner}, not to the user of this process", path.display())]
    InsecureOwner {
        /// The directory.
        path: PathBuf,
        /// The owner's numeric id.
        owner: u32,
    },
    /// The thread that did the work is gone without an answer.
    #[error("the store stopped before it answered for the states of {plugin}")]
    Interrupted {
        /// Whose state it worked on.
        plugin: PluginId,
    },
}

impl StateError {
    /// The stable error code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Io { .. } | Self::Interrupted { .. } => "StateIo",
            Self::Conflict { .. } => "StateConflict",
            Self::TooLarge { .. } | Self::FileTooLarge { .. } => "StateTooLarge",
            Self::TooDeep { .. } => "StateTooDeep",
            Self::QuotaExceeded { .. } => "StateQuotaExceeded",
            Self::Corrupt { .. } => "StateCorrupt",
            Self::OwnerMismatch { .. } => "StateOwnerMismatch",
            Self::UnsupportedFormat { .. } => "StateFormatUnsupported",
            Self::Locked { .. } => "StateLocked",
            Self::InsecurePermissions { .. } => "InsecurePermissions",
            Self::InsecureOwner { .. } => "InsecureOwner",
        }
    }

    /// The kind that a call ends in when this error stops it.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Conflict { .. } => ErrorKind::StateConflict,
            Self::TooLarge { .. } | Self::FileTooLarge { .. } | Self::TooDeep { .. } | Self::QuotaExceeded { .. } => {
                ErrorKind::StateTooLarge
            }
            Self::OwnerMismatch { .. } => ErrorKind::PluginBlocked,
            Self::Io { .. }
            | Self::Corrupt { .. }
            | Self::UnsupportedFormat { .. }
            | Self::Locked { .. }
            | Self::InsecurePermissions { .. }
            | Self::InsecureOwner { .. }
            | Self::Interrupted { .. } => ErrorKind::StateIo,
        }
    }

    /// What the reader can do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Io { path, source, .. } => io_hint(path, source.kind()),
            Self::Conflict { .. } => Some("load the state again, apply the change to it, and save that".to_owned()),
            Self::TooLarge { .. } => {
                Some("keep less in one state, or raise the store's limit `max_save_bytes`".to_owned())
            }
            Self::FileTooLarge { .. } => {
                Some("raise the store's limits to what they were when the state was saved, or clear it".to_owned())
            }
            Self::TooDeep { .. } => Some("keep the state flatter".to_owned()),
            Self::QuotaExceeded { plugin, .. } => {
                Some(format!("clear states that are no longer needed (`apex state show {plugin}`), or raise the quota"))
            }
            Self::Corrupt { path, .. } => Some(format!(
                "restore `{}` from a copy of your own, or clear the state to begin anew; the file was left for inspection",
                path.display()
            )),
            Self::OwnerMismatch { found, .. } => Some(format!(
                "check where the plugin comes from; if it shall begin anew, clear the other's state: `apex state clear {}`",
                found.plugin
            )),
            Self::UnsupportedFormat { .. } => Some("a newer release wrote it: use that release".to_owned()),
            Self::Locked { .. } => Some("look for a process that hangs while it saves, and end it".to_owned()),
            Self::InsecurePermissions { path, .. } => Some(format!("chmod go-w '{}'", path.display())),
            Self::InsecureOwner { .. } => Some("keep states in a directory of your own".to_owned()),
            Self::Interrupted { .. } => None,
        }
    }

    pub(crate) fn io(step: FileStep, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { step, path: path.to_owned(), source }
    }
}

fn io_hint(path: &Path, kind: io::ErrorKind) -> Option<String> {
    match kind {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            Some(format!("free some space on the device that holds `{}`", path.display()))
        }
        io::ErrorKind::PermissionDenied => {
            Some(format!("the user of this process must be able to read and write `{}`", path.display()))
        }
        io::ErrorKind::ReadOnlyFilesystem => Some("keep states on a device that can be written".to_owned()),
        _ => None,
    }
}

/// What was done to a file or directory when the operating system refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum FileStep {
    /// Making a directory.
    CreateDirectory,
    /// Opening or taking the lock.
    Lock,
    /// Reading a file.
    Read,
    /// Listing a directory.
    List,
    /// Creating a file.
    Create,
    /// Writing a file.
    Write,
    /// Making a file's content durable.
    Sync,
    /// Keeping a second name of a file.
    Link,
    /// Putting a file in the place of another.
    Rename,
    /// Removing a file.
    Remove,
    /// Making a directory's entries durable.
    SyncDirectory,
}

impl fmt::Display for FileStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::CreateDirectory => "create state directory",
            Self::Lock => "lock",
            Self::Read => "read state file",
            Self::List => "list state directory",
            Self::Create => "create state file",
            Self::Write => "write state file",
            Self::Sync => "make durable (fsync) state file",
            Self::Link => "link state file",
            Self::Rename => "rename state file",
            Self::Remove => "remove state file",
            Self::SyncDirectory => "make durable (fsync) state directory",
        })
    }
}

/// The half of a sentence that tells what became of the backup.
struct Backup<'a>(Option<&'a RecordFault>);

impl fmt::Display for Backup<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(fault) => write!(f, "so is its backup ({fault})"),
            None => f.write_str("has no backup"),
        }
    }
}

/// The sentence that tells two owners apart by what differs.
struct Mismatch<'a> {
    key: &'a StateKey,
    found: &'a StateKey,
}

impl fmt::Display for Mismatch<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key, found } = self;
        if !key.is_same_place(found) {
            return write!(f, "the file for the state of {key} holds the state of {found}");
        }
        write!(f, "state of {key} belongs to ")?;
        match &found.owner {
            Some(owner) => write!(f, "{owner}")?,
            None => f.write_str("nobody in particular")?,
        }
        match &key.owner {
            Some(owner) => write!(f, ", not to {owner}"),
            None => f.write_str(", and was asked for on nobody's word"),
        }
    }
}
