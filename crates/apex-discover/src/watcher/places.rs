//! The places that are watched: roots, and single files besides.

use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
};

/// What is watched, resolved.
#[derive(Debug, Default)]
pub(super) struct Places {
    pub(super) roots: Vec<PathBuf>,
    pub(super) files: Vec<PathBuf>,
}

/// What a path that the system tells of is about.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// A neighbour of a file that is watched, and nothing else.
    OfNothing,
    /// A directory of a root, or something in it.
    Of(PathBuf, OsString),
    /// A root itself, a file that is watched, or anything else.
    OfAnything,
}

impl Places {
    pub(super) fn is_root(&self, path: &PathBuf) -> bool {
        self.roots.contains(path)
    }

    pub(super) fn heard_of(&self, path: &Path) -> Heard {
        let within = self.roots.iter().filter_map(|root| Some((root, path.strip_prefix(root).ok()?)));
        let mut within = within.peekable();
        let is_beside = |file: &PathBuf| file != path && file.parent() == path.parent();
        if within.peek().is_none() && self.files.iter().any(is_beside) && !self.files.iter().any(|file| file == path) {
            return Heard::OfNothing;
        }
        // Roots that lie within each other are seen by a look at everything.
        let mut within = within.filter(|(_, relative)| *relative != Path::new(""));
        match (within.next(), within.next()) {
            (Some((root, relative)), None) => match relative.components().next() {
                Some(name) => Heard::Of(root.clone(), name.as_os_str().to_owned()),
                None => Heard::OfAnything,
            },
            _ => Heard::OfAnything,
        }
    }
}

/// Which directory stands at a path.
pub(super) type Identity = (u64, u64);

#[cfg(unix)]
pub(super) fn identity(path: &Path) -> Option<(PathBuf, Identity)> {
    use std::os::unix::fs::MetadataExt as _;
    let resolved = fs::canonicalize(path).ok()?;
    let metadata = fs::metadata(&resolved).ok().filter(fs::Metadata::is_dir)?;
    Some((resolved, (metadata.dev(), metadata.ino())))
}

#[cfg(not(unix))]
pub(super) fn identity(path: &Path) -> Option<(PathBuf, Identity)> {
    let resolved = fs::canonicalize(path).ok()?;
    fs::metadata(&resolved).ok().filter(fs::Metadata::is_dir)?;
    Some((resolved, (0, 0)))
}
