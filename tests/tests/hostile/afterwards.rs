//! Attacks that hide their traces (45), and one that takes the rights of root (35).

use std::{
    fs::{File, FileTimes, OpenOptions},
    os::unix::fs::FileExt as _,
    process::Command,
};

use apex_plugins::{PluginManager, Status};
use serde_json::json;

use crate::{Attack, GREETER, Scene, withstands};

#[tokio::test]
async fn a_library_edited_after_the_scan_with_its_times_put_back_is_not_loaded() {
    let scene = Scene::new();
    let builder = PluginManager::builder().root(scene.root()).trust(scene.store.clone());
    let plugins = builder.build().await.unwrap();
    assert!(plugins.catalogue().entries().iter().any(|entry| entry.status() == Status::Ready));

    // One byte, of the same file and length, and then the times that it had.
    let library = OpenOptions::new().read(true).write(true).open(scene.library()).unwrap();
    let before = library.metadata().unwrap();
    let mut byte = [0];
    library.read_exact_at(&mut byte, before.len() - 1).unwrap();
    library.write_all_at(&[byte[0] ^ 1], before.len() - 1).unwrap();
    let times = FileTimes::new().set_modified(before.modified().unwrap()).set_accessed(before.accessed().unwrap());
    library.set_times(times).unwrap();
    drop(library);
    let after = File::open(scene.library()).unwrap().metadata().unwrap();
    assert_eq!((after.len(), after.modified().unwrap()), (before.len(), before.modified().unwrap()));

    let error = plugins.call(GREETER, "greet").params(json!({"name": "Ada"})).result().await.unwrap_err();
    assert!(error.to_string().contains("ChecksumMismatch"), "{error}");
}

fn add_device(scene: &mut Scene) {
    // The null device.
    let made = Command::new("mknod").arg(scene.path("device")).args(["c", "1", "3"]).status().unwrap();
    assert!(made.success());
}

#[expect(clippy::print_stderr, reason = "a skipped test says so")]
#[test]
fn a_device_in_the_tree_is_named() {
    let room = tempfile::tempdir().unwrap();
    let probe = Command::new("mknod").arg(room.path().join("probe")).args(["c", "1", "3"]).output();
    if !probe.is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: no device can be made here");
        return;
    }
    let attacks: &[Attack] = &[(35, "a device", add_device, "NotRegularFile")];
    withstands(attacks);
}
