//! Tests of lookups: both ways of looking up come to the same results (attacks 31, 33, 35, 36 and 37).
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "a failed unwrap is a failed test, a skipped one says so")]

use std::{
    fs::{self, Permissions},
    io::Read,
    os::unix::{
        fs::{PermissionsExt, symlink},
        net::UnixListener,
    },
};

use rustix::fs::{FileType, mknodat};

use super::*;
use crate::Accounts;

fn plant(root: &Path) -> UnixListener {
    fs::create_dir_all(root.join("tree/a/b")).unwrap();
    fs::create_dir_all(root.join("outside")).unwrap();
    for file in ["tree/top", "tree/a/b/deep", "outside/secret"] {
        #[expect(clippy::disallowed_methods, reason = "a test's file needs to be neither atomic nor durable")]
        fs::write(root.join(file), file).unwrap();
    }
    symlink("a", root.join("tree/to-a")).unwrap();
    symlink("top", root.join("tree/to-top")).unwrap();
    symlink("../outside", root.join("tree/out")).unwrap();
    symlink("/proc/self/root", root.join("tree/magic")).unwrap();
    symlink("nowhere", root.join("tree/dangling")).unwrap();
    symlink("loop", root.join("tree/loop")).unwrap();
    mknodat(CWD, root.join("tree/pipe"), FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    UnixListener::bind(root.join("tree/socket")).unwrap()
}

fn told<T>(result: Result<T, OpenError>) -> String {
    result.map_or_else(|error| format!("{error:?}"), |_| "opened".into())
}

/// What a lookup says of a path as a file and as a directory.
fn looked_up(tree: &Directory, path: &str) -> (String, String) {
    (told(tree.file(Path::new(path))), told(tree.directory(Path::new(path))))
}

#[test]
fn both_ways_of_looking_up_follow_no_link_and_agree() {
    let home = tempfile::tempdir().unwrap();
    let _listening = plant(home.path());
    let tree = Directory::open(&home.path().join("tree")).unwrap();
    let by_segments = Directory::open(&home.path().join("tree")).unwrap().looking_up_each_segment();
    let rows = [
        ("top", "opened", "NotDirectory"),
        ("a/b/deep", "opened", "NotDirectory"),
        ("a/b", "NotRegular(Directory)", "opened"),
        ("a/./b//deep", "opened", "NotDirectory"),
        ("absent", "Missing", "Missing"),
        ("a/absent/deep", "Missing", "Missing"),
        ("top/below", "NotDirectory", "NotDirectory"),
        ("to-top", "Symlink", "Symlink"),
        ("to-a", "Symlink", "Symlink"),
        ("to-a/b/deep", "Symlink", "Symlink"),
        ("out/secret", "Symlink", "Symlink"),
        ("magic/etc/passwd", "Symlink", "Symlink"),
        ("dangling", "Symlink", "Symlink"),
        ("loop", "Symlink", "Symlink"),
        ("loop/x", "Symlink", "Symlink"),
        ("pipe", "NotRegular(Fifo)", "NotDirectory"),
        ("socket", "NotRegular(Socket)", "NotDirectory"),
        ("../outside/secret", "NotBeneath", "NotBeneath"),
        ("a/../../outside/secret", "NotBeneath", "NotBeneath"),
        ("/etc/passwd", "NotBeneath", "NotBeneath"),
        ("", "NotBeneath", "NotBeneath"),
        (".", "NotBeneath", "NotBeneath"),
    ];
    for (path, file, directory) in rows {
        let expected = (file.to_owned(), directory.to_owned());
        assert_eq!(looked_up(&by_segments, path), expected, "{path} by segments");
        assert_eq!(looked_up(&tree, path), expected, "{path} as a whole");
    }
    let deep = tree.directory(Path::new("a")).unwrap().directory(Path::new("b")).unwrap();
    let mut text = String::new();
    deep.file(Path::new("deep")).unwrap().0.read_to_string(&mut text).unwrap();
    assert_eq!(text, "tree/a/b/deep");
}

#[test]
#[cfg(target_os = "linux")]
fn this_kernel_looks_up_as_a_whole_where_it_can() {
    let home = tempfile::tempdir().unwrap();
    let _listening = plant(home.path());
    let tree = Directory::open(&home.path().join("tree")).unwrap();
    let names = plain_names(Path::new("a/b/deep")).unwrap();
    match beneath::open(&tree.descriptor, &names, FILE) {
        Some(opened) => assert_eq!(Facts::of(&fstat(opened.unwrap()).unwrap()).length, 13),
        None => eprintln!("skipped: this kernel has no openat2, or a filter refuses it"),
    }
    let link = plain_names(Path::new("out/secret")).unwrap();
    assert!(beneath::open(&tree.descriptor, &link, FILE).is_none(), "the other way tells what stood in the way");
}

#[test]
fn a_device_is_told_without_being_read() {
    let home = tempfile::tempdir().unwrap();
    // The null device: harmless should it be opened after all.
    let made = mknodat(CWD, home.path().join("null"), FileType::CharacterDevice, Mode::RUSR, rustix::fs::makedev(1, 3));
    if made.is_err() {
        eprintln!("skipped: this user may not make devices");
        return;
    }
    for lookup in [Lookup::Whole, Lookup::EachSegment] {
        let directory = Directory { lookup, ..Directory::open(home.path()).unwrap() };
        let told = told(directory.file(Path::new("null")));
        // Many containers mount their file systems so that no device can be opened.
        assert!(["NotRegular(Device)", "Denied"].contains(&told.as_str()), "{told}");
        assert_eq!(directory.facts_of("null".as_ref()).unwrap().kind, Kind::Device);
    }
}

#[test]
fn a_directory_stays_the_one_that_was_opened() {
    let home = tempfile::tempdir().unwrap();
    let _listening = plant(home.path());
    let tree = Directory::open(&home.path().join("tree")).unwrap();
    #[expect(clippy::disallowed_methods, reason = "a test moves a directory, durability is no question")]
    fs::rename(home.path().join("tree"), home.path().join("moved")).unwrap();
    symlink("outside", home.path().join("tree")).unwrap();
    assert_eq!(told(tree.file(Path::new("a/b/deep"))), "opened");
    assert_eq!(told(tree.file(Path::new("secret"))), "Missing");
    assert_eq!(told(Directory::open(&home.path().join("tree"))), "Symlink");
}

#[test]
fn entries_are_told_with_their_kinds() {
    let home = tempfile::tempdir().unwrap();
    let _listening = plant(home.path());
    let tree = Directory::open(&home.path().join("tree")).unwrap();
    let mut entries: Vec<_> = tree.entries().unwrap().map(Result::unwrap).collect();
    entries.sort_by(|(one, _), (other, _)| one.cmp(other));
    let names: Vec<_> = entries.iter().map(|(name, _)| name.to_str().unwrap()).collect();
    assert_eq!(names, ["a", "dangling", "loop", "magic", "out", "pipe", "socket", "to-a", "to-top", "top"]);
    for (name, kind) in &entries {
        // A file system may leave it open, but not tell something else.
        assert!(kind.is_none_or(|kind| kind == tree.facts_of(name).unwrap().kind), "{name:?} {kind:?}");
    }
}

#[test]
fn a_guarded_walk_names_the_first_directory_that_others_could_change() {
    let home = tempfile::tempdir().unwrap();
    let real = home.path().canonicalize().unwrap();
    let (middle, last) = (real.join("middle"), real.join("middle/last"));
    fs::create_dir_all(&last).unwrap();
    let guard = StrictModes::new(rustix::process::geteuid().as_raw(), Accounts::default());
    let rows = [
        (0o755, 0o755, None, None),
        (0o755, 0o777, Some((&last, Exposure::ToEverybody)), None),
        (0o777, 0o777, Some((&middle, Exposure::ToEverybody)), Some((&middle, Exposure::ToEverybody))),
        (0o711, 0o775, Some((&last, Exposure::ToGroup)), None),
    ];
    let exposed = |error| match error {
        GuardedError::Exposed { path, exposure, .. } => (path, exposure),
        other => panic!("{other:?}"),
    };
    for (middle_mode, last_mode, opened, parents) in rows {
        fs::set_permissions(&middle, Permissions::from_mode(middle_mode)).unwrap();
        fs::set_permissions(&last, Permissions::from_mode(last_mode)).unwrap();
        let owned = |found: Option<(&PathBuf, Exposure)>| found.map(|(path, exposure)| (path.clone(), exposure));
        assert_eq!(
            Directory::open_guarded(&last, Part::Own, &guard).err().map(exposed),
            owned(opened),
            "{middle_mode:o}"
        );
        assert_eq!(
            Directory::open_guarded(&middle, Part::Parent, &guard).err().map(exposed),
            owned(parents),
            "{middle_mode:o}"
        );
    }
}

#[test]
fn a_guarded_walk_follows_no_link_and_wants_an_absolute_path() {
    let home = tempfile::tempdir().unwrap();
    let real = home.path().canonicalize().unwrap();
    fs::create_dir_all(real.join("real/inner")).unwrap();
    symlink("real", real.join("link")).unwrap();
    let guard = StrictModes::of_this_process();
    let refusal = |path: &Path| match Directory::open_guarded(path, Part::Own, &guard) {
        Err(GuardedError::Open { path, source }) => (path, format!("{source:?}")),
        other => panic!("{other:?}"),
    };
    assert_eq!(refusal(&real.join("link/inner")), (real.join("link"), "Symlink".into()));
    assert_eq!(refusal(&real.join("real/absent/x")), (real.join("real/absent"), "Missing".into()));
    assert_eq!(refusal(Path::new("real/inner")), (PathBuf::from("real/inner"), "NotBeneath".into()));
    assert!(Directory::open_guarded(&real.join("real/inner"), Part::Own, &guard).is_ok());
    assert!(Directory::open_guarded(Path::new("/"), Part::Own, &guard).is_ok());
    let passed = Directory::open_guarded(&real, Part::Parent, &guard).unwrap();
    assert!(passed.directory(Path::new("real/inner")).is_ok());
}
