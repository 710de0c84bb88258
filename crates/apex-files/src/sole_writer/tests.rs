//! Tests of replacing a file (attacks 62 and 72 for the operator's files).
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::{sync::mpsc, thread};

use super::*;

fn names(directory: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn leave(path: &Path, content: &[u8]) {
    File::create_new(path).unwrap().write_all(content).unwrap();
}

#[test]
fn who_does_not_wait_is_told_that_another_one_writes() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("made/file");
    let first = SoleWriter::try_lock(&path).unwrap().unwrap();
    assert!(SoleWriter::try_lock(&path).unwrap().is_none());
    first.replace_undurably(|file| file.write_all(b"content")).unwrap();
    drop(first);
    SoleWriter::try_lock(&path).unwrap().unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"content");
}

#[test]
fn what_cannot_be_written_leaves_the_old_content_and_nothing_else() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("file");
    let writer = SoleWriter::lock(&path).unwrap();
    writer.replace(b"old").unwrap();
    let full = writer.replace_undurably(|file| {
        file.write_all(b"half of")?;
        Err(io::ErrorKind::StorageFull.into())
    });
    assert_eq!(full.unwrap_err().source.kind(), io::ErrorKind::StorageFull);
    assert_eq!(
        (fs::read(&path).unwrap(), names(home.path())),
        (b"old".to_vec(), vec![".file.lock".into(), "file".into()])
    );
}

#[test]
fn a_file_is_made_and_replaced_and_nothing_else_is_left_but_the_lock() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("deep/er/file.json");
    for content in [b"old content".as_slice(), b"new", b""] {
        SoleWriter::lock_making_directory(&path).unwrap().replace(content).unwrap();
        assert_eq!(fs::read(&path).unwrap(), content);
    }
    assert_eq!(names(path.parent().unwrap()), [".file.json.lock", "file.json"]);
}

#[test]
#[cfg(unix)]
fn the_file_and_the_directories_made_for_it_are_the_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("made/file");
    SoleWriter::lock_making_directory(&path).unwrap().replace(b"").unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
    assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
}

#[test]
fn what_a_writer_that_died_has_left_is_overwritten() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("file");
    SoleWriter::lock(&path).unwrap().replace(b"old").unwrap();
    leave(&home.path().join(".file.new"), b"half of");
    assert_eq!(fs::read(&path).unwrap(), b"old");
    SoleWriter::lock(&path).unwrap().replace(b"new").unwrap();
    assert_eq!(
        (fs::read(&path).unwrap(), names(home.path())),
        (b"new".to_vec(), vec![".file.lock".into(), "file".into()])
    );
}

#[test]
#[cfg(unix)]
fn a_link_in_place_of_the_new_file_the_lock_or_the_file_is_not_followed() {
    use std::os::unix::fs::symlink;
    let home = tempfile::tempdir().unwrap();
    let (path, victim) = (home.path().join("file"), home.path().join("victim"));
    leave(&victim, b"precious");
    symlink(&victim, home.path().join(".file.new")).unwrap();
    symlink(&victim, &path).unwrap();
    SoleWriter::lock(&path).unwrap().replace(b"new").unwrap();
    assert_eq!((fs::read(&victim).unwrap(), fs::read(&path).unwrap()), (b"precious".to_vec(), b"new".to_vec()));
    assert!(fs::symlink_metadata(&path).unwrap().is_file());
    fs::remove_file(home.path().join(".file.lock")).unwrap();
    symlink(&victim, home.path().join(".file.lock")).unwrap();
    assert_eq!(SoleWriter::lock(&path).unwrap_err().action, "open");
}

#[test]
fn a_failed_replacement_keeps_the_old_content_and_names_what_failed() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("file");
    let writer = SoleWriter::lock(&path).unwrap();
    // A directory with something in it cannot be replaced by a file, whoever tries.
    fs::create_dir_all(path.join("inner")).unwrap();
    let error = writer.replace(b"new").unwrap_err();
    assert_eq!((error.action, error.path.as_path()), ("replace", path.as_path()));
    assert!(path.join("inner").is_dir());
    fs::create_dir_all(home.path().join(".other.new/inner")).unwrap();
    let error = SoleWriter::lock(&home.path().join("other")).unwrap().replace(b"new").unwrap_err();
    assert_eq!(error.action, "remove");
    assert_eq!(SoleWriter::lock(Path::new("/")).unwrap_err().action, "name");
    assert_eq!(SoleWriter::lock(&home.path().join("absent/file")).unwrap_err().action, "open");
}

#[test]
fn a_second_writer_waits_for_the_first() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("file");
    let first = SoleWriter::lock(&path).unwrap();
    let (send, received) = mpsc::channel();
    let second = thread::spawn({
        let path = path.clone();
        move || {
            let writer = SoleWriter::lock(&path).unwrap();
            // Only what the first one wrote can be there.
            send.send(fs::read(&path).unwrap()).unwrap();
            writer.replace(b"second").unwrap();
        }
    });
    assert!(received.try_recv().is_err());
    first.replace(b"first").unwrap();
    drop(first);
    assert_eq!(received.recv().unwrap(), b"first");
    second.join().unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"second");
}
