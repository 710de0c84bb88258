//! Which directories a permission means on this machine, and which of them nobody may be granted to write.

use std::path::{Path, PathBuf};

use apex_meta::{PathRoot, Permission, PermissionPath};

/// The directories that `${plugin_data}` and `${workspace}` stand for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GrantRoots {
    /// The plugin's own directory.
    pub plugin_data: Option<PathBuf>,
    /// The directory that the agent works in.
    pub workspace: Option<PathBuf>,
}

/// A grant by which a plugin could change what the operator decided.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{permission}` would let the plugin write to {}, by which the operator decides about plugins", protected.display())]
pub struct GrantTooWide {
    /// The permission.
    pub permission: Permission,
    /// What it reaches: a directory or file of the store, state, cache, configuration or trust.
    pub protected: PathBuf,
}

impl GrantRoots {
    /// The path on this machine; none if it begins in a root that was not named.
    pub fn resolve(&self, path: &PermissionPath) -> Option<PathBuf> {
        let root = match path.root() {
            PathRoot::PluginData => self.plugin_data.as_deref()?,
            PathRoot::Workspace => self.workspace.as_deref()?,
            PathRoot::FileSystem => Path::new("/"),
            _ => return None,
        };
        Some(path.below(root))
    }

    /// Refuses to let a plugin write to any of these paths, above or below them.
    ///
    /// The kernel's rules allow whole trees and carve nothing out of them again.
    ///
    /// # Errors
    /// The permission reaches one of them.
    pub fn check_width(&self, permission: &Permission, protected: &[PathBuf]) -> Result<(), GrantTooWide> {
        let Permission::WriteFiles(path) = permission else { return Ok(()) };
        let Some(path) = self.resolve(path).map(|path| real(&path)) else { return Ok(()) };
        let reaches = |protected: &&PathBuf| {
            let protected = real(protected);
            protected.starts_with(&path) || path.starts_with(&protected)
        };
        match protected.iter().find(reaches) {
            Some(protected) => Err(GrantTooWide { permission: permission.clone(), protected: protected.clone() }),
            None => Ok(()),
        }
    }
}

impl GrantTooWide {
    /// The stable code.
    pub const CODE: &'static str = "GrantTooWide";

    /// What the reader can do about it.
    pub fn hint(&self) -> &'static str {
        "grant a narrower path; a plugin keeps its own files in `${plugin_data}` and its state through the host"
    }
}

/// The path without links, as far as it is there.
pub(super) fn real(path: &Path) -> PathBuf {
    for ancestor in path.ancestors() {
        if let Ok(found) = ancestor.canonicalize() {
            return match path.strip_prefix(ancestor) {
                Ok(rest) if rest != Path::new("") => found.join(rest),
                _ => found,
            };
        }
    }
    path.to_owned()
}
