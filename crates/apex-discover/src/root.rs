//! Search roots: directories that plugins are looked for in, in order of precedence.

use std::path::{Path, PathBuf};

/// A directory that holds plugins, and how the operator regards it.
///
/// The order in which roots are given is their precedence: where two finds are otherwise equal, the earlier root wins.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Root {
    path: PathBuf,
    kind: RootKind,
}

/// How the operator regards a root.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RootKind {
    /// An ordinary root: the policy's checks hold in full.
    Standard,
    /// A developer's root, listed as such by the operator: policy may let unfinished plugins pass.
    Dev,
}

impl Root {
    /// An ordinary root.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), kind: RootKind::Standard }
    }

    /// A developer's root.
    pub fn dev(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), kind: RootKind::Dev }
    }

    /// The directory, as it was given.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How the operator regards it.
    pub fn kind(&self) -> RootKind {
        self.kind
    }

    /// Whether this is a developer's root.
    pub fn is_dev(&self) -> bool {
        self.kind == RootKind::Dev
    }
}
