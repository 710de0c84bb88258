//! The files of a verified plugin, to be read later as they were verified, or not at all.

use std::{io::Read as _, sync::Arc};

use apex_meta::DigestAlgorithm;

use crate::{Tree, TreeError, TreePath, hash::Hasher, tree::Hashed};

/// The files of a plugin as they were when it was verified.
///
/// What is read through this are the very bytes that the tree digest was taken over, or an error: each file is hashed
/// again as it is read, and nothing is given away before its hash is known to be the same. Files are looked up below the
/// plugin's directory as it was then, without following any link.
#[derive(Debug)]
pub struct Resources {
    tree: Tree,
    algorithm: DigestAlgorithm,
    /// What each file of the tree hashed to, in the order of the tree.
    hashed: Vec<Hashed>,
}

/// Why a file of a plugin is not to be had as it was verified.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum ResourceError {
    /// There was none of this path.
    #[error("the plugin has no file `{path}`")]
    NotFound {
        /// The path from the plugin's directory.
        path: TreePath,
    },
    /// It is larger than whoever reads it takes.
    #[error("the file `{path}` has {size} bytes, and at most {limit} can be read")]
    TooLarge {
        /// The path from the plugin's directory.
        path: TreePath,
        /// Its length in bytes.
        size: u64,
        /// How long it may be.
        limit: u64,
    },
    /// What stands there now is something else than what was verified.
    #[error("the file `{path}` is not the one that was verified")]
    Changed {
        /// The path from the plugin's directory.
        path: TreePath,
        /// What stands there, if it is not a file with other content.
        #[source]
        found: Option<TreeError>,
    },
    /// The file system would not let it be read.
    #[error("the file `{path}` cannot be read")]
    Unreadable {
        /// The path from the plugin's directory.
        path: TreePath,
        /// Why.
        source: TreeError,
    },
}

impl Resources {
    pub(crate) fn new(tree: Tree, algorithm: DigestAlgorithm, hashed: Vec<Hashed>) -> Self {
        Self { tree, algorithm, hashed }
    }

    /// Every file but `plugin.json`, whose content is the manifest's.
    pub fn paths(&self) -> impl Iterator<Item = &TreePath> {
        self.tree.files().iter().map(|file| &file.path)
    }

    /// The bytes of a file, as they were verified.
    ///
    /// # Errors
    /// There was no such file, it is longer than `limit` bytes, it cannot be read, or it is not what it was.
    pub fn read(&self, path: &TreePath, limit: u64) -> Result<Vec<u8>, ResourceError> {
        let at = self.tree.files().binary_search_by(|file| file.path.cmp(path));
        let Some(known) = at.ok().and_then(|at| self.hashed.get(at)) else {
            return Err(ResourceError::NotFound { path: path.clone() });
        };
        let too_large = ResourceError::TooLarge { path: path.clone(), size: known.size, limit };
        if known.size > limit {
            return Err(too_large);
        }
        let Ok(room) = usize::try_from(known.size) else { return Err(too_large) };
        let opened = self.tree.open_file(path).map_err(|found| not_opened(path, found))?;
        let mut bytes = Vec::with_capacity(room);
        // One byte more than there should be shows that the file has grown.
        opened.file.take(known.size.saturating_add(1)).read_to_end(&mut bytes).map_err(|source| {
            let at = self.tree.directory().join(path.as_str());
            let source = TreeError::Unreadable { path: at, source: Arc::new(source) };
            ResourceError::Unreadable { path: path.clone(), source }
        })?;
        let mut hasher = Hasher::new(self.algorithm);
        hasher.update(&bytes);
        match bytes.len() == room && hasher.finish() == known.content {
            true => Ok(bytes),
            false => Err(ResourceError::Changed { path: path.clone(), found: None }),
        }
    }
}

/// A file that is gone, or a link in its place, is another than was verified; a disk that fails is not.
fn not_opened(path: &TreePath, found: TreeError) -> ResourceError {
    match found {
        TreeError::Unreadable { ref source, .. } if source.kind() != std::io::ErrorKind::NotFound => {
            ResourceError::Unreadable { path: path.clone(), source: found }
        }
        found => ResourceError::Changed { path: path.clone(), found: Some(found) },
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests;
