//! Search roots: directories that plugins are looked for in, in order of precedence.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

/// A directory that holds plugins, and how the operator regards it.
///
/// The order in which roots are given is their precedence: where two finds are otherwise equal, the earlier root wins.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Root {
    path: PathBuf,
    kind: RootKind,
    listing: Option<Arc<BTreeMap<PathBuf, ListedAs>>>,
}

/// How the operator regards a root.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RootKind {
    /// An ordinary root: the policy's checks hold in full.
    Standard,
    /// A developer's root, listed as such by the operator: policy may let unfinished plugins pass.
    Dev,
    /// An install store: the checks hold in full, and only what its ledger lists is a candidate.
    Store,
}

/// As what an install store's ledger lists a tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ListedAs {
    /// The version that serves whoever asks for no other.
    Active,
    /// A version that only serves whoever asks for it.
    Standby,
}

impl Root {
    /// An ordinary root.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), kind: RootKind::Standard, listing: None }
    }

    /// A developer's root.
    pub fn dev(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), kind: RootKind::Dev, listing: None }
    }

    /// An install store's trees, with those that its ledger lists, each by its path below this root.
    ///
    /// Whatever else lies there is no candidate, and is reported as a problem of the root.
    pub fn store(path: impl Into<PathBuf>, listing: impl IntoIterator<Item = (PathBuf, ListedAs)>) -> Self {
        let listing = Some(Arc::new(listing.into_iter().collect()));
        Self { path: path.into(), kind: RootKind::Store, listing }
    }

    /// As what a directory below this root is listed; none if nothing there is to be a candidate.
    pub(crate) fn listed_as(&self, relative: &Path) -> Option<ListedAs> {
        match &self.listing {
            Some(listing) => listing.get(relative).copied(),
            None => Some(ListedAs::Active),
        }
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
