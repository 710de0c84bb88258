//! Tests of laying out, signing and checking a plugin's directory (R8.1, R8.2).
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::{io::Write, os::unix::fs::PermissionsExt};

use apex_trust::tree_digest;
use serde_json::{Value, json};

use super::*;
use crate::{SignatureCheck, check_directory, minimal_elf::MinimalElf, read_document, seal_directory};

/// A plugin's crate as an author has it, with a file that stands for the library.
struct Author(tempfile::TempDir);

impl Author {
    fn new(change: impl FnOnce(&mut Value)) -> Self {
        let author = Self(tempfile::tempdir().unwrap());
        let mut manifest = json!({
            "name": "Greeter", "id": "com.acme.greeter", "version": "1.0.0", "description": "Greets.",
            "author": "Acme", "entry_point": "greeter::Greeter", "actions": [],
        });
        change(&mut manifest);
        author.write("plugin.json", manifest.to_string().as_bytes());
        author.write("Cargo.toml", b"[package]\n");
        author.write("src/lib.rs", b"");
        author.write(&format!("target/{}", author.library_name()), &MinimalElf::with_content(b"machine code"));
        author
    }

    fn plain() -> Self {
        Self::new(|_| {})
    }

    fn library_name(&self) -> String {
        format!("{}greeter{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX)
    }

    fn path(&self, path: &str) -> PathBuf {
        self.0.path().join(path)
    }

    fn write(&self, path: &str, content: &[u8]) {
        fs::create_dir_all(self.path(path).parent().unwrap()).unwrap();
        File::create(self.path(path)).unwrap().write_all(content).unwrap();
    }

    fn layout(&self) -> Layout {
        let mut layout = Layout::from_crate(self.0.path()).unwrap();
        layout.add_library(TARGET_TRIPLE, &self.path(&format!("target/{}", self.library_name()))).unwrap();
        layout
    }
}

fn names(directory: &Path) -> Vec<String> {
    Tree::open(directory).unwrap().files().iter().map(|file| file.path.to_string()).collect()
}

#[test]
fn manifest_library_and_resources_are_laid_out_and_nothing_else() {
    let author = Author::new(|manifest| manifest["icon"] = json!("art/icon.svg"));
    author.write("resources/words.txt", b"hello");
    author.write("resources/deep/run.sh", b"#!/bin/sh\n");
    fs::set_permissions(author.path("resources/deep/run.sh"), fs::Permissions::from_mode(0o744)).unwrap();
    author.write("art/icon.svg", b"<svg/>");
    author.write("art/notes.txt", b"not shipped");
    let out = author.path("out");
    let document = author.layout().write(&out, None).unwrap();
    let library = format!("lib/{TARGET_TRIPLE}/{}", author.library_name());
    assert_eq!(names(&out), ["art/icon.svg", library.as_str(), "resources/deep/run.sh", "resources/words.txt"]);
    let mode = |path: &str| fs::metadata(out.join(path)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("resources/deep/run.sh"), mode("resources/words.txt"), mode(&library)), (0o755, 0o644, 0o644));
    assert_eq!((mode("plugin.json"), mode("")), (0o644, 0o755));
    let digest = tree_digest(&out, document.manifest().checksum.unwrap().algorithm()).unwrap();
    assert_eq!(document.manifest().checksum, Some(digest));
    assert_eq!(read_document(&out).unwrap(), document, "what is returned is what was written");
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    let author = Author::plain();
    let key = SigningKey::generate().unwrap();
    let read = |name: &str| {
        author.layout().write(&author.path(name), Some(&key)).unwrap();
        fs::read(author.path(name).join("plugin.json")).unwrap()
    };
    let (one, two) = (read("one"), read("two"));
    assert!(one == two && one.ends_with(b"}\n"));
}

#[test]
fn members_that_this_release_does_not_know_are_kept() {
    let author = Author::new(|manifest| manifest["x-team"] = json!({"b": [1.5, null], "a": "\u{e9}"}));
    let document = author.layout().write(&author.path("out"), None).unwrap();
    assert_eq!(document.value()["x-team"], json!({"b": [1.5, null], "a": "\u{e9}"}));
}

#[test]
fn a_stale_checksum_and_signature_are_replaced() {
    let (old, new) = (SigningKey::generate().unwrap(), SigningKey::generate().unwrap());
    let author = Author::plain();
    let out = author.path("out");
    author.layout().write(&out, Some(&old)).unwrap();
    author.write("out/resources/late.txt", b"late");
    assert_eq!(check_directory(&out, None).unwrap_err().code(), "ChecksumMismatch");
    seal_directory(&out, Some(&new)).unwrap();
    let checked = check_directory(&out, Some(&new.public_key())).unwrap();
    assert_eq!(checked.signature, SignatureCheck::Holds { key_id: new.public_key().key_id() });
    assert_eq!(check_directory(&out, Some(&old.public_key())).unwrap_err().code(), "SignatureInvalid");
    let checked = check_directory(&out, None).unwrap();
    assert_eq!(checked.signature, SignatureCheck::NotChecked { key_id: new.public_key().key_id() });
    seal_directory(&out, None).unwrap();
    assert_eq!(check_directory(&out, None).unwrap().signature, SignatureCheck::Unsigned);
    assert_eq!(check_directory(&out, Some(&new.public_key())).unwrap_err().code(), "SignatureMissing");
}

#[test]
fn sealing_keeps_the_algorithm_of_the_checksum() {
    let author = Author::new(|manifest| {
        manifest["checksum"] = json!({"algorithm": "sha256", "value": "00".repeat(32)});
    });
    let document = author.layout().write(&author.path("out"), None).unwrap();
    assert_eq!(document.manifest().checksum.unwrap().algorithm().as_str(), "sha256");
    check_directory(&author.path("out"), None).unwrap();
}

/// Attacks 41 and 43: the author meets what an operator's host would refuse.
#[cfg(target_os = "linux")]
#[test]
fn a_library_that_no_host_would_load_does_not_pass() {
    const DT_NEEDED: u64 = 1;
    let foreign = MinimalElf::new().naming(DT_NEEDED, "libssl.so.3").build();
    for (library, code) in [(b"a text".to_vec(), "ElfInvalid"), (foreign, "ElfPolicy")] {
        let author = Author::plain();
        author.write(&format!("target/{}", author.library_name()), &library);
        let out = author.path("out");
        author.layout().write(&out, None).unwrap();
        let error = check_directory(&out, None).unwrap_err();
        assert_eq!(error.code(), code);
        assert!(error.to_string().contains(TARGET_TRIPLE) && error.hint().is_some(), "{error}");
    }
}

#[test]
fn a_package_for_another_platform_alone_passes() {
    let author = Author::plain();
    let mut layout = Layout::from_crate(author.0.path()).unwrap();
    author.write("target/greeter.dll", b"of another format");
    layout.add_library("x86_64-pc-windows-msvc", &author.path("target/greeter.dll")).unwrap();
    layout.write(&author.path("out"), None).unwrap();
    check_directory(&author.path("out"), None).unwrap();
}

#[test]
fn a_directory_without_a_checksum_does_not_pass() {
    let author = Author::plain();
    assert_eq!(check_directory(author.0.path(), None).unwrap_err().code(), "MissingChecksum");
}

#[test]
fn what_cannot_be_laid_out_is_named() {
    let code = |author: &Author| Layout::from_crate(author.0.path()).unwrap_err().code();
    assert_eq!(code(&Author::new(|manifest| manifest["entry_point"] = json!("a.b.C"))), "UnsupportedRuntime");
    assert_eq!(code(&Author::new(|manifest| manifest["icon"] = json!("../icon.svg"))), "PathEscape");
    assert_eq!(code(&Author::new(|manifest| manifest["id"] = json!("../x"))), "InvalidId");
    let author = Author::plain();
    author.write("resources/with space", b"");
    assert_eq!(code(&author), "UnportablePath");
    let author = Author::plain();
    fs::remove_file(author.path("plugin.json")).unwrap();
    assert_eq!(code(&author), "Unreadable");
    let author = Author::plain();
    std::os::unix::fs::symlink("/etc", author.path("resources")).unwrap();
    assert_eq!(code(&author), "SymlinkRejected");
}

#[test]
fn a_library_of_another_name_than_the_entry_points_is_refused() {
    let author = Author::new(|manifest| manifest["entry_point"] = json!("other::Greeter"));
    let mut layout = Layout::from_crate(author.0.path()).unwrap();
    let library = author.path(&format!("target/{}", author.library_name()));
    let error = layout.add_library(TARGET_TRIPLE, &library).unwrap_err();
    assert_eq!(error.code(), "LibraryMissing");
    assert!(error.hint().unwrap().contains("greeter::TypeName"), "{error}");
    layout.add_library("x86_64-pc-windows-msvc", &author.path("target/other.dll")).unwrap();
    assert!(layout.add_library("../..", &author.path("target/other.dll")).is_err());
}

#[test]
fn a_failed_write_leaves_nothing() {
    let author = Author::new(|manifest| manifest["icon"] = json!("missing.svg"));
    let out = author.path("out");
    assert_eq!(author.layout().write(&out, None).unwrap_err().code(), "Unreadable");
    assert!(!out.exists());
}
