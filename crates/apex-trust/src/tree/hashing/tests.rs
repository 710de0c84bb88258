//! Tests of hashing in parts: the same digest as BLAKE3's own, whatever the size, and whatever changes meanwhile.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::{fs::File, io::Write as _, sync::atomic::AtomicU64};

use super::*;

/// Bytes that differ from part to part.
fn content(size: u64) -> Vec<u8> {
    (0..size).map(|at| (at / 7 + (at >> 20) * 31) as u8).collect()
}

fn reader(bytes: &[u8]) -> impl Fn(&mut [u8], u64) -> io::Result<usize> + Sync + '_ {
    |buffer, offset| {
        let rest = bytes.get(usize::try_from(offset).unwrap()..).unwrap_or_default();
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        Ok(count)
    }
}

/// All parts of a content that is said to have a size, put together.
fn in_parts(read: &impl ReadAt, size: u64) -> io::Result<Option<[u8; 32]>> {
    let mut buffer = vec![0; BUFFER];
    let values = (0..parts::count(size)).map(|part| parts::hash(read, size, part, &mut buffer));
    match values.collect::<io::Result<Option<Vec<_>>>>()? {
        Some(values) => parts::together(read, size, &values),
        None => Ok(None),
    }
}

fn whole(read: &impl ReadAt, limit: u64, algorithm: DigestAlgorithm) -> (u64, [u8; 32]) {
    hash_content(read, limit, algorithm, &mut vec![0; BUFFER]).unwrap()
}

#[test]
fn parts_add_up_to_the_digest_of_the_whole() {
    let part = parts::PART;
    for size in [part + 1, 2 * part - 1, 2 * part, 2 * part + 1, 3 * part, 5 * part + 1024, 8 * part, 11 * part + 7] {
        let bytes = content(size);
        assert_eq!(in_parts(&reader(&bytes), size).unwrap(), Some(blake3::hash(&bytes).into()), "{size} bytes");
    }
}

#[test]
fn a_content_is_hashed_by_either_algorithm_as_it_is() {
    let bytes = content(300_000);
    for algorithm in [DigestAlgorithm::Blake3, DigestAlgorithm::Sha256] {
        let mut hasher = Hasher::new(algorithm);
        hasher.update(&bytes);
        assert_eq!(whole(&reader(&bytes), u64::MAX, algorithm), (300_000, hasher.finish()), "{algorithm}");
    }
}

#[test]
fn what_is_longer_or_shorter_than_it_was_listed_is_hashed_as_it_is() {
    let temp = tempfile::tempdir().unwrap();
    let (real, other) = (content(3 * parts::PART + 3), content(5 * parts::PART));
    let write = |name: &str, bytes: &[u8]| {
        File::create_new(temp.path().join(name)).and_then(|mut file| file.write_all(bytes)).unwrap();
    };
    write("real", &real);
    write("other", &other);
    let size = real.len() as u64;
    for said in [size - 1, size + 1, size - 3 + 2 * parts::PART, LARGE_FILE] {
        assert_eq!(in_parts(&reader(&real), said).unwrap(), None, "{said}");
        let mut tree = Tree::open(temp.path()).unwrap();
        let at = tree.files.iter().position(|file| file.path.as_str() == "real").unwrap();
        tree.files[at].size = said;
        let hashed = tree.hash_files(DigestAlgorithm::Blake3, None).unwrap();
        let expected = |bytes: &[u8]| (bytes.len() as u64, <[u8; 32]>::from(blake3::hash(bytes)));
        assert_eq!((hashed[at].size, hashed[at].content), expected(&real), "{said}");
        assert_eq!((hashed[1 - at].size, hashed[1 - at].content), expected(&other), "{said}");
    }
}

#[test]
fn files_of_every_size_are_hashed_alike_by_several_threads() {
    let temp = tempfile::tempdir().unwrap();
    let sizes = [0, 1, 70_000, LARGE_FILE - 1, LARGE_FILE, LARGE_FILE + 1, 4 * parts::PART, 3 * parts::PART + 77];
    for (number, size) in sizes.into_iter().enumerate() {
        let mut file = File::create_new(temp.path().join(format!("file{number}"))).unwrap();
        file.write_all(&content(size)).unwrap();
    }
    let tree = Tree::open(temp.path()).unwrap();
    let hashed = tree.hash_files(DigestAlgorithm::Blake3, None).unwrap();
    for (hashed, size) in hashed.iter().zip(sizes) {
        assert_eq!((hashed.size, hashed.content), (size, blake3::hash(&content(size)).into()));
    }
}

#[test]
fn a_large_file_that_cannot_be_opened_is_told_by_its_path() {
    let temp = tempfile::tempdir().unwrap();
    for name in ["a", "b"] {
        let mut file = File::create_new(temp.path().join(name)).unwrap();
        file.write_all(&content(3 * parts::PART)).unwrap();
    }
    let tree = Tree::open(temp.path()).unwrap();
    std::fs::remove_file(temp.path().join("b")).unwrap();
    let error = tree.hash_files(DigestAlgorithm::Blake3, None).unwrap_err();
    assert!(error.to_string().contains(temp.path().join("b").to_str().unwrap()), "{error}");
}

#[test]
fn a_content_without_end_is_read_one_byte_beyond_the_limit_at_most_one_buffer() {
    let furthest = AtomicU64::new(0);
    let endless = |buffer: &mut [u8], offset: u64| {
        furthest.fetch_max(offset + buffer.len() as u64, Ordering::Relaxed);
        Ok(buffer.len())
    };
    let limit = 3 * BUFFER as u64;
    let (size, _) = whole(&endless, limit, DigestAlgorithm::Blake3);
    assert!(size > limit, "{size}");
    assert!(furthest.into_inner() <= limit + BUFFER as u64);
}

#[test]
fn short_reads_and_signals_change_nothing_and_errors_are_told() {
    let bytes = content(2 * parts::PART + 99);
    let size = bytes.len() as u64;
    let calls = AtomicUsize::new(0);
    let stuttering = |buffer: &mut [u8], offset| match calls.fetch_add(1, Ordering::Relaxed) % 3 {
        0 => Err(io::ErrorKind::Interrupted.into()),
        _ => {
            let short = buffer.len().div_ceil(3);
            reader(&bytes)(&mut buffer[..short], offset)
        }
    };
    assert_eq!(in_parts(&stuttering, size).unwrap(), Some(blake3::hash(&bytes).into()));
    let failing =
        |_: &mut [u8], offset| if offset >= parts::PART { Err(io::Error::other("bad sector")) } else { Ok(1) };
    assert_eq!(in_parts(&failing, size).unwrap_err().to_string(), "bad sector");
}

/// A descriptor is held for each file that is hashed in parts, and a process may have few.
#[test]
fn few_large_files_are_hashed_in_parts_and_many_one_by_one() {
    let in_parts = |large: usize, may_part| {
        let sizes = std::iter::repeat_n(2 * LARGE_FILE, large).chain([1]);
        pieces(sizes, may_part).iter().filter(|piece| piece.part.is_some()).count()
    };
    assert!(in_parts(MOST_IN_PARTS, true) >= MOST_IN_PARTS);
    assert_eq!((in_parts(MOST_IN_PARTS, false), in_parts(MOST_IN_PARTS + 1, true)), (0, 0));
    let whole: Vec<_> = pieces(std::iter::repeat_n(LARGE_FILE, MOST_IN_PARTS + 1), true);
    assert!(whole.iter().map(|piece| piece.file).eq(0..=MOST_IN_PARTS), "each file once");
}
