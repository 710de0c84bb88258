//! A crate's sources: what they look like now, to tell whether they changed.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    time::SystemTime,
};

/// The sources of a crate: everything but what is built, and hidden files.
pub(super) struct Sources(PathBuf);

/// Each file with its size and the time of its last change.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Look(BTreeMap<PathBuf, (u64, Option<SystemTime>)>);

impl Sources {
    pub(super) fn of(directory: &Path) -> Self {
        Self(directory.to_owned())
    }

    /// What cannot be read counts as not there: an editor may be at it this very moment.
    pub(super) fn look(&self) -> Look {
        let mut files = BTreeMap::new();
        let mut directories = vec![self.0.clone()];
        while let Some(directory) = directories.pop() {
            for entry in fs::read_dir(&directory).into_iter().flatten().flatten() {
                let name = entry.file_name();
                let (Ok(metadata), false) = (entry.metadata(), name.to_string_lossy().starts_with('.')) else {
                    continue;
                };
                if metadata.is_file() && name != "Cargo.lock" {
                    files.insert(entry.path(), (metadata.len(), metadata.modified().ok()));
                } else if metadata.is_dir() && name != "target" {
                    directories.push(entry.path());
                }
            }
        }
        Look(files)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_of_a_source_shows_and_one_of_what_is_built_does_not() {
        let room = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = room.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::io::Write::write_all(&mut fs::File::create(path).unwrap(), text.as_bytes()).unwrap();
        };
        write("src/lib.rs", "one");
        let sources = Sources::of(room.path());
        let before = sources.look();
        write("target/debug/x", "built");
        write(".git/index", "hidden");
        write("Cargo.lock", "made by cargo");
        assert_eq!(sources.look(), before);
        write("src/lib.rs", "another");
        let after = sources.look();
        assert_ne!(after, before);
        write("resources/words.txt", "new");
        assert_ne!(sources.look(), after);
    }
}
