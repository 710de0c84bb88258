//! Why a library is not accepted for what it is, or for what it asks of the dynamic linker.

use std::{io, sync::Arc};

use apex_meta::TARGET_TRIPLE;

/// Why a library is not accepted before any of its code has run.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum ElfError {
    /// It is something else, such as a text.
    #[error("it is no ELF file")]
    NotElf,
    /// It is a library of another platform.
    #[error("it is made for another machine: {found}, where {expected} is expected")]
    WrongMachine {
        /// Machine number, width and byte order that the file names.
        found: String,
        /// Those of this program.
        expected: String,
    },
    /// It is a program or an object file.
    #[error("it is an ELF file of type {found}, where a shared object (type 3) is expected")]
    NotShared {
        /// The number of the file's type.
        found: u16,
    },
    /// It is cut short, or its tables contradict each other or can be read in more than one way.
    #[error("it is a damaged ELF file: {what}")]
    Damaged {
        /// What was found.
        what: &'static str,
    },
    /// It tells the dynamic linker where to search or what to load beside what it needs.
    #[error("it has a {entry} entry `{}`", value.escape_debug())]
    ForbiddenEntry {
        /// The name of the entry.
        entry: &'static str,
        /// Its value.
        value: String,
    },
    /// It needs a library that nobody would have verified.
    #[error("it needs `{}`, which is no library of the C runtime", name.escape_debug())]
    ForeignLibrary {
        /// The library's name, as in its `DT_NEEDED` entry.
        name: String,
    },
    /// Its bytes cannot be read.
    #[error("it cannot be read")]
    Unreadable {
        /// What the system says.
        source: Arc<io::Error>,
    },
}

impl ElfError {
    pub(super) fn unreadable(source: io::Error) -> Self {
        Self::Unreadable { source: Arc::new(source) }
    }

    /// The stable error code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotElf | Self::WrongMachine { .. } | Self::NotShared { .. } | Self::Damaged { .. } => "ElfInvalid",
            Self::ForbiddenEntry { .. } | Self::ForeignLibrary { .. } => "ElfPolicy",
            Self::Unreadable { .. } => "Unreadable",
        }
    }

    /// What the reader can do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NotElf | Self::WrongMachine { .. } | Self::NotShared { .. } => {
                Some(format!("build it with crate-type `cdylib` for {TARGET_TRIPLE}"))
            }
            Self::Damaged { .. } => Some("build and package it anew; no linker writes such a file".into()),
            Self::ForbiddenEntry { .. } => Some(
                "build it without `-rpath`, `--audit`, `--filter` and the like, and link what it needs statically"
                    .into(),
            ),
            Self::ForeignLibrary { name } => Some(format!(
                "link `{}` statically, which most `-sys` crates have a feature such as `vendored` or `static` for",
                name.escape_debug()
            )),
            Self::Unreadable { .. } => None,
        }
    }
}
