//! Why a plugin's directory cannot be laid out.

use std::{
    io,
    path::{Path, PathBuf},
};

use apex_meta::{EntryPoint, InvalidDocument};
use apex_trust::{InvalidPath, SignatureError, TreeError};

/// Why a plugin's directory cannot be laid out, read or signed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LayoutError {
    /// The manifest is not one.
    #[error("{} is not a plugin's manifest", path.display())]
    Manifest {
        /// The file.
        path: PathBuf,
        /// Its first fault.
        source: InvalidDocument,
    },
    /// The plugin's code is not native, so that there is no library to ship.
    #[error("entry point `{entry_point}` is not native: `crate_name::TypeName` is expected")]
    NotNative {
        /// The entry point.
        entry_point: EntryPoint,
    },
    /// The library does not have the name that the entry point leads to.
    #[error("entry point `{entry_point}` leads to a library `{expected}`, but the crate makes `{}`", found.escape_debug())]
    LibraryName {
        /// The entry point.
        entry_point: EntryPoint,
        /// The file name that it leads to.
        expected: String,
        /// The file name of the library.
        found: String,
    },
    /// A file may not be called so in a plugin.
    #[error(transparent)]
    Path(InvalidPath),
    /// The directory is not a plugin's tree.
    #[error(transparent)]
    Tree(TreeError),
    /// The manifest cannot be signed.
    #[error("the plugin cannot be signed")]
    Signature(#[source] SignatureError),
    /// A file cannot be read.
    #[error("cannot read {}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
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
}

impl LayoutError {
    pub(crate) fn unreadable(path: &Path, source: io::Error) -> Self {
        Self::Unreadable { path: path.to_owned(), source }
    }

    pub(crate) fn unwritable(path: &Path, source: io::Error) -> Self {
        Self::Unwritable { path: path.to_owned(), source }
    }

    /// The stable error code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Manifest { source, .. } => source.code(),
            Self::NotNative { .. } => "UnsupportedRuntime",
            Self::LibraryName { .. } => "LibraryMissing",
            Self::Path(source) => source.code(),
            Self::Tree(source) => source.code(),
            Self::Signature(source) => source.code(),
            Self::Unreadable { .. } => "Unreadable",
            Self::Unwritable { .. } => "Unwritable",
        }
    }

    /// What the reader can do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Manifest { path, .. } => Some(format!("every fault at once: apex check {}", path.display())),
            Self::NotNative { .. } => None,
            Self::LibraryName { found, .. } => Some(format!(
                "name the crate's library in the entry point, as in `{}::TypeName`",
                crate_name_of(found).unwrap_or("crate_name")
            )),
            Self::Path(_) => Some("rename the file".into()),
            Self::Tree(source) => source.hint(),
            Self::Signature(source) => source.hint(),
            Self::Unreadable { source, .. } if source.kind() == io::ErrorKind::NotFound => {
                Some("a plugin's crate holds Cargo.toml, plugin.json and src/lib.rs".into())
            }
            Self::Unreadable { .. } | Self::Unwritable { .. } => None,
        }
    }
}

fn crate_name_of(library: &str) -> Option<&str> {
    library.strip_prefix(std::env::consts::DLL_PREFIX)?.strip_suffix(std::env::consts::DLL_SUFFIX)
}
