//! Tests of hashing in parts: the same digest as BLAKE3's own, whatever the size, and whatever changes meanwhile.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::sync::atomic::AtomicU64;

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

#[test]
fn parts_add_up_to_the_digest_of_the_whole() {
    let part = parts::PART;
    for size in [part + 1, 2 * part - 1, 2 * part, 2 * part + 1, 3 * part, 5 * part + 1024, 8 * part, 11 * part + 7] {
        let bytes = content(size);
        for threads in [1, 2, 5] {
            let hashed = parts::hash(&reader(&bytes), size, threads).unwrap();
            assert_eq!(hashed, Some(blake3::hash(&bytes).into()), "{size} bytes, {threads} threads");
        }
    }
}

#[test]
fn a_large_content_is_hashed_the_same_alone_and_together() {
    let bytes = content(LARGE_FILE + 12_345);
    let size = bytes.len() as u64;
    for algorithm in [DigestAlgorithm::Blake3, DigestAlgorithm::Sha256] {
        let mut hasher = Hasher::new(algorithm);
        hasher.update(&bytes);
        let expected = hasher.finish();
        for threads in [1, 3] {
            let hashed = hash_content(&reader(&bytes), size, u64::MAX, algorithm, threads).unwrap();
            assert_eq!(hashed, (size, expected), "{algorithm} {threads}");
        }
    }
}

#[test]
fn what_is_longer_or_shorter_than_it_was_is_hashed_as_it_is() {
    let bytes = content(LARGE_FILE + 3);
    let real = bytes.len() as u64;
    for said in [real - 1, real + 1, real - 3 + 2 * parts::PART, LARGE_FILE] {
        assert_eq!(parts::hash(&reader(&bytes), said, 2).unwrap(), None);
        let hashed = hash_content(&reader(&bytes), said, u64::MAX, DigestAlgorithm::Blake3, 2).unwrap();
        assert_eq!(hashed, (real, blake3::hash(&bytes).into()));
    }
}

#[test]
fn a_content_without_end_is_read_one_byte_beyond_the_limit_at_most_one_buffer() {
    let furthest = AtomicU64::new(0);
    let endless = |buffer: &mut [u8], offset: u64| {
        furthest.fetch_max(offset + buffer.len() as u64, Ordering::Relaxed);
        Ok(buffer.len())
    };
    let limit = 3 * BUFFER as u64;
    for said in [0, limit, u64::MAX] {
        let (size, _) = hash_content(&endless, said, limit, DigestAlgorithm::Blake3, 2).unwrap();
        assert!(size > limit, "{size}");
    }
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
    assert_eq!(parts::hash(&stuttering, size, 2).unwrap(), Some(blake3::hash(&bytes).into()));
    let failing =
        |_: &mut [u8], offset| if offset >= parts::PART { Err(io::Error::other("bad sector")) } else { Ok(1) };
    assert_eq!(parts::hash(&failing, size, 1).unwrap_err().to_string(), "bad sector");
}
