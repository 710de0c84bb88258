//! Bundles of packages.

use std::{
    fs::{self, File},
    io::Write as _,
};

use apex_install::{is_bundle, unbundle};

/// A bundle that is taken apart leaves nothing outside of its directory and no directories in it, and begins as one.
pub fn bundle(bytes: &[u8]) {
    let room = tempfile::tempdir().unwrap();
    let (file, directory) = (room.path().join("bundle"), room.path().join("out"));
    File::create_new(&file).unwrap().write_all(bytes).unwrap();
    fs::create_dir(&directory).unwrap();
    let unbundled = unbundle(&file, &directory);
    let outside: Vec<_> = fs::read_dir(room.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(outside.len(), 2, "{outside:?}");
    let mut length = 0;
    for entry in fs::read_dir(&directory).unwrap() {
        let metadata = entry.unwrap().metadata().unwrap();
        assert!(metadata.is_file());
        length += metadata.len();
    }
    assert!(length <= bytes.len() as u64, "more came out than went in");
    if unbundled.is_ok() {
        assert!(is_bundle(&file));
    }
}
