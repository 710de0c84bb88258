//! What can be wrong with a package's archive.

use std::{fmt, io, path::PathBuf};

use apex_trust::{Collision, InvalidPath, TreeError, TreeLimit};

/// Why a directory cannot be packed, or an archive not be unpacked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ArchiveError {
    /// Something other than a plain file, or a file that no package may bring.
    #[error("entry `{}` is {what}, which a package may not hold", path.escape_debug())]
    ForbiddenEntry {
        /// The path of the entry.
        path: String,
        /// What it is.
        what: &'static str,
    },
    /// A path that is not portable or leads out of the plugin.
    #[error("an entry of the archive: {0}")]
    Path(#[source] InvalidPath),
    /// Two entries that cannot both exist everywhere.
    #[error("entries of the archive: {0}")]
    Collision(#[source] Collision),
    /// More than a package may have.
    #[error("the archive has {0}")]
    Limit(ArchiveLimit),
    /// A valid archive of another form than the one that packing makes.
    #[error("the archive is not canonical: {what}")]
    NonCanonical {
        /// In what it differs.
        what: &'static str,
    },
    /// There is no `plugin.json` in the archive's root.
    #[error("the archive has no plugin.json")]
    ManifestMissing,
    /// The compressed data cannot be read.
    #[error("cannot read the archive {}", path.display())]
    Unreadable {
        /// The archive.
        path: PathBuf,
        /// What the system or the decompressor says.
        source: io::Error,
    },
    /// A file or directory cannot be written.
    #[error("cannot write {}", path.display())]
    Unwritable {
        /// The file or directory.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The directory is not a plugin's tree.
    #[error("the plugin's directory cannot be packed")]
    Tree(#[source] TreeError),
}

/// The limit that an archive exceeds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ArchiveLimit {
    /// One of the limits that trees have too.
    Tree(TreeLimit),
    /// An entry is announced with more bytes than the archive has.
    Announced,
}

impl fmt::Display for ArchiveLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tree(limit) => write!(f, "more than {limit}"),
            Self::Announced => f.write_str("fewer bytes than it announces"),
        }
    }
}

impl ArchiveError {
    /// The stable error code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::ForbiddenEntry { .. } => "ForbiddenEntry",
            Self::Path(source) => source.code(),
            Self::Collision(source) => source.code(),
            Self::Limit(_) => "ArchiveLimit",
            Self::NonCanonical { .. } => "NonCanonicalArchive",
            Self::ManifestMissing => "ManifestMissing",
            Self::Unreadable { .. } => "Unreadable",
            Self::Unwritable { .. } => "Unwritable",
            Self::Tree(source) => source.code(),
        }
    }

    /// What the reader can do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Unreadable { .. } | Self::Unwritable { .. } => None,
            Self::Tree(source) => source.hint(),
            _ => Some("packages are made by: apex package DIR".into()),
        }
    }
}
