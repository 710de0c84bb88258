//! Roots that are opened: resolved once, checked with everything above them, and read through their descriptor.

use std::{
    collections::HashSet,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use apex_files::Stamp;
use apex_meta::Reason;

use crate::{
    Problem, Root,
    directory::{Directory, Refusal},
    exposure::{Guard, Part},
};

/// A root that was opened.
#[derive(Debug)]
pub(crate) struct OpenRoot {
    pub(crate) root: Arc<Root>,
    pub(crate) rank: usize,
    /// Resolved: from here on, no link is followed.
    pub(crate) path: PathBuf,
    pub(crate) directory: Directory,
    /// Why nothing in this root can be relied on, if so.
    pub(crate) exposure: Option<Reason>,
    /// The stamp of the directory, taken before it is listed.
    pub(crate) stamp: Option<Stamp>,
}

/// Opens a root, unless it is one that was opened before.
pub(crate) fn open_root(
    root: &Root,
    rank: usize,
    guard: &Guard,
    resolved: &mut HashSet<PathBuf>,
) -> Result<OpenRoot, Problem> {
    let problem = |refusal: &Refusal| Problem::new(root.path(), root_reason(root.path(), refusal));
    let path = fs::canonicalize(root.path()).map_err(|error| problem(&Refusal::of(error)))?;
    if !resolved.insert(path.clone()) {
        let message = format!("{} is the same directory as an earlier root", root.path().display());
        let reason = Reason::new("DuplicateRoot", message).with_hint("name it once; the first of the two counts");
        return Err(Problem::new(root.path(), reason));
    }
    let directory = Directory::open_resolved(&path).map_err(|refusal| problem(&refusal))?;
    let exposure = root_exposure(&path, &directory, guard).map_err(|refusal| problem(&refusal))?;
    let stamp = directory.stamp();
    Ok(OpenRoot { root: Arc::new(root.clone()), rank, path, directory, exposure, stamp })
}

/// Why a root cannot be searched.
pub(crate) fn root_reason(path: &Path, refusal: &Refusal) -> Reason {
    match refusal {
        Refusal::Missing => Reason::new("RootMissing", format!("root {} does not exist", path.display()))
            .with_hint("create the directory, or remove the root from the list"),
        Refusal::NotDirectory => Reason::new("RootNotDirectory", format!("root {} is not a directory", path.display()))
            .with_hint("name the directory that holds the plugins' directories"),
        other => other.reason(path),
    }
}

/// The root itself, then its parents from the nearest to the top.
fn root_exposure(path: &Path, directory: &Directory, guard: &Guard) -> Result<Option<Reason>, Refusal> {
    let Some(ownership) = directory.ownership()? else { return Ok(None) };
    if let Some(reason) = guard.exposure(path, ownership, Part::Own) {
        return Ok(Some(reason));
    }
    for parent in path.ancestors().skip(1) {
        let exposure = Directory::ownership_of(parent)?.and_then(|own| guard.exposure(parent, own, Part::Parent));
        if exposure.is_some() {
            return Ok(exposure);
        }
    }
    Ok(None)
}
