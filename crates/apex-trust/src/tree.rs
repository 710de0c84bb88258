//! A plugin's directory as one value: what is in it, and the tree digest `apx1` over it.

use std::{
    fs::File,
    path::{Path, PathBuf},
};

use apex_meta::{Digest, DigestAlgorithm};

use crate::{PathCensus, TreePath, hash::Hasher, sealed_file::SealedFile};

mod error;
mod hashing;
#[cfg_attr(not(unix), path = "tree/other.rs")]
#[cfg_attr(unix, path = "tree/unix.rs")]
mod platform;
#[cfg(all(test, unix))]
mod tests;

pub use error::{TreeError, TreeLimit};
pub(crate) use hashing::Hashed;

/// The name of the file that the tree digest leaves out, since it holds that digest.
pub(crate) const MANIFEST: &str = "plugin.json";

/// Takes the tree digest `apx1` over a plugin's directory.
///
/// It covers path, size, owner's executable bit and content of every regular file below the directory except the root
/// `plugin.json`:
///
/// ```text
/// H( "apex-plugins/tree/v1\0" alg "\0" u32le(count)
///    { u32le(len(path)) path  u64le(size)  u8 exec  H(content) } ... )      sorted by path bytes
/// ```
///
/// Large trees are hashed on several threads, each with a buffer of its own of 128 KiB and nothing mapped, so that the
/// memory needed does not grow with the tree and nobody who shortens a file can kill the process.
///
/// # Errors
/// The tree holds what a plugin may not hold: links, special files, setuid or setgid bits, unportable or colliding
/// names, more or larger files than [`TreeLimit`] allows; or it cannot be read.
pub fn tree_digest(directory: &Path, algorithm: DigestAlgorithm) -> Result<Digest, TreeError> {
    Tree::open(directory)?.digest(algorithm)
}

/// A plugin's directory, opened and listed by the rules of [`tree_digest`].
///
/// Files are reached through the descriptor of the directory and checked once more when they are opened, so that what
/// was checked is what is read, whatever is renamed in between.
#[derive(Debug)]
pub struct Tree {
    directory: PathBuf,
    root: platform::Root,
    files: Vec<TreeFile>,
    manifest: Option<TreeFile>,
}

/// A regular file of a tree, as it was listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TreeFile {
    /// Its path from the plugin's directory.
    pub path: TreePath,
    /// Its length in bytes.
    pub size: u64,
    /// Whether its owner may execute it.
    pub executable: bool,
}

/// A file of a tree, opened for reading and checked through its descriptor.
#[derive(Debug)]
pub struct OpenedFile {
    /// The open file, at its start.
    pub file: File,
    /// Its length in bytes when it was opened.
    pub size: u64,
    /// Whether its owner may execute it.
    pub executable: bool,
}

impl Tree {
    /// Opens a directory and lists it.
    ///
    /// # Errors
    /// As [`tree_digest`], but for what only reading the files shows.
    pub fn open(directory: &Path) -> Result<Self, TreeError> {
        // Without a trailing slash or dot, behind which a symbolic link would be followed.
        let directory: PathBuf = directory.components().collect();
        let root = platform::Root::open(&directory)?;
        Self::list(directory, root)
    }

    /// As [`Tree::open`], but refuses a tree that others than root and this user could change, or a directory above it.
    ///
    /// As OpenSSH's `StrictModes`, see [`apex_files::StrictModes`]. The path is resolved once; what was checked is what
    /// was opened.
    ///
    /// # Errors
    /// As [`Tree::open`]; [`TreeError::InsecurePermissions`] or [`TreeError::InsecureOwner`] names what others could
    /// change.
    pub fn open_guarded(directory: &Path) -> Result<Self, TreeError> {
        let directory: PathBuf = directory.components().collect();
        let root = platform::Root::open_guarded(&directory)?;
        Self::list(directory, root)
    }

    fn list(directory: PathBuf, root: platform::Root) -> Result<Self, TreeError> {
        let mut files = root.list(&directory)?;
        files.sort_unstable_by(|a, b| a.path.cmp(&b.path));
        check_names_and_sizes(&directory, &files)?;
        let manifest = files.iter().position(|file| file.path.as_str() == MANIFEST).map(|at| files.remove(at));
        Ok(Self { directory, root, files, manifest })
    }

    /// The directory, as it was given.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Every file but the root `plugin.json`, sorted by the bytes of their paths.
    pub fn files(&self) -> &[TreeFile] {
        &self.files
    }

    /// The root `plugin.json`, if there is one.
    pub fn manifest(&self) -> Option<&TreeFile> {
        self.manifest.as_ref()
    }

    /// The file of this path, unless it is the root `plugin.json`.
    pub fn file(&self, path: &str) -> Option<&TreeFile> {
        self.files.binary_search_by(|file| file.path.as_str().cmp(path)).ok().map(|at| &self.files[at])
    }

    /// Opens a file of the tree, following no link on the way.
    ///
    /// # Errors
    /// What stands there now is not a regular file with one link, or it cannot be opened.
    pub fn open_file(&self, path: &TreePath) -> Result<OpenedFile, TreeError> {
        self.root.open_file(&self.directory, path)
    }

    /// The tree digest, see [`tree_digest`].
    ///
    /// # Errors
    /// A file cannot be read, or changed into something that is refused.
    pub fn digest(&self, algorithm: DigestAlgorithm) -> Result<Digest, TreeError> {
        self.hash(algorithm, None).map(|(digest, _)| digest)
    }

    /// The tree digest, with the hashes that it is made of; `sealed` stands for the content of one of the files.
    pub(crate) fn hash(
        &self,
        algorithm: DigestAlgorithm,
        sealed: Option<(&TreePath, &SealedFile)>,
    ) -> Result<(Digest, Vec<Hashed>), TreeError> {
        let hashed = self.hash_files(algorithm, sealed)?;
        Ok((self.combine(algorithm, &hashed), hashed))
    }

    fn combine(&self, algorithm: DigestAlgorithm, hashed: &[Hashed]) -> Digest {
        let mut hasher = Hasher::new(algorithm);
        hasher.update(b"apex-plugins/tree/v1\0");
        hasher.update(algorithm.as_str().as_bytes());
        hasher.update(b"\0");
        hasher.update(&little_endian_length(self.files.len()));
        for (file, Hashed { size, executable, content }) in self.files.iter().zip(hashed) {
            let path = file.path.as_str().as_bytes();
            hasher.update(&little_endian_length(path.len()));
            hasher.update(path);
            hasher.update(&size.to_le_bytes());
            hasher.update(&[u8::from(*executable)]);
            hasher.update(content);
        }
        Digest::new(algorithm, hasher.finish())
    }
}

/// A count or a length as four bytes; [`TreeLimit`] and [`TreePath::MAX_BYTES`] keep both far below 2^32.
fn little_endian_length(length: usize) -> [u8; 4] {
    u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes()
}

fn check_names_and_sizes(directory: &Path, files: &[TreeFile]) -> Result<(), TreeError> {
    let too_large = |limit| Err(TreeError::TooLarge { directory: directory.to_owned(), limit });
    let mut census = PathCensus::default();
    let mut total: u64 = 0;
    for file in files {
        census
            .add_file(&file.path)
            .map_err(|source| TreeError::Collision { directory: directory.to_owned(), source })?;
        if file.size > TreeLimit::FileBytes.value() {
            let directory = directory.join(file.path.as_str());
            return Err(TreeError::TooLarge { directory, limit: TreeLimit::FileBytes });
        }
        total = total.saturating_add(file.size);
    }
    if total > TreeLimit::TotalBytes.value() { too_large(TreeLimit::TotalBytes) } else { Ok(()) }
}
