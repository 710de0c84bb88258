//! Attacks on files, their checksum and who may change them (1-8, 33-37).

use std::{
    fs::{self, Permissions},
    os::unix::{
        fs::{PermissionsExt as _, chown, symlink},
        net::UnixListener,
    },
    path::Path,
    process::Command,
};

use apex_plugins::{
    meta::{DigestAlgorithm, Document},
    trust::tree_digest,
};
use serde_json::json;

use crate::{Attack, Scene, withstands};

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// States another checksum, and signs that.
fn state_checksum(scene: &Scene, algorithm: &str, value: &str) {
    scene.edit(|metadata| metadata["checksum"] = json!({"algorithm": algorithm, "value": value}));
}

/// A checksum over the right files under the wrong name.
fn relabel(scene: &mut Scene) {
    let digest = tree_digest(&scene.plugin, DigestAlgorithm::Sha256).unwrap();
    let value = serde_json::to_value(digest).unwrap()["value"].clone();
    scene.edit(|metadata| {
        metadata["checksum"] = json!({"algorithm": "blake3", "value": value});
        metadata.as_object_mut().unwrap().remove("signature");
        let document = Document::from_value(metadata.clone()).unwrap();
        metadata["signature"] = serde_json::to_value(scene.publisher.key.sign(&document).unwrap()).unwrap();
    });
}

/// A package with a data file, so that a byte can move between its name and its content.
fn with_data(scene: &Scene, name: &str, content: &str) {
    fs::create_dir_all(scene.path("data")).unwrap();
    fs::write(scene.path("data").join(name), content).unwrap();
}

#[test]
fn changed_files_and_checksums_are_named() {
    let attacks: &[Attack] = &[
        (1, "one byte of the library", |scene| flip_last_byte(&scene.library()), "ChecksumMismatch"),
        (2, "one more file", |scene| with_data(scene, "more.txt", ""), "ChecksumMismatch"),
        (
            3,
            "a file less",
            |scene| {
                with_data(scene, "a.txt", "a");
                scene.seal();
                fs::remove_file(scene.path("data/a.txt")).unwrap();
            },
            "ChecksumMismatch",
        ),
        (
            3,
            "a file of another name",
            |scene| {
                with_data(scene, "a.txt", "a");
                scene.seal();
                fs::rename(scene.path("data/a.txt"), scene.path("data/b.txt")).unwrap();
            },
            "ChecksumMismatch",
        ),
        (4, "an executable bit", |scene| set_mode(&scene.library(), 0o755), "ChecksumMismatch"),
        (
            5,
            "a byte from content to name",
            |scene| {
                with_data(scene, "a", "bc");
                scene.seal();
                fs::remove_file(scene.path("data/a")).unwrap();
                with_data(scene, "ab", "c");
            },
            "ChecksumMismatch",
        ),
        (6, "SHA-256 by the name of BLAKE3", relabel, "ChecksumMismatch"),
        (7, "MD5", |scene| state_checksum(scene, "md5", &"0".repeat(32)), "UnsupportedAlgorithm"),
        (8, "upper case", |scene| state_checksum(scene, "blake3", &"AB".repeat(32)), "MalformedChecksum"),
        (8, "too short", |scene| state_checksum(scene, "blake3", "ab"), "MalformedChecksum"),
        (8, "empty", |scene| state_checksum(scene, "blake3", ""), "MalformedChecksum"),
    ];
    withstands(attacks);
}

fn flip_last_byte(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(path, bytes).unwrap();
}

fn replace_by_link(scene: &mut Scene) {
    let elsewhere = scene.directory.path().join("elsewhere.so");
    fs::rename(scene.library(), &elsewhere).unwrap();
    symlink(elsewhere, scene.library()).unwrap();
}

fn move_behind_link(scene: &mut Scene) {
    let elsewhere = scene.directory.path().join("elsewhere");
    fs::rename(&scene.plugin, &elsewhere).unwrap();
    symlink(elsewhere, &scene.plugin).unwrap();
}

fn link_a_secret(scene: &mut Scene) {
    let secret = scene.directory.path().join("secret");
    fs::write(&secret, "secret").unwrap();
    fs::hard_link(secret, scene.path("notes.txt")).unwrap();
}

fn add_fifo(scene: &mut Scene) {
    assert!(Command::new("mkfifo").arg(scene.path("pipe")).status().unwrap().success());
}

fn add_socket(scene: &mut Scene) {
    drop(UnixListener::bind(scene.path("socket")).unwrap());
}

#[test]
fn what_a_plugins_tree_may_not_hold_is_named() {
    let attacks: &[Attack] = &[
        (33, "the library is a link", replace_by_link, "SymlinkRejected"),
        (33, "a link beside", |scene| symlink("/etc/passwd", scene.path("notes.txt")).unwrap(), "SymlinkRejected"),
        (33, "the plugin's directory is a link", move_behind_link, "SymlinkRejected"),
        (34, "a hard link to a secret", link_a_secret, "HardlinkRejected"),
        (35, "a FIFO", add_fifo, "NotRegularFile"),
        (35, "a socket", add_socket, "NotRegularFile"),
        (36, "all may write to the directory", |scene| set_mode(&scene.plugin, 0o777), "InsecurePermissions"),
        (36, "all may write to a file", |scene| set_mode(&scene.library(), 0o666), "InsecurePermissions"),
        (
            36,
            "all may write to its parent",
            |scene| {
                set_mode(scene.plugin.parent().unwrap(), 0o777);
            },
            "InsecurePermissions",
        ),
    ];
    withstands(attacks);
}

#[expect(clippy::print_stderr, reason = "a skipped test says so")]
#[test]
fn what_belongs_to_somebody_else_is_named() {
    let own = std::os::unix::fs::MetadataExt::uid(&fs::metadata("/proc/self").unwrap());
    if own != 0 {
        eprintln!("skipped: only root can give a file away");
        return;
    }
    let attacks: &[Attack] = &[
        (37, "a file", |scene| chown(scene.library(), Some(4242), None).unwrap(), "InsecureOwner"),
        (37, "the directory", |scene| chown(&scene.plugin, Some(4242), None).unwrap(), "InsecureOwner"),
    ];
    withstands(attacks);
}
