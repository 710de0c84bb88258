//! `index.json` of a source.

use std::path::{Component, Path};

use apex_install::Index;

/// An index that can be read is written as the same, names no version twice and no file outside of its source.
pub fn index(bytes: &[u8]) {
    let path = Path::new("index.json");
    let index = match Index::parse(path, bytes) {
        Ok(index) => index,
        Err(error) => {
            assert!(["IndexInvalid", "VersionOutOfRange"].contains(&error.code()), "{error}");
            return;
        }
    };
    assert_eq!(Index::parse(path, &index.to_bytes(path).unwrap()).unwrap(), index, "written and read");
    for (place, package) in index.packages.iter().enumerate() {
        let file = Path::new(package.file.as_str());
        assert!(file.components().all(|part| matches!(part, Component::Normal(_))), "{file:?} stays inside");
        let twice = index.packages[..place].iter().any(|one| one.id == package.id && one.version == package.version);
        assert!(!twice, "{} {}", package.id, package.version);
    }
}
