//! A look at the cache's own files, for whoever asks how it fares, and the removal of the oldest.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
    time::SystemTime,
};

use super::{Cache, MOST_FILES, SUFFIX, format, open};

/// One file of a cache.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CacheFile {
    /// The file.
    pub path: PathBuf,
    /// How many bytes it has.
    pub bytes: u64,
    /// The root that it is about; none if it cannot be used.
    pub root: Option<PathBuf>,
    /// Why it cannot be used, if so.
    pub fault: Option<String>,
}

impl Cache {
    /// Every file in the cache's directory, by name; none if there is no such directory yet.
    ///
    /// # Errors
    /// The directory cannot be read.
    pub fn files(&self) -> io::Result<Vec<CacheFile>> {
        let mut files: Vec<_> = names(&self.directory)?.into_iter().map(|(path, bytes, _)| look(path, bytes)).collect();
        files.sort_unstable_by(|one, other| one.path.cmp(&other.path));
        Ok(files)
    }

    /// Removes the files that were not written for the longest time, where there are very many.
    pub(super) fn prune(&self) {
        let Ok(mut files) = names(&self.directory) else { return };
        let excess = files.len().saturating_sub(MOST_FILES);
        files.sort_unstable_by_key(|(_, _, modified)| *modified);
        for (path, _, _) in files.into_iter().take(excess) {
            // Whoever is faster has removed it already.
            let _ = fs::remove_file(path);
        }
    }
}

fn names(directory: &Path) -> io::Result<Vec<(PathBuf, u64, Option<SystemTime>)>> {
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other?,
    };
    let mut names = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == SUFFIX)
            && let Ok(metadata) = path.symlink_metadata()
        {
            names.push((path, metadata.len(), metadata.modified().ok()));
        }
    }
    Ok(names)
}

fn look(path: PathBuf, bytes: u64) -> CacheFile {
    match open(&path).and_then(|file| format::read(&Arc::new(file))) {
        Ok(kept) => CacheFile { path, bytes, root: Some(kept.record.path), fault: None },
        Err(error) => CacheFile { path, bytes, root: None, fault: Some(error.to_string()) },
    }
}
