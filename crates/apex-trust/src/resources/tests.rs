//! What is read of a plugin's files after they were changed, replaced or led elsewhere.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]
#![expect(clippy::disallowed_methods, reason = "files that a test tampers with")]

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};

use apex_meta::DigestAlgorithm;
use proptest::prelude::*;
use tempfile::TempDir;

use super::*;

/// A plugin's directory with two files, hashed as at a load.
fn hashed(algorithm: DigestAlgorithm) -> (TempDir, PathBuf, Resources) {
    let home = tempfile::tempdir().unwrap();
    let directory = home.path().join("plugin");
    fs::create_dir_all(directory.join("data")).unwrap();
    fs::write(directory.join("plugin.json"), "{}").unwrap();
    fs::write(directory.join("data/words.txt"), "one two").unwrap();
    fs::write(directory.join("empty"), "").unwrap();
    fs::write(home.path().join("secret"), "one two").unwrap();
    let resources = read_all(&directory, algorithm);
    (home, directory, resources)
}

fn read_all(directory: &Path, algorithm: DigestAlgorithm) -> Resources {
    let tree = Tree::open(directory).unwrap();
    let hashed = tree.hash_files(algorithm, None).unwrap();
    Resources::new(tree, algorithm, hashed)
}

fn path(text: &str) -> TreePath {
    text.parse().unwrap()
}

#[test]
fn what_was_verified_is_read_and_nothing_else_is_there() {
    for algorithm in [DigestAlgorithm::Blake3, DigestAlgorithm::Sha256] {
        let (_home, directory, resources) = hashed(algorithm);
        assert_eq!(resources.read(&path("data/words.txt"), 7).unwrap(), b"one two");
        assert_eq!(resources.read(&path("empty"), 0).unwrap(), b"");
        assert_eq!(resources.paths().map(TreePath::as_str).collect::<Vec<_>>(), ["data/words.txt", "empty"]);
        let short = resources.read(&path("data/words.txt"), 6);
        assert!(matches!(short, Err(ResourceError::TooLarge { size: 7, limit: 6, .. })), "{short:?}");
        fs::write(directory.join("later"), "came later").unwrap();
        for absent in ["later", "data", "plugin.json", "data/words.txt2"] {
            let read = resources.read(&path(absent), 99);
            assert!(matches!(read, Err(ResourceError::NotFound { .. })), "{absent}: {read:?}");
        }
    }
    for outside in ["../secret", "/etc/passwd", "data/../../secret", "./empty", "data//words.txt", ""] {
        assert!(outside.parse::<TreePath>().is_err(), "{outside}");
    }
}

#[test]
fn whatever_stands_in_place_of_a_verified_file_is_not_read() {
    type Tamper = fn(&Path, &Path);
    let tamper: [(&str, Tamper); 7] = [
        ("other content of the same length", |file, _| fs::write(file, "one tow").unwrap()),
        ("shorter", |file, _| fs::write(file, "one").unwrap()),
        ("longer", |file, _| fs::write(file, "one two three").unwrap()),
        ("gone", |file, _| fs::remove_file(file).unwrap()),
        ("a link to the same content", |file, home| {
            fs::remove_file(file).unwrap();
            symlink(home.join("secret"), file).unwrap();
        }),
        ("a second name of another file", |file, home| {
            fs::remove_file(file).unwrap();
            fs::hard_link(home.join("secret"), file).unwrap();
        }),
        ("a directory that is a link", |file, home| {
            fs::create_dir(home.join("elsewhere")).unwrap();
            fs::copy(file, home.join("elsewhere/words.txt")).unwrap();
            fs::remove_dir_all(file.parent().unwrap()).unwrap();
            symlink(home.join("elsewhere"), file.parent().unwrap()).unwrap();
        }),
    ];
    for (how, tamper) in tamper {
        let (home, directory, resources) = hashed(DigestAlgorithm::Blake3);
        let file = directory.join("data/words.txt");
        tamper(&file, home.path());
        let read = resources.read(&path("data/words.txt"), 99);
        assert!(matches!(read, Err(ResourceError::Changed { .. })), "{how}: {read:?}");
        assert_eq!(resources.read(&path("empty"), 99).unwrap(), b"", "{how}: others are as they were");
    }
}

/// A plugin that was replaced while it runs: its instance reads its own files or none.
#[test]
fn a_directory_that_takes_the_plugins_place_is_not_read() {
    let (home, directory, resources) = hashed(DigestAlgorithm::Blake3);
    fs::rename(&directory, home.path().join("old")).unwrap();
    fs::create_dir_all(directory.join("data")).unwrap();
    fs::write(directory.join("data/words.txt"), "other words").unwrap();
    assert_eq!(resources.read(&path("data/words.txt"), 99).unwrap(), b"one two");
}

proptest! {
    #[test]
    fn a_file_of_any_content_is_read_as_it_was_and_not_with_a_flipped_bit(
        content in proptest::collection::vec(any::<u8>(), 1..5000), at in any::<prop::sample::Index>(), bit in 0..8_u8
    ) {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("file");
        fs::write(&file, &content).unwrap();
        let resources = read_all(home.path(), DigestAlgorithm::Blake3);
        prop_assert_eq!(&resources.read(&path("file"), 5000).unwrap(), &content);
        let mut flipped = content;
        let at = at.index(flipped.len());
        flipped[at] ^= 1 << bit;
        fs::write(&file, &flipped).unwrap();
        let read = resources.read(&path("file"), 5000);
        let is_refused = matches!(read, Err(ResourceError::Changed { .. }));
        prop_assert!(is_refused);
    }
}
