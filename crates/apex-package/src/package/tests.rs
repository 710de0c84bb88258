//! Tests of the whole way but for the build, which the repository's own plugins go in the system tests (R8.1).
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::io::Write;

use super::*;
use crate::{check_directory, minimal_elf::MinimalElf, unpack};

struct Bench(tempfile::TempDir);

impl Bench {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn write(&self, path: &str, content: &[u8]) -> PathBuf {
        let path = self.0.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::File::create(&path).unwrap().write_all(content).unwrap();
        path
    }

    fn publish(&self, library: &[u8], key: Option<&SigningKey>) -> Packaged {
        let manifest = br#"{"name": "Greeter", "id": "com.acme.greeter", "version": "1.0.0-rc.1+build.5",
            "description": "Greets.", "author": "Acme", "entry_point": "greeter::Greeter", "actions": []}"#;
        self.write("crate/plugin.json", manifest);
        let mut layout = Layout::from_crate(&self.0.path().join("crate")).unwrap();
        let name = layout.document().manifest().entry_point.library_file_name().unwrap();
        layout.add_library(TARGET_TRIPLE, &self.write(&format!("target/{name}"), library)).unwrap();
        publish(&layout, &self.0.path().join("out"), key).unwrap()
    }
}

#[test]
fn a_package_is_a_directory_and_an_archive_of_it() {
    let bench = Bench::new();
    let key = SigningKey::generate().unwrap();
    let packaged = bench.publish(&MinimalElf::with_content(b"machine code"), Some(&key));
    let out = bench.0.path().join("out");
    assert_eq!(packaged.directory, out.join("com.acme.greeter/1.0.0-rc.1+build.5"));
    assert_eq!(packaged.archive, out.join("com.acme.greeter-1.0.0-rc.1+build.5.apexpkg"));
    let fresh = bench.0.path().join("fresh");
    unpack(&packaged.archive, &fresh).unwrap();
    for directory in [&packaged.directory, &fresh] {
        let checked = check_directory(directory, Some(&key.public_key())).unwrap();
        assert_eq!(checked.document, packaged.document);
    }
    let left: Vec<_> = fs::read_dir(&out).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left.len(), 2, "nothing else is left behind: {left:?}");
}

#[test]
fn a_second_run_gives_the_same_bytes_and_a_changed_library_replaces_the_first() {
    let bench = Bench::new();
    let key = SigningKey::generate().unwrap();
    let read = |packaged: &Packaged| {
        (fs::read(&packaged.archive).unwrap(), fs::read(packaged.directory.join("plugin.json")).unwrap())
    };
    let first = read(&bench.publish(&MinimalElf::with_content(b"machine code"), Some(&key)));
    let second = read(&bench.publish(&MinimalElf::with_content(b"machine code"), Some(&key)));
    assert!(first == second);
    let packaged = bench.publish(&MinimalElf::with_content(b"other code"), Some(&key));
    assert!(read(&packaged) != first);
    check_directory(&packaged.directory, Some(&key.public_key())).unwrap();
    let unsigned = bench.publish(&MinimalElf::with_content(b"other code"), None);
    assert_eq!(unsigned.document.manifest().signature, None);
}
