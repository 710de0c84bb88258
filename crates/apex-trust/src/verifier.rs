//! From a directory and its manifest to a verdict, and to the bytes that may be loaded.

use std::{
    ffi::OsStr,
    io::{Read, Seek},
    path::Path,
    sync::Arc,
    time::SystemTime,
};

use apex_meta::{DigestAlgorithm, Document, Runtime};

use crate::{
    History, LibraryError, NoHistory, Policy, Resources, Tree, TreeError, TreeLimit, TreePath, TrustError, TrustStore,
    Verified, check_elf,
    sealed_file::{SealError, SealedFile},
};

mod claims;
mod examination;
mod judgement;
mod stored;
#[cfg(all(test, target_os = "linux"))]
mod tests;

pub use claims::Claims;
pub use examination::Examination;
pub use judgement::{Acceptance, Judgement, Subject};
pub use stored::StoredExamination;

type Clock = Arc<dyn Fn() -> SystemTime + Send + Sync>;

/// Decides about plugins by a trust store, a policy, a history and a clock.
///
/// Deciding has two halves. [`examine`](Verifier::examine) finds facts, which stay true as long as files and manifest
/// do; [`judge`](Verifier::judge) draws conclusions from them by trust store, policy and clock, which may change at
/// any time. [`verify`](Verifier::verify) does both for one plugin that is to be loaded.
#[derive(Clone)]
pub struct Verifier {
    store: Arc<TrustStore>,
    policy: Policy,
    history: Arc<dyn History>,
    clock: Clock,
    /// The variables set in this process that have the dynamic linker bring in other code.
    unsafe_variables: Vec<&'static str>,
}

/// What has the dynamic linker map code that nobody verified, or find another library under a name (`ld.so(8)`).
const LINKER_VARIABLES: &[&str] = &["LD_AUDIT", "LD_LIBRARY_PATH", "LD_PRELOAD"];

impl Verifier {
    /// A verifier without memory that goes by the system's clock.
    pub fn new(store: Arc<TrustStore>, policy: Policy) -> Self {
        let (history, clock) = (Arc::new(NoHistory), Arc::new(SystemTime::now));
        Self { store, policy, history, clock, unsafe_variables: Vec::new() }
    }

    /// Adds what is remembered of earlier plugins.
    #[must_use]
    pub fn with_history(mut self, history: Arc<dyn History>) -> Self {
        self.history = history;
        self
    }

    /// Replaces the clock that the validity of keys goes by.
    #[must_use]
    pub fn with_clock(mut self, clock: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Tells the names of the variables that this process was started with.
    ///
    /// Under [`crate::PolicyLevel::Strict`] nothing is accepted into a process where one of them has the dynamic linker
    /// bring in code that nobody verified: `LD_PRELOAD`, `LD_LIBRARY_PATH` or `LD_AUDIT`. A host that runs nothing in
    /// its own process has no need to tell.
    #[must_use]
    pub fn with_environment(mut self, names: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        let names: Vec<_> = names.into_iter().collect();
        let is_set = |variable: &&str| names.iter().any(|name| name.as_ref() == *variable);
        self.unsafe_variables = LINKER_VARIABLES.iter().copied().filter(is_set).collect();
        self
    }

    /// The trust store.
    pub fn store(&self) -> &TrustStore {
        &self.store
    }

    /// The policy.
    pub fn policy(&self) -> Policy {
        self.policy
    }

    /// Finds the facts about a plugin: its tree digest, its library, and whether a known key made its signature.
    ///
    /// Faults of the plugin are facts as well, so this cannot fail.
    pub fn examine(&self, directory: &Path, document: &Document) -> Examination {
        match Tree::open_guarded(directory) {
            Ok(tree) => {
                let digest = tree.digest(algorithm_of(document));
                let library = find_library(&tree, document).and_then(|path| check_in_tree(&tree, path));
                Examination::new(digest, library, self.try_signature(document).into())
            }
            Err(error) => {
                let expected = document.manifest().entry_point.library_paths();
                let library = Err(LibraryError::LibraryMissing { expected });
                Examination::new(Err(error), library, self.try_signature(document).into())
            }
        }
    }

    /// Verifies a plugin that is to be loaded, and takes its library into memory that nobody can change.
    ///
    /// Nothing that was found before is relied upon: the library is read once, sealed, and these very bytes are hashed
    /// together with the other files and go through [`check_elf`]. `dev_root` says whether the directory lies in a root that the operator lists as
    /// under development, `siblings_signed` whether another find of the same id is signed.
    ///
    /// # Errors
    /// The plugin is blocked, see [`TrustError`].
    pub fn verify(
        &self,
        directory: &Path,
        document: &Document,
        dev_root: bool,
        siblings_signed: bool,
    ) -> Result<Verified, TrustError> {
        let (examination, taken) = self.examine_and_seal(directory, document)?;
        let subject = Subject { document, examination: &examination, dev_root };
        let acceptance = self.weigh(&subject, siblings_signed)?;
        let Some((library, resources)) = taken else {
            // The judgement found the same and said so.
            let expected = document.manifest().entry_point.library_paths();
            let source = LibraryError::LibraryMissing { expected };
            return Err(TrustError::Library { id: document.id().clone(), source });
        };
        Ok(Verified::new(directory, document, acceptance, library, resources))
    }

    fn examine_and_seal(
        &self,
        directory: &Path,
        document: &Document,
    ) -> Result<(Examination, Option<(SealedFile, Resources)>), TrustError> {
        let id = document.id();
        let in_tree = |source| TrustError::Tree { id: id.clone(), source };
        let tree = Tree::open_guarded(directory).map_err(in_tree)?;
        let library = find_library(&tree, document);
        let algorithm = algorithm_of(document);
        let (hashed, sealed, library) = match library {
            Ok(path) => {
                let sealed = seal(&tree, &path, document)?;
                let hashed = tree.hash(algorithm, Some((&path, &sealed)));
                let library = check_library(path, sealed.reader());
                (hashed, Some(sealed), library)
            }
            Err(error) => (tree.hash(algorithm, None), None, Err(error)),
        };
        let (digest, resources) = match hashed {
            Ok((digest, hashed)) => (Ok(digest), Some(Resources::new(tree, algorithm, hashed))),
            Err(error) => (Err(error), None),
        };
        Ok((Examination::new(digest, library, self.try_signature(document).into()), sealed.zip(resources)))
    }
}

impl std::fmt::Debug for Verifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Verifier").field("store", &self.store).field("policy", &self.policy).finish_non_exhaustive()
    }
}

/// A plugin without a checksum is known by its BLAKE3 digest.
fn algorithm_of(document: &Document) -> DigestAlgorithm {
    document.manifest().checksum.map_or(DigestAlgorithm::default(), |checksum| checksum.algorithm())
}

/// The first of the places where the library may be that holds a file.
fn find_library(tree: &Tree, document: &Document) -> Result<TreePath, LibraryError> {
    let entry_point = &document.manifest().entry_point;
    if entry_point.runtime() != Runtime::Native {
        return Err(LibraryError::UnsupportedRuntime { entry_point: entry_point.clone() });
    }
    let expected = entry_point.library_paths();
    let found = expected.iter().find_map(|path| tree.file(path)).map(|file| file.path.clone());
    found.ok_or(LibraryError::LibraryMissing { expected })
}

/// Applies the rules for libraries to a file of the tree.
fn check_in_tree(tree: &Tree, path: TreePath) -> Result<TreePath, LibraryError> {
    match tree.open_file(&path) {
        Ok(opened) => check_library(path, opened.file),
        // Taking the digest meets the same error, and that one counts.
        Err(_) => Ok(path),
    }
}

/// Applies the rules for libraries where they are ELF files; elsewhere none is ever sealed.
fn check_library(path: TreePath, library: impl Read + Seek) -> Result<TreePath, LibraryError> {
    if cfg!(target_os = "linux")
        && let Err(source) = check_elf(library)
    {
        return Err(LibraryError::Elf { path, source });
    }
    Ok(path)
}

/// Copies the library into sealed memory.
pub(crate) fn seal(tree: &Tree, path: &TreePath, document: &Document) -> Result<SealedFile, TrustError> {
    let id = document.id().clone();
    let full_path = || tree.directory().join(path.as_str());
    let opened = match tree.open_file(path) {
        Ok(opened) => opened,
        Err(source) => return Err(TrustError::Tree { id, source }),
    };
    let limit = TreeLimit::FileBytes;
    SealedFile::copy_from(opened.file, opened.executable, limit.value()).map_err(|error| match error {
        SealError::Copy { source } => TrustError::Tree { id, source: TreeError::unreadable(full_path(), source) },
        SealError::TooLong => TrustError::Tree { id, source: TreeError::TooLarge { directory: full_path(), limit } },
        SealError::Memory { source } => {
            TrustError::Library { id, source: LibraryError::Unsealable { source: Arc::new(source) } }
        }
    })
}

/// Opens a directory and takes its library and files, judging nothing but form.
pub(crate) fn take(directory: &Path, document: &Document) -> Result<(SealedFile, Resources), TrustError> {
    let in_tree = |source| TrustError::Tree { id: document.id().clone(), source };
    let tree = Tree::open(directory).map_err(in_tree)?;
    let unfit = |source| TrustError::Library { id: document.id().clone(), source };
    let path = find_library(&tree, document).map_err(unfit)?;
    let sealed = seal(&tree, &path, document)?;
    let algorithm = algorithm_of(document);
    let (_, hashed) = tree.hash(algorithm, Some((&path, &sealed))).map_err(in_tree)?;
    check_library(path, sealed.reader()).map_err(unfit)?;
    Ok((sealed, Resources::new(tree, algorithm, hashed)))
}
