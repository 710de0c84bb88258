//! R7.1, R7.2: what the store in files leaves on the disk, and what it refuses to touch.

use std::{
    fs::{self, Permissions},
    os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink},
    path::Path,
    time::Duration,
};

use apex_state::{FileStateOptions, FileStateStore, Scope, StateStore as _};
use serde_json::{Value, json};

use super::{Sandbox, backup_of, key, put};

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().mode() & 0o7777
}

fn names(path: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(path).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn directories_and_files_are_for_this_user_alone() {
    let sandbox = Sandbox::new();
    let store = sandbox.store();
    let user = key().with_scope(Scope::User { tenant: Some("acme".parse().unwrap()), user: "ada".parse().unwrap() });
    for key in [key(), user] {
        store.save_blocking(&key, 0, &json!(1)).unwrap();
        store.save_blocking(&key, 1, &json!(2)).unwrap();
    }
    let mut open = vec![sandbox.states()];
    let mut files = 0;
    while let Some(path) = open.pop() {
        if path.is_dir() {
            assert_eq!(mode(&path), 0o700, "{}", path.display());
            open.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else {
            assert_eq!(mode(&path), 0o600, "{}", path.display());
            files += 1;
        }
    }
    assert_eq!(files, 5, "two states, their backups, one lock");
}

#[test]
fn a_state_is_a_json_file_where_the_plan_says() {
    let sandbox = Sandbox::new();
    let store = sandbox.store();
    store.save_blocking(&key(), 0, &json!({"count": 1})).unwrap();
    store.save_blocking(&key(), 1, &json!({"count": 2})).unwrap();
    let directory = store.directory().join("com.acme.counter");
    assert_eq!(names(&directory), [".lock", "state_v1.0.2.json", "state_v1.0.2.json.bak"]);
    let file = directory.join("state_v1.0.2.json");
    assert_eq!(store.path(&key()), file);
    let envelope: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    assert_eq!((&envelope["apex_state"], &envelope["data"]), (&json!(1), &json!({"count": 2})));
    assert_eq!((&envelope["plugin"], &envelope["version"]), (&json!("com.acme.counter"), &json!("1.0.2")));
    let backup: Value = serde_json::from_slice(&fs::read(backup_of(&file)).unwrap()).unwrap();
    assert_eq!((&backup["generation"], &backup["data"]), (&json!(1), &json!({"count": 1})));
}

#[test]
fn a_cleared_state_leaves_no_data_behind() {
    let sandbox = Sandbox::new();
    let store = sandbox.store();
    let file = store.path(&key());
    for generation in 0..3 {
        store.save_blocking(&key(), generation, &json!("a secret")).unwrap();
    }
    put(&file, b"a secret, damaged");
    assert!(store.load_blocking(&key()).unwrap().unwrap().recovered.is_some());
    assert!(store.clear_blocking(&key()).unwrap());
    assert_eq!(names(file.parent().unwrap()), [".lock", "state_v1.0.2.json"]);
    assert!(!String::from_utf8(fs::read(&file).unwrap()).unwrap().contains("secret"));
}

#[test]
fn a_directory_that_others_can_write_is_refused() {
    let sandbox = Sandbox::new();
    fs::create_dir(sandbox.states()).unwrap();
    for (bits, is_fine) in [(0o700, true), (0o755, true), (0o757, false), (0o777, false), (0o1777, false)] {
        fs::set_permissions(sandbox.states(), Permissions::from_mode(bits)).unwrap();
        let opened = FileStateStore::open(sandbox.states());
        assert_eq!(opened.as_ref().err().map(|error| error.code()), (!is_fine).then_some("InsecurePermissions"));
        assert_eq!(mode(&sandbox.states()), bits, "the operator's choice stays");
        let hint = opened.err().and_then(|error| error.hint());
        assert_eq!(hint.is_some_and(|hint| hint.starts_with("chmod go-w ")), !is_fine);
    }
}

#[test]
fn a_file_in_place_of_the_directory_is_refused() {
    let sandbox = Sandbox::new();
    put(&sandbox.states(), b"");
    assert_eq!(FileStateStore::open(sandbox.states()).unwrap_err().code(), "StateIo");
    assert_eq!(FileStateStore::open(sandbox.states().join("below")).unwrap_err().code(), "StateIo");
}

#[test]
fn neither_a_symlink_nor_a_fifo_nor_a_directory_is_taken_for_a_state() {
    let sandbox = Sandbox::new();
    let store = sandbox.store();
    store.save_blocking(&key(), 0, &json!(1)).unwrap();
    let file = store.path(&key());
    let secret = sandbox.states().join("secret");
    fs::copy(&file, &secret).unwrap();
    let plant: [(&str, &dyn Fn()); 3] = [
        ("symlink", &|| symlink(&secret, &file).unwrap()),
        ("fifo", &|| {
            let mode = rustix::fs::Mode::from_raw_mode(0o600);
            rustix::fs::mknodat(rustix::fs::CWD, &file, rustix::fs::FileType::Fifo, mode, 0).unwrap();
        }),
        ("directory", &|| fs::create_dir(&file).unwrap()),
    ];
    for (what, plant) in plant {
        fs::remove_file(&file).unwrap();
        plant();
        for error in [store.load_blocking(&key()).unwrap_err(), store.save_blocking(&key(), 1, &json!(2)).unwrap_err()]
        {
            assert_eq!(error.code(), "StateIo", "{what}: {error}");
        }
    }
    assert_eq!(fs::read(&secret).unwrap().len() as u64, fs::metadata(&secret).unwrap().len());
}

#[test]
fn a_dead_writers_leavings_are_in_nobodys_way() {
    let sandbox = Sandbox::new();
    let store = sandbox.store();
    store.save_blocking(&key(), 0, &json!(1)).unwrap();
    let file = store.path(&key());
    for suffix in [".tmp", ".bak.tmp"] {
        put(Path::new(&format!("{}{suffix}", file.display())), b"half a st");
    }
    assert_eq!(store.save_blocking(&key(), 1, &json!(2)).unwrap(), 2);
    assert_eq!(names(file.parent().unwrap()), [".lock", "state_v1.0.2.json", "state_v1.0.2.json.bak"]);
}

#[test]
fn a_directory_that_was_removed_under_way_is_made_again() {
    let sandbox = Sandbox::new();
    let store = sandbox.store();
    store.save_blocking(&key(), 0, &json!(1)).unwrap();
    fs::remove_dir_all(store.directory().join("com.acme.counter")).unwrap();
    assert_eq!(store.load_blocking(&key()).unwrap(), None);
    assert_eq!(store.save_blocking(&key(), 0, &json!(2)).unwrap(), 1);
}

#[tokio::test]
async fn a_lock_that_is_held_for_ever_is_an_error_in_bounded_time() {
    let sandbox = Sandbox::new();
    let store = sandbox.store_with(FileStateOptions::default().lock_patience(Duration::from_millis(20)));
    store.save(&key(), 0, &json!(1)).await.unwrap();
    let lock = fs::File::open(store.directory().join("com.acme.counter/.lock")).unwrap();
    lock.lock().unwrap();
    let error = store.save(&key(), 1, &json!(2)).await.unwrap_err();
    assert_eq!((error.code(), error.hint().is_some()), ("StateLocked", true));
    // Readers need no lock.
    assert_eq!(store.load(&key()).await.unwrap().unwrap().data, json!(1));
    drop(lock);
    assert_eq!(store.save(&key(), 1, &json!(2)).await.unwrap(), 2);
}

#[test]
fn the_path_of_the_directory_is_settled_when_it_is_opened() {
    let sandbox = Sandbox::new();
    fs::create_dir(sandbox.states()).unwrap();
    let link = sandbox.directory.path().join("link");
    symlink(sandbox.states(), &link).unwrap();
    let store = FileStateStore::open(&link).unwrap();
    fs::remove_file(&link).unwrap();
    store.save_blocking(&key(), 0, &json!(1)).unwrap();
    assert_eq!(sandbox.store().load_blocking(&key()).unwrap().unwrap().data, json!(1));
}
