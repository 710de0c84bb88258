//! The same behaviour of both implementations, checked by one table.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests")]

use std::{
    ffi::OsStr,
    fs,
    os::unix::{fs::symlink, net::UnixListener},
};

use super::*;

macro_rules! both {
    ($($name:ident($directory:ident, $temp:ident) $body:block)*) => { $(
        mod $name {
            use super::*;

            #[test]
            fn by_descriptor() {
                use crate::directory::unix::Directory as $directory;
                let $temp = tempfile::tempdir().unwrap();
                $body
            }

            #[test]
            fn by_path() {
                use crate::directory::portable::Directory as $directory;
                let $temp = tempfile::tempdir().unwrap();
                $body
            }
        }
    )* };
}

both! {
    a_regular_file_is_read_up_to_the_limit(Directory, temp) {
        fs::write(temp.path().join("a"), b"0123456789").unwrap();
        let directory = Directory::open_resolved(temp.path()).unwrap();
        assert_eq!(directory.read(OsStr::new("a"), 100).unwrap().0, b"0123456789");
        assert_eq!(directory.read(OsStr::new("a"), 4).unwrap().0, b"0123");
        assert!(directory.ownership().is_ok());
        assert!(Directory::ownership_of(temp.path()).is_ok());
    }

    what_is_no_regular_file_is_refused_by_kind(Directory, temp) {
        fs::write(temp.path().join("target"), b"secret").unwrap();
        symlink("target", temp.path().join("link")).unwrap();
        symlink("nowhere", temp.path().join("dangling")).unwrap();
        fs::create_dir(temp.path().join("directory")).unwrap();
        let _socket = UnixListener::bind(temp.path().join("socket")).unwrap();
        rustix::fs::mknodat(
            rustix::fs::CWD,
            temp.path().join("fifo"),
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::from_raw_mode(0o600),
            0,
        )
        .unwrap();
        let directory = Directory::open_resolved(temp.path()).unwrap();
        let read = |name: &str| directory.read(OsStr::new(name), 100).unwrap_err();
        assert!(matches!(read("link"), Refusal::Symlink));
        assert!(matches!(read("dangling"), Refusal::Symlink));
        assert!(matches!(read("directory"), Refusal::NotRegular(_)));
        assert!(matches!(read("socket"), Refusal::NotRegular(_)));
        assert!(matches!(read("fifo"), Refusal::NotRegular(_)), "and does not hang");
        assert!(matches!(read("missing"), Refusal::Missing));
    }

    a_link_to_a_directory_is_not_entered(Directory, temp) {
        fs::create_dir(temp.path().join("real")).unwrap();
        fs::write(temp.path().join("file"), b"").unwrap();
        symlink("real", temp.path().join("link")).unwrap();
        let directory = Directory::open_resolved(temp.path()).unwrap();
        assert!(directory.open(OsStr::new("real")).is_ok());
        assert!(matches!(directory.open(OsStr::new("link")), Err(Refusal::Symlink)));
        assert!(matches!(directory.open(OsStr::new("file")), Err(Refusal::NotDirectory)));
        assert!(matches!(directory.open(OsStr::new("missing")), Err(Refusal::Missing)));
        assert!(Directory::open_resolved(&temp.path().join("link")).is_err());
    }

    only_subdirectories_and_links_are_children(Directory, temp) {
        fs::create_dir(temp.path().join("b")).unwrap();
        fs::write(temp.path().join("file"), b"").unwrap();
        symlink("b", temp.path().join("a")).unwrap();
        let children = Directory::open_resolved(temp.path()).unwrap().children(10).unwrap();
        assert_eq!(children.named, [("a".into(), Kind::Symlink), ("b".into(), Kind::Directory)]);
        assert!(!children.truncated);
    }

    of_too_many_children_the_smallest_names_are_kept(Directory, temp) {
        for number in 0..200 {
            fs::create_dir(temp.path().join(format!("{number:03}"))).unwrap();
        }
        let children = Directory::open_resolved(temp.path()).unwrap().children(3).unwrap();
        assert_eq!(children.named, ["000", "001", "002"].map(|name| (name.into(), Kind::Directory)));
        assert!(children.truncated);
        assert!(!Directory::open_resolved(temp.path()).unwrap().children(200).unwrap().truncated);
    }
}
