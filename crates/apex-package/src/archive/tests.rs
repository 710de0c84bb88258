//! Round trips, and hostile archives that end in their named error (R8.1, R8.3; attacks 50-61).
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::{
    fs,
    io::Write,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use apex_meta::DigestAlgorithm;
use apex_trust::{TreeLimit, TreePath, tree_digest};
use proptest::prelude::*;

use super::{header::BLOCK, *};
use crate::hostile_tar::HostileTar as Tar;

/// A directory of the test's own, with room for archives and what comes out of them.
struct Room(tempfile::TempDir);

impl Room {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, path: &str, content: &[u8], executable: bool) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let mut file = fs::File::create(&path).unwrap();
        file.write_all(content).unwrap();
        file.set_permissions(fs::Permissions::from_mode(if executable { 0o755 } else { 0o644 })).unwrap();
    }

    fn plugin(&self) -> PathBuf {
        self.write("plugin/plugin.json", b"{}\n", false);
        self.write("plugin/lib/some-triple/libx.so", &[7; 1000], false);
        self.write("plugin/resources/run.sh", b"#!/bin/sh\n", true);
        self.write("plugin/resources/empty", b"", false);
        self.path("plugin")
    }
}

#[test]
fn a_packed_plugin_comes_out_as_it_went_in() {
    let room = Room::new();
    let plugin = room.plugin();
    pack(&plugin, &room.path("x.apexpkg")).unwrap();
    unpack(&room.path("x.apexpkg"), &room.path("out")).unwrap();
    for algorithm in [DigestAlgorithm::Blake3, DigestAlgorithm::Sha256] {
        assert_eq!(tree_digest(&room.path("out"), algorithm).unwrap(), tree_digest(&plugin, algorithm).unwrap());
    }
    assert_eq!(fs::read(room.path("out/plugin.json")).unwrap(), b"{}\n");
    assert_eq!(fs::metadata(room.path("out")).unwrap().permissions().mode() & 0o777, 0o700);
    assert_eq!(fs::metadata(room.path("out/resources/run.sh")).unwrap().permissions().mode() & 0o777, 0o755);
}

#[test]
fn packing_twice_gives_the_same_bytes_whatever_times_and_modes_say() {
    let room = Room::new();
    let plugin = room.plugin();
    pack(&plugin, &room.path("one")).unwrap();
    fs::set_permissions(plugin.join("plugin.json"), fs::Permissions::from_mode(0o600)).unwrap();
    fs::set_permissions(plugin.join("resources/run.sh"), fs::Permissions::from_mode(0o700)).unwrap();
    let file = fs::File::options().write(true).open(plugin.join("plugin.json")).unwrap();
    file.set_modified(std::time::UNIX_EPOCH).unwrap();
    fs::create_dir(plugin.join("empty-directory")).unwrap();
    pack(&plugin, &room.path("two")).unwrap();
    pack(&plugin, &room.path("two")).unwrap();
    assert!(fs::read(room.path("one")).unwrap() == fs::read(room.path("two")).unwrap());
}

#[test]
fn other_programs_read_our_archives() {
    let room = Room::new();
    pack(&room.plugin(), &room.path("x.apexpkg")).unwrap();
    let tar = zstd::decode_all(&fs::read(room.path("x.apexpkg")).unwrap()[..]).unwrap();
    let path = room.path("x.tar");
    fs::File::create_new(&path).unwrap().write_all(&tar).unwrap();
    let listed = std::process::Command::new("tar").arg("-tf").arg(&path).output();
    let Ok(listed) = listed else { return };
    assert!(listed.status.success());
    let names = String::from_utf8(listed.stdout).unwrap();
    assert_eq!(names, "lib/some-triple/libx.so\nplugin.json\nresources/empty\nresources/run.sh\n");
}

#[test]
fn a_directory_that_is_there_is_left_alone() {
    let room = Room::new();
    pack(&room.plugin(), &room.path("x.apexpkg")).unwrap();
    room.write("out/mine", b"mine", false);
    assert_eq!(unpack(&room.path("x.apexpkg"), &room.path("out")).unwrap_err().code(), "Unwritable");
    assert_eq!(fs::read(room.path("out/mine")).unwrap(), b"mine");
}

#[test]
fn what_may_not_be_unpacked_is_not_packed_either() {
    let room = Room::new();
    room.write("bare/file", b"", false);
    assert_eq!(pack(&room.path("bare"), &room.path("x")).unwrap_err().code(), "ManifestMissing");
    let plugin = room.plugin();
    room.write("plugin/ledger.json", b"{}", false);
    assert_eq!(pack(&plugin, &room.path("x")).unwrap_err().code(), "ForbiddenEntry");
    fs::remove_file(plugin.join("ledger.json")).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", plugin.join("link")).unwrap();
    assert_eq!(pack(&plugin, &room.path("x")).unwrap_err().code(), "SymlinkRejected");
    assert!(!room.path("x").exists());
}

fn compress(tar: &[u8]) -> Vec<u8> {
    zstd::encode_all(tar, 3).unwrap()
}

fn refusal_of(package: &[u8]) -> ArchiveError {
    let room = Room::new();
    fs::File::create_new(room.path("x.apexpkg")).unwrap().write_all(package).unwrap();
    let error = unpack(&room.path("x.apexpkg"), &room.path("out")).unwrap_err();
    let left: Vec<_> = fs::read_dir(room.0.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["x.apexpkg"], "nothing is left of a refused archive");
    error
}

fn refusal(tar: Tar) -> &'static str {
    refusal_of(&compress(&tar.end())).code()
}

#[test]
fn an_archive_made_by_hand_in_the_one_form_passes() {
    let room = Room::new();
    let tar = Tar::default().file("a", b"content").file("plugin.json", b"{}").end();
    fs::File::create_new(room.path("x")).unwrap().write_all(&compress(&tar)).unwrap();
    unpack(&room.path("x"), &room.path("out")).unwrap();
    assert_eq!(fs::read(room.path("out/a")).unwrap(), b"content");
}

#[test]
fn paths_that_escape_or_are_not_portable_are_refused() {
    for (path, code) in [
        ("../evil", "PathEscape"),
        ("a/../../evil", "PathEscape"),
        ("..", "PathEscape"),
        ("/etc/passwd", "PathEscape"),
        ("caf\u{e9}", "UnportablePath"),
        ("cafe\u{301}", "UnportablePath"),
        ("p\u{430}ypal", "UnportablePath"),
        ("CON", "UnportablePath"),
        ("a:b", "UnportablePath"),
        ("dot.", "UnportablePath"),
        ("a\\b", "UnportablePath"),
        ("C:\\x", "UnportablePath"),
        ("./a", "UnportablePath"),
        ("a//b", "UnportablePath"),
        ("a/", "UnportablePath"),
        ("", "UnportablePath"),
    ] {
        assert_eq!(refusal(Tar::default().file(path, b"evil")), code, "{path:?}");
    }
    let smuggled = Tar::default().entry("a", b"", |block| block[1..4].copy_from_slice(b"\0/x"));
    assert_eq!(refusal(smuggled), "NonCanonicalArchive", "bytes behind the end of a name");
    let by_prefix = Tar::default().entry("etc/passwd", b"", |block| block[345..348].copy_from_slice(b"../"));
    assert_eq!(refusal(by_prefix), "PathEscape");
}

#[test]
fn nothing_but_plain_files_is_taken() {
    for kind in [b'1', b'2', b'3', b'4', b'5', b'6', b'7', b'x', b'g', b'L', b'K', b'S', b'V', b'Z', 0xff] {
        assert_eq!(refusal(Tar::default().kind("a", kind)), "ForbiddenEntry", "{}", char::from(kind));
    }
    assert_eq!(refusal(Tar::default().kind("a", 0)), "NonCanonicalArchive", "the form before POSIX");
    for mode in [b"0004755", b"0002755", b"0001755", b"0007777"] {
        let tar = Tar::default().entry("a", b"", |block| block[100..107].copy_from_slice(mode));
        assert_eq!(refusal(tar), "ForbiddenEntry");
    }
    let write_through_link = Tar::default()
        .entry("a", b"", |block| {
            block[156] = b'2';
            block[157..161].copy_from_slice(b"/tmp");
        })
        .file("a/evil", b"evil");
    assert_eq!(refusal(write_through_link), "ForbiddenEntry");
}

#[test]
fn files_of_the_installer_are_not_taken() {
    for path in ["ledger.json", "LEDGER.json", "apex.lock", "sources.json", "trust.json", ".apex-marker", ".apex/x"] {
        assert_eq!(refusal(Tar::default().file(path, b"{}")), "ForbiddenEntry", "{path}");
    }
}

#[test]
fn the_same_or_colliding_paths_are_refused() {
    for (first, second, code) in [
        ("a", "a", "DuplicateEntry"),
        ("A", "a", "PathCollision"),
        ("Docs/a", "docs/b", "PathCollision"),
        ("a", "a/b", "PathCollision"),
        ("b", "a", "NonCanonicalArchive"),
    ] {
        assert_eq!(refusal(Tar::default().file(first, b"").file(second, b"")), code, "{first} {second}");
    }
}

#[test]
fn headers_that_say_more_than_they_must_are_not_canonical() {
    type Change = fn(&mut [u8; BLOCK]);
    let changes: [(&str, Change); 10] = [
        ("mode", |block| block[100..107].copy_from_slice(b"0000600")),
        ("user", |block| block[108..115].copy_from_slice(b"0001750")),
        ("group", |block| block[116..123].copy_from_slice(b"0001750")),
        ("time", |block| block[136..147].copy_from_slice(b"14000000000")),
        ("link name", |block| block[157] = b'x'),
        ("GNU magic", |block| block[257..265].copy_from_slice(b"ustar  \0")),
        ("user's name", |block| block[265..269].copy_from_slice(b"root")),
        ("device", |block| block[335] = b'1'),
        ("padding", |block| block[511] = 1),
        ("size in base 256", |block| block[124] = 0x80),
    ];
    for (what, change) in changes {
        assert_eq!(refusal(Tar::default().entry("a", b"", change)), "NonCanonicalArchive", "{what}");
    }
    let mut wrong_checksum = Tar::default().file("a", b"");
    wrong_checksum.bytes_mut()[150] ^= 1;
    assert_eq!(refusal(wrong_checksum), "NonCanonicalArchive");
    let mut between = Tar::default().file("a", b"content");
    between.bytes_mut()[BLOCK + 100] = 1;
    assert_eq!(refusal(between), "NonCanonicalArchive", "bytes in the padding");
}

#[test]
fn bombs_and_lies_about_sizes_hit_the_limits() {
    let announce = |size: u64| {
        Tar::default().entry("a", b"", |block| block[124..135].copy_from_slice(format!("{size:011o}").as_bytes()))
    };
    let limit = TreeLimit::FileBytes.value();
    assert_eq!(refusal(announce(limit + 1)), "ArchiveLimit");
    assert_eq!(refusal(announce(0o77_777_777_777)), "ArchiveLimit");
    assert_eq!(refusal(announce(limit)), "ArchiveLimit", "announced, but not there");
    // Zeros compress a thousandfold; the file is cut off where the limit for one file is.
    let bomb = Tar::default().file("a", &vec![0; usize::try_from(limit).unwrap() + 1]).end();
    let package = compress(&bomb);
    assert!(package.len() < 100 << 10, "{}", package.len());
    assert_eq!(refusal_of(&package).code(), "ArchiveLimit");
}

#[test]
fn limits_on_all_entries_together_are_counted_before_anything_is_written() {
    let admit = |count: u64, size: u64| {
        let mut admission = Admission::default();
        (0..count).try_for_each(|at| admission.admit(&format!("f{at:05}").parse().unwrap(), size))
    };
    let (entries, file, total) =
        (TreeLimit::Entries.value(), TreeLimit::FileBytes.value(), TreeLimit::TotalBytes.value());
    admit(entries, 0).unwrap();
    admit(total / file, file).unwrap();
    for (count, size, limit) in [
        (entries + 1, 0, TreeLimit::Entries),
        (1, file + 1, TreeLimit::FileBytes),
        (1, u64::MAX, TreeLimit::FileBytes),
        (total / file + 1, file, TreeLimit::TotalBytes),
    ] {
        let error = admit(count, size).unwrap_err();
        assert!(matches!(error, ArchiveError::Limit(ArchiveLimit::Tree(found)) if found == limit), "{error}");
    }
}

#[test]
fn nothing_may_follow_the_end() {
    let good = Tar::default().file("plugin.json", b"{}");
    let tar = good.clone().end();
    let longer = [&tar[..], &[0; BLOCK]].concat();
    assert_eq!(refusal_of(&compress(&longer)).code(), "NonCanonicalArchive", "a third empty block");
    let hidden = [&tar[..], &good.end()[..]].concat();
    assert_eq!(refusal_of(&compress(&hidden)).code(), "NonCanonicalArchive", "a second archive");
    let package = compress(&tar);
    for (what, rest) in [
        ("a byte", &b"x"[..]),
        ("a second frame", &compress(b"second")),
        ("an empty frame", &compress(b"")),
        ("a skippable frame", b"\x50\x2a\x4d\x18\x04\x00\x00\x00rest"),
    ] {
        assert_eq!(refusal_of(&[&package[..], rest].concat()).code(), "NonCanonicalArchive", "{what}");
    }
    let one_block = &tar[..tar.len() - BLOCK];
    assert_eq!(refusal_of(&compress(one_block)).code(), "ArchiveLimit", "cut short");
    let bad_second = {
        let mut tar = tar;
        let at = tar.len() - 1;
        tar[at] = 1;
        tar
    };
    assert_eq!(refusal_of(&compress(&bad_second)).code(), "NonCanonicalArchive");
}

#[test]
fn an_archive_without_a_manifest_is_no_plugin() {
    assert_eq!(refusal(Tar::default().file("a", b"")), "ManifestMissing");
    assert_eq!(refusal(Tar::default().file("a/plugin.json", b"{}")), "ManifestMissing");
    assert_eq!(refusal(Tar::default()), "ManifestMissing");
}

#[test]
fn damaged_frames_are_refused_and_windows_are_bounded() {
    let tar = Tar::default().file("plugin.json", &[3; 5000]).end();
    let package = compress(&tar);
    assert_eq!(refusal_of(b"").code(), "ArchiveLimit");
    assert_eq!(refusal_of(b"PK\x03\x04").code(), "Unreadable");
    assert_eq!(refusal_of(b"\x50\x2a\x4d\x18\x00\x00\x00\x00").code(), "ArchiveLimit", "a skippable frame first");
    for cut in [1, package.len() / 2, package.len() - 1] {
        refusal_of(&package[..cut]);
    }
    let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 3).unwrap();
    encoder.window_log(27).unwrap();
    encoder.write_all(&tar).unwrap();
    assert_eq!(refusal_of(&encoder.finish().unwrap()).code(), "Unreadable", "a window of 128 MiB");
}

#[test]
fn an_archive_that_is_no_file_is_refused_without_a_hang() {
    let room = Room::new();
    fs::create_dir(room.path("x")).unwrap();
    assert_eq!(unpack(&room.path("x"), &room.path("out")).unwrap_err().code(), "Unreadable");
    assert_eq!(unpack(&room.path("absent"), &room.path("out")).unwrap_err().code(), "Unreadable");
    assert!(!room.path("out").exists());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn every_tree_survives_the_round_trip_and_packs_to_the_same_bytes_again(
        files in prop::collection::btree_map(
            "(d[a-c]{1,40}/){0,5}f[a-e]{1,90}", (prop::collection::vec(any::<u8>(), 0..2000), any::<bool>()), 0..6,
        ),
    ) {
        let room = Room::new();
        room.write("plugin/plugin.json", b"{}", false);
        for (path, (content, executable)) in files.iter().filter(|(path, _)| path.parse::<TreePath>().is_ok()) {
            room.write(&format!("plugin/{path}"), content, *executable);
        }
        pack(&room.path("plugin"), &room.path("one")).unwrap();
        unpack(&room.path("one"), &room.path("out")).unwrap();
        pack(&room.path("out"), &room.path("two")).unwrap();
        prop_assert!(fs::read(room.path("one")).unwrap() == fs::read(room.path("two")).unwrap());
        let digest = |name: &str| tree_digest(&room.path(name), DigestAlgorithm::Blake3).unwrap();
        prop_assert_eq!(digest("out"), digest("plugin"));
    }

    #[test]
    fn a_changed_byte_of_the_tar_never_yields_the_same_tree(at in any::<prop::sample::Index>(), bits in 1u8..) {
        let room = Room::new();
        pack(&room.plugin(), &room.path("good")).unwrap();
        let mut tar = zstd::decode_all(&fs::read(room.path("good")).unwrap()[..]).unwrap();
        let at = at.index(tar.len());
        tar[at] ^= bits;
        fs::File::create_new(room.path("bad")).unwrap().write_all(&compress(&tar)).unwrap();
        if unpack(&room.path("bad"), &room.path("out")).is_ok() {
            // Content may change unnoticed here: that is what the tree digest is for.
            let content = |name: &str| read_all(&room.path(name));
            prop_assert_ne!(content("out"), content("plugin"));
        }
    }

    #[test]
    fn no_bytes_make_unpacking_panic(bytes in prop::collection::vec(any::<u8>(), 0..2000), framed: bool) {
        let room = Room::new();
        let package = if framed { compress(&bytes) } else { bytes };
        fs::File::create_new(room.path("x")).unwrap().write_all(&package).unwrap();
        prop_assert!(unpack(&room.path("x"), &room.path("out")).is_err());
    }
}

fn read_all(directory: &Path) -> Vec<(String, bool, Vec<u8>)> {
    let tree = Tree::open(directory).unwrap();
    let read = |file: &TreeFile| fs::read(directory.join(file.path.as_str())).unwrap();
    entries(&tree).into_iter().map(|file| (file.path.to_string(), file.executable, read(file))).collect()
}
