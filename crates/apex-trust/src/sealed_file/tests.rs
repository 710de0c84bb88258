//! Tests of sealed memory (R3.5, attack 40).
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::{fs, io::Write, os::unix::fs::FileExt};

use super::*;

fn sealed(bytes: &[u8]) -> SealedFile {
    SealedFile::copy_from(bytes, false, 1 << 20).unwrap()
}

#[test]
fn the_bytes_can_be_read_through_the_path_and_the_reader() {
    let file = sealed(b"library");
    assert_eq!(file.len(), 7);
    assert_eq!(fs::read(file.path()).unwrap(), b"library");
    let mut read = Vec::new();
    file.reader().read_to_end(&mut read).unwrap();
    assert_eq!(read, b"library");
}

#[test]
fn nobody_can_write_grow_shrink_or_unseal() {
    let file = sealed(b"library");
    let again = fs::OpenOptions::new().write(true).open(file.path());
    if let Ok(mut again) = again {
        assert!(again.write_all(b"X").is_err());
        assert!(again.set_len(0).is_err());
        assert!(again.set_len(100).is_err());
    }
    assert!(file.file.write_at(b"X", 0).is_err());
    assert!(rustix::fs::fcntl_add_seals(&*file.file, rustix::fs::SealFlags::FUTURE_WRITE).is_err());
    assert_eq!(fs::read(file.path()).unwrap(), b"library");
}

#[test]
fn a_pinned_number_never_stands_for_another_file() {
    let first = sealed(b"first");
    let path = first.path();
    drop(first);
    let others: Vec<_> = (0..16).map(|_| sealed(b"other")).collect();
    assert!(others.iter().all(|other| other.path() != path));
    assert_eq!(fs::read(path).unwrap(), b"first");
}

#[test]
fn more_bytes_than_allowed_are_refused() {
    assert!(matches!(SealedFile::copy_from(&[0; 11][..], false, 10), Err(SealError::TooLong)));
    assert_eq!(SealedFile::copy_from(&[0; 10][..], false, 10).unwrap().len(), 10);
}
