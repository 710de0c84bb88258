//! Why a directory is not a plugin's tree.

use std::{io, path::PathBuf, sync::Arc};

use crate::{Collision, InvalidPath};

/// Why a directory cannot be taken as a plugin's tree.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum TreeError {
    /// A symbolic link stands where a file or directory should, or is the plugin's directory itself.
    #[error("{} is a symbolic link", path.display())]
    SymlinkRejected {
        /// The link.
        path: PathBuf,
    },
    /// A file has more than one name, so that somebody else may hold another one.
    #[error("{} has {links} hard links; a plugin's file has one", path.display())]
    HardlinkRejected {
        /// The file.
        path: PathBuf,
        /// How many names it has.
        links: u64,
    },
    /// A FIFO, socket or device.
    #[error("{} is a {kind}, not a regular file", path.display())]
    NotRegularFile {
        /// What was found.
        path: PathBuf,
        /// Its kind.
        kind: &'static str,
    },
    /// A file has its setuid or setgid bit set.
    #[error("{} has mode {mode:o}: setuid and setgid bits have no place in a plugin", path.display())]
    SetIdBit {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// Somebody else may write to it.
    #[error("{} has mode {mode:o}: others can write to it", path.display())]
    InsecurePermissions {
        /// The file or directory.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// It belongs to neither root nor the user of this process.
    #[error("{} belongs to user {owner}, neither to root nor to this user", path.display())]
    InsecureOwner {
        /// The file or directory.
        path: PathBuf,
        /// The numeric user id of its owner.
        owner: u32,
    },
    /// A name that is not portable.
    #[error("in {}: {source}", directory.display())]
    Path {
        /// The plugin's directory.
        directory: PathBuf,
        /// The rule that is broken.
        source: InvalidPath,
    },
    /// Two names that cannot both exist everywhere.
    #[error("in {}: {source}", directory.display())]
    Collision {
        /// The plugin's directory.
        directory: PathBuf,
        /// The two names.
        source: Collision,
    },
    /// More or larger files than a plugin may have.
    #[error("{} has more than {limit}", directory.display())]
    TooLarge {
        /// The plugin's directory or file.
        directory: PathBuf,
        /// The limit that it exceeds.
        limit: TreeLimit,
    },
    /// The file system would not let it be read.
    #[error("cannot read {}", path.display())]
    Unreadable {
        /// The file or directory.
        path: PathBuf,
        /// What the system says.
        source: Arc<io::Error>,
    },
    /// Trees are read with calls that this platform lacks.
    #[error("plugins cannot be verified on this platform: only Unix is supported")]
    UnsupportedPlatform,
}

/// The limits of a plugin's tree, which are those of an archive too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum TreeLimit {
    /// How many files there may be, and how many directories.
    Entries,
    /// How long one file may be.
    FileBytes,
    /// How long all files together may be.
    TotalBytes,
}

impl TreeLimit {
    /// The limit itself: a count, or bytes.
    pub const fn value(self) -> u64 {
        match self {
            Self::Entries => 4096,
            Self::FileBytes => 64 << 20,
            Self::TotalBytes => 256 << 20,
        }
    }
}

impl std::fmt::Display for TreeLimit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Entries => write!(f, "{} files or directories", self.value()),
            Self::FileBytes => write!(f, "{} MiB in one file", self.value() >> 20),
            Self::TotalBytes => write!(f, "{} MiB in all", self.value() >> 20),
        }
    }
}

impl TreeError {
    pub(crate) fn unreadable(path: impl Into<PathBuf>, source: impl Into<io::Error>) -> Self {
        Self::Unreadable { path: path.into(), source: Arc::new(source.into()) }
    }

    /// The stable error code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::SymlinkRejected { .. } => "SymlinkRejected",
            Self::HardlinkRejected { .. } => "HardlinkRejected",
            Self::NotRegularFile { .. } => "NotRegularFile",
            Self::SetIdBit { .. } | Self::InsecurePermissions { .. } => "InsecurePermissions",
            Self::InsecureOwner { .. } => "InsecureOwner",
            Self::Path { source, .. } => source.code(),
            Self::Collision { source, .. } => source.code(),
            Self::TooLarge { .. } => "TreeLimit",
            Self::Unreadable { source, .. } => match source.kind() {
                io::ErrorKind::PermissionDenied => "PermissionDenied",
                io::ErrorKind::NotFound => "NotFound",
                _ => "Unreadable",
            },
            Self::UnsupportedPlatform => "UnsupportedPlatform",
        }
    }

    /// What the reader can do about it.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::SymlinkRejected { .. } => "put the file itself in its place: a plugin's tree holds no links".into(),
            Self::HardlinkRejected { path, .. } => {
                format!("replace it by a copy: cp {0} {0}.copy && mv {0}.copy {0}", path.display())
            }
            Self::NotRegularFile { .. } => "remove it: a plugin's tree holds regular files and directories only".into(),
            Self::SetIdBit { path, .. } => format!("chmod u-s,g-s {}", path.display()),
            Self::InsecurePermissions { path, .. } => format!("chmod go-w {}", path.display()),
            Self::InsecureOwner { path, .. } => {
                format!("take it over after a look at what is in it: chown -R \"$(id -u)\" {}", path.display())
            }
            Self::Path { .. } | Self::Collision { .. } => "rename the file and package the plugin anew".into(),
            Self::TooLarge { .. } => "leave out what the plugin does not need at run time".into(),
            Self::Unreadable { source, .. } if source.kind() == io::ErrorKind::PermissionDenied => {
                "give this user the right to read it".into()
            }
            Self::Unreadable { .. } | Self::UnsupportedPlatform => return None,
        })
    }
}
