//! Attacks on what a warm start relies on: files that change behind the cache (33-37, 45, 46), a cache that lies (48), and
//! one that is older than a revocation (49).

use std::{
    fs::{self, File, FileTimes, OpenOptions, Permissions},
    io::Write as _,
    os::unix::{
        fs::{FileExt as _, PermissionsExt as _, symlink},
        net::UnixListener,
    },
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use apex_files::{Directory, Stamp};
use apex_plugins::{PluginManager, Status, TrustStore, discover::Cache};
use serde_json::json;

use crate::{GREETER, Scene};

/// A manager that keeps a cache in the scene, and to which every change is long past.
async fn manager(scene: &Scene, store: &TrustStore) -> PluginManager {
    let later = || SystemTime::now() + Duration::from_secs(3_600);
    let builder = PluginManager::builder().root(scene.root()).trust(store.clone()).clock(later);
    builder.cache(cache_of(scene)).build().await.unwrap()
}

fn cache_of(scene: &Scene) -> PathBuf {
    scene.directory.path().join("cache")
}

/// A scene whose cache says that all is well.
async fn warm() -> Scene {
    let scene = Scene::new();
    let plugins = manager(&scene, &scene.store).await;
    assert_eq!(plugins.catalogue().count(Status::Ready), 1);
    let files = Cache::new(cache_of(&scene)).files().unwrap();
    assert_eq!(files.iter().map(|file| file.fault.clone()).collect::<Vec<_>>(), [None]);
    scene
}

/// Waits until the file system's clock has moved on: changes within one tick are for other tests.
fn tick(scene: &Scene) {
    let probe = scene.directory.path().join("tick");
    let touch = || {
        fs::write(&probe, b"tick").unwrap();
        stamp(&probe).changed_at()
    };
    let before = touch();
    while touch() <= before {}
}

fn stamp(path: &Path) -> Stamp {
    let parent = path.parent().unwrap().canonicalize().unwrap();
    Directory::open(&parent).unwrap().stamp_of(path.file_name().unwrap()).unwrap()
}

fn overwrite_in_place(path: &Path) {
    let file = OpenOptions::new().read(true).write(true).open(path).unwrap();
    let before = file.metadata().unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, before.len() - 1).unwrap();
    file.write_all_at(&[byte[0] ^ 1], before.len() - 1).unwrap();
    file.set_times(FileTimes::new().set_modified(before.modified().unwrap())).unwrap();
}

fn swap_for_link(scene: &Scene, path: &Path) {
    let aside = scene.directory.path().join("aside");
    fs::rename(path, &aside).unwrap();
    symlink(&aside, path).unwrap();
}

#[tokio::test]
async fn what_changes_behind_a_warm_cache_is_named_as_without_it() {
    type Change = fn(&Scene);
    let rows: &[(u8, &str, Change, &str)] = &[
        (33, "a linked file", |scene| swap_for_link(scene, &scene.path("plugin.json")), "SymlinkRejected"),
        (33, "a linked directory", |scene| swap_for_link(scene, &scene.plugin), "SymlinkRejected"),
        (33, "a linked library", |scene| swap_for_link(scene, &scene.library()), "SymlinkRejected"),
        (
            34,
            "a second name of the library",
            |scene| fs::hard_link(scene.library(), scene.directory.path().join("second")).unwrap(),
            "HardlinkRejected",
        ),
        (35, "a socket", |scene| drop(UnixListener::bind(scene.path("socket")).unwrap()), "NotRegularFile"),
        (
            36,
            "a directory that others may write to",
            |scene| fs::set_permissions(&scene.plugin, Permissions::from_mode(0o777)).unwrap(),
            "InsecurePermissions",
        ),
        (
            36,
            "a file that others may write to",
            |scene| fs::set_permissions(scene.library(), Permissions::from_mode(0o666)).unwrap(),
            "InsecurePermissions",
        ),
        (45, "the library, its times put back", |scene| overwrite_in_place(&scene.library()), "ChecksumMismatch"),
        (
            46,
            "the metadata, its times put back",
            |scene| {
                let before = File::open(scene.path("plugin.json")).unwrap().metadata().unwrap().modified().unwrap();
                scene.edit(|metadata| metadata["description"] = json!("Something else."));
                let file = OpenOptions::new().write(true).open(scene.path("plugin.json")).unwrap();
                file.set_times(FileTimes::new().set_modified(before)).unwrap();
            },
            "SignatureInvalid",
        ),
    ];
    for (number, what, change, expected) in rows {
        let scene = warm().await;
        tick(&scene);
        change(&scene);
        let plugins = manager(&scene, &scene.store).await;
        let catalogue = plugins.catalogue();
        let codes: Vec<_> =
            catalogue.entries().iter().filter_map(|entry| entry.reason()).map(|reason| reason.code.as_ref()).collect();
        assert_eq!(codes, [*expected], "{number}: {what}");
        let call = plugins.call(GREETER, "greet").params(json!({"name": "Ada"})).result().await;
        assert!(call.is_err(), "{number}: {what}: {call:?}");
    }
}

#[tokio::test]
async fn a_warm_start_runs_what_a_cold_one_runs() {
    let scene = warm().await;
    let plugins = manager(&scene, &scene.store).await;
    let reply = plugins.call(GREETER, "greet").params(json!({"name": "Ada"})).result().await.unwrap();
    assert!(reply.to_string().contains("Ada"), "{reply}");
}

/// Puts other stamps into the cache, with the hash that makes the file whole again.
fn forge(scene: &Scene, swaps: &[(Stamp, Stamp)]) {
    let path = Cache::new(cache_of(scene)).files().unwrap()[0].path.clone();
    let mut bytes = fs::read(&path).unwrap();
    for (old, new) in swaps {
        let at = bytes.windows(Stamp::LENGTH).position(|window| window == old.as_bytes()).unwrap();
        bytes[at..at + Stamp::LENGTH].copy_from_slice(new.as_bytes());
    }
    let index = 24 + usize::try_from(u64::from_le_bytes(bytes[8..16].try_into().unwrap())).unwrap();
    let hash = *blake3::hash(&bytes[..index]).as_bytes();
    bytes[index..index + 32].copy_from_slice(&hash);
    File::options().write(true).truncate(true).open(&path).unwrap().write_all(&bytes).unwrap();
}

#[tokio::test]
async fn a_forged_cache_that_says_all_is_well_loads_nothing() {
    let scene = warm().await;
    let before = stamp(&scene.library());
    tick(&scene);
    overwrite_in_place(&scene.library());
    forge(&scene, &[(before, stamp(&scene.library()))]);

    let plugins = manager(&scene, &scene.store).await;
    assert_eq!(plugins.catalogue().count(Status::Ready), 1, "the list is fooled");
    let error = plugins.call(GREETER, "greet").params(json!({"name": "Ada"})).result().await.unwrap_err();
    assert!(error.to_string().contains("ChecksumMismatch"), "{error}");
}

#[tokio::test]
async fn a_cache_from_before_a_revocation_does_not_outlive_it() {
    let scene = warm().await;
    let mut store = scene.store.clone();
    let key = scene.publisher.key.public_key().key_id();
    store.revoke(&key, "2026-11-22T08:30:00Z".parse().unwrap(), "stolen").unwrap();
    let plugins = manager(&scene, &store).await;
    let catalogue = plugins.catalogue();
    assert_eq!(catalogue.entries()[0].reason().unwrap().code, "KeyRevoked");
    let call = plugins.call(GREETER, "greet").params(json!({"name": "Ada"})).result().await;
    assert!(call.unwrap_err().to_string().contains("KeyRevoked"));
}
