//! Attacks on a signed plugin, each ending in its named error.

use std::{
    io::{Read, Write},
    os::unix::fs::{PermissionsExt, symlink},
};

use super::*;
use crate::minimal_elf::DT_NEEDED;

#[test]
fn tampering_with_files_is_a_checksum_mismatch() {
    let acme = Acme::new();
    let library = Plant::new().library();
    type Tamper<'a> = &'a dyn Fn(&Plant);
    let tampers: [(&str, Tamper<'_>); 9] = [
        ("flip one byte of the library", &|plant| {
            plant.write(&plant.library(), &MinimalElf::with_content(b"machine codf"));
        }),
        ("flip one byte of a resource", &|plant| plant.write("data/words.txt", b"hellp")),
        ("add a file", &|plant| plant.write("data/more.txt", b"")),
        ("add a second manifest below", &|plant| plant.write("data/plugin.json", b"{}")),
        ("remove a file", &|plant| fs::remove_file(plant.path("data/words.txt")).unwrap()),
        ("rename a file", &|plant| rename(plant, "data/words.txt", "data/word.txt")),
        ("toggle an executable bit", &|plant| {
            fs::set_permissions(plant.path("data/words.txt"), fs::Permissions::from_mode(0o744)).unwrap();
        }),
        ("toggle the library's executable bit", &|plant| {
            fs::set_permissions(plant.path(&library), fs::Permissions::from_mode(0o755)).unwrap();
        }),
        ("shift a byte from content to path", &|plant| {
            fs::remove_file(plant.path("data/words.txt")).unwrap();
            plant.write("data/words.txth", b"ello");
        }),
    ];
    for (what, tamper) in tampers {
        let plant = Plant::new().signed(&acme.key);
        assert!(outcome(&acme.standard(), &plant, false).is_ok());
        tamper(&plant);
        assert_eq!(code(&acme.standard(), &plant), "ChecksumMismatch", "{what}");
    }
}

fn rename(plant: &Plant, from: &str, to: &str) {
    let content = fs::read(plant.path(from)).unwrap();
    fs::remove_file(plant.path(from)).unwrap();
    plant.write(to, &content);
}

#[test]
fn a_digest_under_the_wrong_label_is_a_checksum_mismatch() {
    let acme = Acme::new();
    for (taken, labelled) in [(DigestAlgorithm::Sha256, "blake3"), (DigestAlgorithm::Blake3, "sha256")] {
        let mut plant = Plant::new();
        plant.fill_checksum(taken);
        plant.manifest["checksum"]["algorithm"] = json!(labelled);
        plant.sign(&acme.key);
        assert_eq!(code(&acme.standard(), &plant), "ChecksumMismatch");
    }
}

#[test]
fn editing_the_manifest_after_signing_is_an_invalid_signature() {
    let acme = Acme::new();
    let edits: [(&str, Value); 5] = [
        ("permissions_required", json!(["fs_write:/"])),
        ("entry_point", json!("greeter::Other")),
        ("version", json!("1.0.1")),
        ("id", json!("com.acme.other")),
        ("actions", json!([{"name": "wipe", "description": "Wipes."}])),
    ];
    for (member, value) in edits {
        let mut plant = Plant::new().signed(&acme.key);
        plant.manifest[member] = value;
        assert_eq!(code(&acme.standard(), &plant), "SignatureInvalid", "{member}");
    }
    let mut plant = Plant::new().signed(&acme.key);
    plant.write("data/words.txt", b"HELLO");
    plant.fill_checksum(DigestAlgorithm::Blake3);
    assert_eq!(code(&acme.standard(), &plant), "SignatureInvalid", "checksum filled in anew");
}

#[test]
fn stripping_is_noticed() {
    let acme = Acme::new();
    let stripped = Plant::new().signed(&acme.key).without("signature");
    assert_eq!(code(&acme.standard(), &stripped), "SignatureStripped");
    let stripped = Plant::new().signed(&acme.key).without("checksum");
    assert_eq!(code(&acme.standard(), &stripped), "MissingChecksum");
    let stripped = Plant::new().signed(&acme.key).without("checksum").without("signature");
    assert_eq!(code(&acme.standard(), &stripped), "MissingChecksum");
}

#[test]
fn a_foreign_signature_is_not_trusted() {
    let (mut acme, stranger) = (Acme::new(), SigningKey::generate().unwrap());
    let foreign = Plant::new().signed(&stranger);
    let error = outcome(&acme.standard(), &foreign, false).unwrap_err();
    assert_eq!(error.code(), "UntrustedKey");
    assert!(error.hint().unwrap().contains("apex trust add NAME --key FILE --prefix com.acme"), "{:?}", error.hint());

    let mut posing = Plant::new().signed(&stranger);
    posing.manifest["signature"]["key_id"] = json!(acme.id().to_string());
    assert_eq!(code(&acme.standard(), &posing), "SignatureInvalid", "it names a key that did not make it");

    acme.store.add_publisher("other", stranger.public_key(), &["org.other"], Placement::Process).unwrap();
    assert_eq!(code(&acme.standard(), &foreign), "PublisherNotAllowed", "trusted, but not with this id");
}

#[test]
fn a_publisher_does_not_reach_beyond_its_prefix() {
    let acme = Acme::new();
    for id in ["com.acmeevil.greeter", "com.acm", "com", "org.acme.greeter", "com.acme-evil"] {
        assert_eq!(code(&acme.standard(), &Plant::with_id(id).signed(&acme.key)), "PublisherNotAllowed", "{id}");
    }
    for id in ["com.acme", "com.acme.a.b", "Com.ACME.x"] {
        assert!(outcome(&acme.standard(), &Plant::with_id(id).signed(&acme.key), false).is_ok(), "{id}");
    }
}

#[test]
fn a_replayed_signature_fits_no_other_plugin_or_version() {
    let acme = Acme::new();
    let old = Plant::new().signed(&acme.key);
    for (member, value) in [("id", "com.acme.wiper"), ("version", "2.0.0")] {
        let mut other = Plant::new();
        other.manifest[member] = json!(value);
        let mut other = other.checksummed();
        other.manifest["signature"] = old.manifest["signature"].clone();
        assert_eq!(code(&acme.standard(), &other), "SignatureInvalid");
    }
}

#[test]
fn a_backdated_signature_of_a_revoked_key_is_worth_nothing() {
    let mut acme = Acme::new();
    let signed = Plant::new().signed(&acme.key);
    acme.store.revoke(&acme.id(), "2026-06-01T00:00:00Z".parse().unwrap(), "stolen").unwrap();
    let long_before = acme.standard().with_clock(|| UNIX_EPOCH);
    assert_eq!(code(&long_before, &signed), "KeyRevoked");
}

#[test]
fn links_in_the_tree_or_for_the_directory_are_rejected() {
    let acme = Acme::new();
    let plant = Plant::new().signed(&acme.key);
    let library = plant.path(&plant.library());
    fs::remove_file(&library).unwrap();
    symlink("/proc/self/exe", &library).unwrap();
    assert_eq!(code(&acme.standard(), &plant), "SymlinkRejected");

    let plant = Plant::new().signed(&acme.key);
    let link = plant.root.path().join("link");
    symlink(plant.directory(), &link).unwrap();
    let error = acme.standard().verify(&link, &plant.document(), true, false).unwrap_err();
    assert_eq!(error.code(), "SymlinkRejected");

    let plant = Plant::new().signed(&acme.key);
    fs::hard_link(plant.path("data/words.txt"), plant.root.path().join("second-name")).unwrap();
    assert_eq!(code(&acme.standard(), &plant), "HardlinkRejected");
}

#[test]
fn what_others_can_write_is_refused_even_in_a_development_root() {
    let acme = Acme::new();
    for path in ["", "data", "data/words.txt"] {
        let plant = Plant::new().signed(&acme.key);
        let mode = fs::metadata(plant.path(path)).unwrap().permissions().mode() | 0o002;
        fs::set_permissions(plant.path(path), fs::Permissions::from_mode(mode)).unwrap();
        for dev_root in [false, true] {
            let error = outcome(&acme.standard(), &plant, dev_root).unwrap_err();
            assert_eq!(error.code(), "InsecurePermissions", "{path}");
        }
    }
    let plant = Plant::new().signed(&acme.key);
    fs::set_permissions(plant.root.path(), fs::Permissions::from_mode(0o757)).unwrap();
    assert_eq!(code(&acme.standard(), &plant), "InsecurePermissions", "the parent");
}

#[expect(clippy::print_stderr, reason = "a skipped test says so")]
#[test]
fn what_belongs_to_somebody_else_is_refused() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("skipped: only root can give a file away");
        return;
    }
    let acme = Acme::new();
    let plant = Plant::new().signed(&acme.key);
    std::os::unix::fs::chown(plant.path("data/words.txt"), Some(4242), None).unwrap();
    assert_eq!(code(&acme.standard(), &plant), "InsecureOwner");
}

#[test]
fn a_plugin_without_a_library_for_this_platform_is_blocked_with_its_places() {
    let acme = Acme::new();
    let plant = Plant::new();
    fs::remove_file(plant.path(&plant.library())).unwrap();
    let error = outcome(&acme.standard(), &plant.signed(&acme.key), false).unwrap_err();
    assert_eq!(error.code(), "LibraryMissing");
    assert!(error.to_string().contains(apex_meta::TARGET_TRIPLE), "{error}");

    let mut python = Plant::new();
    python.manifest["entry_point"] = json!("greeter.plugin.Greeter");
    assert_eq!(code(&acme.standard(), &python.signed(&acme.key)), "UnsupportedRuntime");
}

#[test]
fn the_library_may_stand_in_the_root_of_the_plugin() {
    let acme = Acme::new();
    let plant = Plant::new();
    let file_name = plant.document().manifest().entry_point.library_file_name().unwrap();
    plant.write(&file_name, &MinimalElf::with_content(b"fallback"));
    let both = plant.signed(&acme.key);
    let content = |plant: &Plant| {
        let verified = acme.standard().verify(&plant.directory(), &plant.document(), false, false).unwrap();
        fs::read(verified.library().path()).unwrap()
    };
    assert_eq!(
        content(&both),
        MinimalElf::with_content(b"machine code"),
        "the place that names the platform goes first"
    );
    fs::remove_file(both.path(&both.library())).unwrap();
    assert_eq!(content(&both.signed(&acme.key)), MinimalElf::with_content(b"fallback"));
}

#[test]
fn what_runs_is_what_was_verified_whatever_happens_to_the_file_later() {
    let acme = Acme::new();
    let plant = Plant::new().signed(&acme.key);
    let verified = acme.standard().verify(&plant.directory(), &plant.document(), false, false).unwrap();
    plant.write(&plant.library(), b"evil code!!!");
    assert_eq!(fs::read(verified.library().path()).unwrap(), MinimalElf::with_content(b"machine code"));
    fs::remove_dir_all(plant.directory()).unwrap();
    assert_eq!(fs::read(verified.library().path()).unwrap(), MinimalElf::with_content(b"machine code"));
    assert_eq!(verified.digest().unwrap().algorithm(), DigestAlgorithm::Blake3);
    assert_eq!((verified.id().as_str(), verified.version().to_string()), ("com.acme.greeter", "1.0.0".into()));
}

#[test]
fn a_library_swapped_while_it_is_verified_is_never_sealed_unverified() {
    // More than one read long, so that a swap also lands in the middle.
    const LENGTH: usize = 300 << 10;
    let (acme, genuine, evil) =
        (Acme::new(), MinimalElf::with_content(&[b'g'; LENGTH]), MinimalElf::with_content(&[b'e'; LENGTH]));
    let plant = Plant::new();
    plant.write(&plant.library(), &genuine);
    let plant = plant.signed(&acme.key);
    let (library, spare) = (plant.path(&plant.library()), plant.root.path().join("spare"));
    let overwrite = |path: &Path, content: &[u8]| {
        let file = fs::OpenOptions::new().write(true).create(true).truncate(false).open(path);
        file.and_then(|mut file| file.write_all(content)).unwrap();
    };
    let stop = AtomicBool::new(false);
    let mut refused = 0;
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                // Once written in place and once replaced: an attacker may do either.
                overwrite(&library, &evil);
                overwrite(&spare, &genuine);
                rustix::fs::rename(&spare, &library).unwrap();
            }
        });
        let (start, mut rounds) = (Instant::now(), 0);
        while rounds < 200 || (refused == 0 && start.elapsed() < PATIENCE) {
            rounds += 1;
            match acme.standard().verify(&plant.directory(), &plant.document(), false, false) {
                Ok(sealed) => {
                    let mut content = Vec::new();
                    sealed.library().reader().read_to_end(&mut content).unwrap();
                    assert!(content == genuine, "bytes were sealed that were not verified");
                }
                Err(error) => {
                    assert!(["ChecksumMismatch", "NotFound"].contains(&error.code()), "{error}");
                    refused += 1;
                }
            }
        }
        stop.store(true, Ordering::Relaxed);
    });
    assert!(refused > 0, "the attacker never got in between");
}

/// Attacks 41 and 43, in a library that its publisher signed.
#[test]
fn a_library_that_is_none_or_asks_for_more_is_refused_even_if_it_is_signed_or_trust_assumed() {
    const DT_RUNPATH: u64 = 29;
    let acme = Acme::new();
    let rows = [
        ("ElfInvalid", b"#!/bin/sh".to_vec()),
        ("ElfInvalid", MinimalElf::with_content(b"machine code")[..100].to_vec()),
        ("ElfPolicy", MinimalElf::new().naming(DT_RUNPATH, "/tmp").build()),
        ("ElfPolicy", MinimalElf::new().naming(DT_NEEDED, "libevil.so").build()),
    ];
    for (expected, library) in rows {
        let plant = Plant::new();
        plant.write(&plant.library(), &library);
        let plant = plant.signed(&acme.key);
        assert_eq!(code(&acme.standard(), &plant), expected);
        let error = outcome(&acme.standard(), &plant, true).unwrap_err();
        assert!(error.to_string().contains(&plant.library()), "{error}");
        let (directory, document) = (plant.directory(), plant.document());
        let assumed = Verified::assume_trusted(&directory, &document, Placement::Process, "a test").unwrap_err();
        assert_eq!(assumed.code(), expected);
        plant.write(&plant.library(), b"another text");
        assert_eq!(code(&acme.standard(), &plant), "ChecksumMismatch", "what was tampered with is said first");
    }
}

#[test]
fn trust_can_be_assumed_by_name_only() {
    let plant = Plant::new();
    let assume = || {
        Verified::assume_trusted(&plant.directory(), &plant.document(), Placement::Process, "a test of the assumption")
    };
    let verified = assume().unwrap();
    assert_eq!((verified.digest(), verified.publisher(), verified.key_id()), (None, None, None));
    assert_eq!(fs::read(verified.library().path()).unwrap(), MinimalElf::with_content(b"machine code"));
    fs::remove_file(plant.path(&plant.library())).unwrap();
    assert_eq!(assume().unwrap_err().code(), "LibraryMissing");
}
