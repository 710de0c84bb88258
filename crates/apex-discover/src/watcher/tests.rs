//! What the system tells, and what becomes of it.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests")]

use std::{collections::BTreeSet, fs};

use notify::{
    Event, EventKind,
    event::{AccessKind, AccessMode},
};

use super::{burst::PATIENCE, changes::MOST, places::Heard, *};

fn watched() -> Places {
    Places {
        roots: vec!["/a".into(), "/b".into(), "/b/c".into(), "/store/plugins".into()],
        files: vec!["/store/ledger.json".into()],
    }
}

#[test]
fn a_path_is_told_by_root_and_directory_or_as_anything_or_not_at_all() {
    let of = |root: &str, name: &str| Heard::Of(root.into(), name.into());
    let rows = [
        ("/a/x/plugin.json", of("/a", "x")),
        ("/a/x", of("/a", "x")),
        ("/a", Heard::OfAnything),
        ("/elsewhere", Heard::OfAnything),
        ("/b/x/y", of("/b", "x")),
        ("/b/c/y", Heard::OfAnything),
        ("/store/ledger.json", Heard::OfAnything),
        ("/store/journal.json", Heard::OfNothing),
        ("/store/plugins", Heard::OfAnything),
        ("/store/plugins/x/1.0.0", of("/store/plugins", "x")),
    ];
    for (path, expected) in rows {
        assert_eq!(watched().heard_of(Path::new(path)), expected, "{path}");
    }
}

#[test]
fn what_lies_beside_a_file_that_is_watched_wakes_nobody() {
    let shared = Shared::default();
    shared.set_watched(watched());
    let written = |path: &str| {
        let event = Event::new(EventKind::Access(AccessKind::Close(AccessMode::Write)));
        shared.hear(Ok(event.add_path(path.into())));
    };
    written("/store/journal.json");
    assert!(matches!(shared.take(Instant::now()), Taken::Nothing));
    written("/store/ledger.json");
    assert!(matches!(shared.take(Instant::now() + PATIENCE), Taken::Changes(Changes::All)));
}

/// Only what hangs takes that long.
const LIMIT: Duration = Duration::from_secs(60);

fn waits_for_everything(watcher: &mut Watcher) {
    let end = Instant::now() + LIMIT;
    while watcher.wait(Duration::from_millis(100)).unwrap() != Changes::All {
        assert!(Instant::now() < end, "nothing was told");
    }
}

#[test]
fn a_file_that_is_watched_may_come_be_replaced_and_go_with_its_directory() {
    let room = tempfile::tempdir().unwrap();
    let (store, fresh) = (room.path().join("store"), room.path().join("fresh"));
    let file = store.join("ledger.json");
    for polled in [false, true] {
        let watcher = if polled { Watcher::polling(&[], LIMIT) } else { Watcher::new(&[]) };
        let mut watcher = watcher.with_file(&file);
        fs::create_dir(&store).unwrap();
        fs::write(&file, b"one").unwrap();
        waits_for_everything(&mut watcher);
        for content in [b"two", b"six"] {
            fs::write(&fresh, content).unwrap();
            fs::rename(&fresh, &file).unwrap();
            waits_for_everything(&mut watcher);
        }
        fs::remove_dir_all(&store).unwrap();
        waits_for_everything(&mut watcher);
    }
}

#[test]
fn many_changes_are_a_look_at_everything_and_so_is_a_loss_of_track() {
    let mut changes = Changes::none();
    assert!(changes.is_empty());
    for number in 0..=MOST {
        changes.add("/plugins".into(), number.to_string().into());
    }
    assert_eq!(changes, Changes::All);

    let shared = Shared::default();
    shared.hear(Ok(Event::new(EventKind::Other).set_flag(notify::event::Flag::Rescan)));
    assert_eq!(shared.lock().changes, Changes::All);
}

#[test]
fn what_the_system_cannot_watch_any_more_is_polled() {
    let watcher = Watcher::new(&[]);
    assert!(watcher.is_notified());
    watcher.shared.hear(Err(notify::Error::new(notify::ErrorKind::MaxFilesWatch)));
    assert!(!watcher.is_notified());
    assert_eq!(watcher.shared.lock().changes, Changes::All);
}

/// File systems give the number of a removed directory to the next one.
#[test]
fn a_root_that_was_removed_is_watched_anew_even_if_one_of_the_same_number_stands_there() {
    let room = tempfile::tempdir().expect("a directory can be made");
    let mut watcher = Watcher::new(&[Root::new(room.path())]);
    let path = room.path().canonicalize().expect("it is there");
    assert!(watcher.shared.take(Instant::now() + PATIENCE).is_changes(), "it is new");
    watcher.shared.hear(Ok(Event::new(EventKind::Remove(notify::event::RemoveKind::Folder)).add_path(path)));
    assert!(watcher.shared.take(Instant::now() + PATIENCE).is_changes(), "it is gone");
    watcher.follow();
    assert!(watcher.shared.take(Instant::now() + PATIENCE).is_changes(), "it is watched anew");
    watcher.follow();
    assert!(matches!(watcher.shared.take(Instant::now()), Taken::Nothing), "nothing changed since");
}

#[test]
fn that_somebody_reads_wakes_nobody() {
    let shared = Shared::default();
    shared.set_watched(Places { roots: vec!["/plugins".into()], files: Vec::new() });
    let read = EventKind::Access(AccessKind::Open(AccessMode::Any));
    shared.hear(Ok(Event::new(read).add_path("/plugins/x/file".into())));
    assert!(matches!(shared.take(Instant::now()), Taken::Nothing));
    let written = EventKind::Access(AccessKind::Close(AccessMode::Write));
    shared.hear(Ok(Event::new(written).add_path("/plugins/x/file".into())));
    assert_eq!(shared.lock().changes, Changes::In(BTreeSet::from([("/plugins".into(), "x".into())])));
}
