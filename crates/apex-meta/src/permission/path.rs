//! The path of a permission: absolute, or below a root that the host names, and nothing that leads upwards.

use std::{
    fmt,
    path::{Path, PathBuf},
    str::FromStr,
};

use super::error::Fault;

/// Where the path of a permission begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum PathRoot {
    /// The root of the file system.
    FileSystem,
    /// `${plugin_data}`: a directory of the plugin's own, which outlives its process.
    PluginData,
    /// `${workspace}`: the directory that the agent works in.
    Workspace,
}

/// The path of a permission; it stands for itself and all that lies below it.
///
/// An author writes `${workspace}/src` and `${plugin_data}` and need not know the machine.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PermissionPath {
    root: PathRoot,
    /// Segments below the root with `/` between them, and before none.
    below: String,
}

impl PathRoot {
    const NAMED: [(&'static str, Self); 2] = [("${plugin_data}", Self::PluginData), ("${workspace}", Self::Workspace)];

    /// How it is written; nothing for the root of the file system.
    pub fn as_str(self) -> &'static str {
        Self::NAMED.iter().find(|(_, root)| *root == self).map_or("", |(name, _)| name)
    }
}

impl PermissionPath {
    /// The directory that is meant, absolute and without links, as the path of a permission.
    ///
    /// None if it is relative, leads upwards, or is not printable UTF-8.
    pub fn of(directory: &Path) -> Option<Self> {
        directory.to_str()?.parse().ok().filter(|path: &Self| path.root == PathRoot::FileSystem)
    }

    /// Where it begins.
    pub fn root(&self) -> PathRoot {
        self.root
    }

    /// Whether another path is this one or lies below it.
    pub fn holds(&self, other: &Self) -> bool {
        let rest = (self.root == other.root).then(|| other.below.strip_prefix(self.below.as_str())).flatten();
        rest.is_some_and(|rest| rest.is_empty() || self.below.is_empty() || rest.starts_with('/'))
    }

    /// The path on this machine, where `root` is the directory that it begins in.
    pub fn below(&self, root: &Path) -> PathBuf {
        if self.below.is_empty() { root.to_owned() } else { root.join(&self.below) }
    }
}

impl FromStr for PermissionPath {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        let named = PathRoot::NAMED.iter().find_map(|(name, root)| Some((*root, text.strip_prefix(name)?)));
        let (root, rest) = match named {
            Some((root, rest)) if rest.is_empty() || rest.starts_with('/') => (root, rest),
            _ if text.starts_with('/') => (PathRoot::FileSystem, text),
            _ => return Err(Fault::RelativePath),
        };
        let segments: Vec<_> = rest.split('/').filter(|segment| !segment.is_empty()).collect();
        if segments.iter().any(|segment| matches!(*segment, "." | "..")) {
            return Err(Fault::PathLeadsUp);
        }
        if rest.chars().any(|c| c.is_control() || matches!(c, '*' | '?')) {
            return Err(Fault::PathCharacter);
        }
        Ok(Self { root, below: segments.join("/") })
    }
}

impl fmt::Display for PermissionPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.root.as_str())?;
        if self.root == PathRoot::FileSystem || !self.below.is_empty() {
            write!(f, "/{}", self.below)?;
        }
        Ok(())
    }
}
