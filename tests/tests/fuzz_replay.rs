//! The seeds of the fuzz targets, each fed to its target by the very code that is fuzzed; see `fuzz/README.md`.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, unreachable_pub, reason = "shared with the fuzz targets, where a panic is a finding")]

use std::{
    fs::{self, File},
    io::Write as _,
    path::Path,
};

use apex_plugins_tests::workspace_root;

#[path = "../../fuzz/src/lib.rs"]
mod targets;

/// Feeds every seed of a target, and each with its end cut off and with bits flipped here and there.
fn replay(target: &str, feed: fn(&[u8])) {
    let folder = workspace_root().join("fuzz/seeds").join(target);
    let mut paths: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort_unstable();
    assert!(paths.len() >= 5, "{target} has seeds");
    for path in paths {
        let seed = fs::read(&path).unwrap();
        feed(&seed);
        for step in 1..=24 {
            // Spread over the whole seed, the same in each run.
            let at = seed.len() * step / 25;
            feed(&seed[..at]);
            let mut flipped = seed.clone();
            if let Some(byte) = flipped.get_mut(at) {
                *byte ^= 1 << (step % 8);
                feed(&flipped);
            }
        }
    }
}

/// Without seeds on both sides, invariants about what is accepted would hold of nothing.
#[test]
fn some_seeds_are_accepted_and_some_are_refused() {
    let seed = |name: &str| fs::read(workspace_root().join("fuzz/seeds").join(name)).unwrap();
    let is_library = |name: &str| apex_trust::check_elf(std::io::Cursor::new(seed(name))).is_ok();
    assert!(is_library("elf/ordinary") && !is_library("elf/runpath"));
    let is_store = |name: &str| apex_trust::TrustStore::parse(&seed(name)).is_ok();
    assert!(is_store("trust_store/full.json") && !is_store("trust_store/overlapping.json"));
    let is_manifest = |name: &str| apex_meta::check(&seed(name)).document().is_some();
    assert!(is_manifest("metadata/greeter.json") && !is_manifest("metadata/schemas.json"));
    let path = Path::new("a file");
    let is_ledger = |name: &str| apex_install::Ledger::parse(path, &seed(name)).is_ok();
    assert!(is_ledger("ledger/full.json") && !is_ledger("ledger/twins.json"));
    let is_index = |name: &str| apex_install::Index::parse(path, &seed(name)).is_ok();
    assert!(is_index("index/full.json") && !is_index("index/twice.json"));
    let is_lock = |name: &str| apex_install::Lock::parse(path, &seed(name)).is_ok();
    assert!(is_lock("lock/full.json") && !is_lock("lock/twins.json"));
    assert!(!is_ledger("ledger/bad_permission.json") && !is_lock("lock/bad_permission.json"));
    let is_export = |name: &str| apex_state::StateExport::parse(&seed(name)).is_ok();
    assert!(is_export("state_export/full.json") && !is_export("state_export/twice.json"));
    let room = tempfile::tempdir().unwrap();
    let unbundles = |name: &str| {
        let out = tempfile::tempdir_in(room.path()).unwrap();
        apex_install::unbundle(&workspace_root().join("fuzz/seeds").join(name), out.path()).is_ok()
    };
    assert!(unbundles("bundle/ordinary") && !unbundles("bundle/trailing"));
    let unpacks = |name: &str| {
        let (package, out) = (room.path().join("package"), room.path().join(name.replace('/', "-")));
        fs::remove_file(&package).ok();
        File::create_new(&package).unwrap().write_all(&seed(name)[1..]).unwrap();
        apex_package::unpack(&package, &out).is_ok()
    };
    assert!(unpacks("archive/frame") && !unpacks("archive/two_frames"));
}

#[test]
fn metadata_is_read_in_one_way() {
    replay("metadata", targets::metadata);
}

#[test]
fn what_reads_as_a_trust_store_can_be_saved_and_read_again() {
    replay("trust_store", targets::trust_store);
}

#[test]
fn what_reads_as_a_ledger_is_written_as_the_same() {
    replay("ledger", targets::ledger);
}

#[test]
fn what_reads_as_an_index_stays_inside_its_source() {
    replay("index", targets::index);
}

#[test]
fn what_reads_as_a_lock_is_written_as_the_same() {
    replay("lock", targets::lock);
}

#[test]
fn what_reads_as_an_export_of_states_is_what_a_store_gives_back() {
    replay("state_export", targets::state_export);
}

#[test]
fn what_comes_out_of_a_bundle_stays_inside() {
    replay("bundle", targets::bundle);
}

#[test]
fn what_unpacks_packs_to_the_same_archive() {
    replay("archive", targets::archive);
}

#[test]
fn no_file_of_the_cache_shows_what_lies_elsewhere() {
    replay("cache", targets::cache);
}

#[test]
fn the_linker_finds_nothing_forbidden_in_an_accepted_library() {
    replay("elf", targets::elf);
}

#[test]
fn a_private_key_opens_to_one_key_and_only_with_its_passphrase() {
    replay("private_key", targets::private_key);
}

#[test]
fn only_what_was_signed_is_accepted() {
    replay("signature", targets::signature);
}

#[test]
fn frames_are_the_same_however_their_bytes_are_cut() {
    replay("protocol", targets::protocol);
}

#[test]
fn specifiers_mean_what_they_say() {
    replay("specifier", targets::specifier);
}
