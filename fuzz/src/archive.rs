//! `.apexpkg`, as a frame or as the tar inside.

use std::{
    fs::{self, File},
    io::{Read, Write},
};

use apex_package::{pack, unpack};

/// How much of a frame is looked at: the limits of real packages are too far away for millions of tries.
const MAX_CONTENT: u64 = 1 << 20;

const BLOCK: usize = 512;

/// The first byte says how the rest is meant: even, as a tar that is compressed here, with the checksums of its headers
/// put right, since no chance ever would; odd, as a frame.
///
/// What is unpacked packs to the very same tar; what is refused leaves nothing behind; nothing lands elsewhere.
pub fn archive(bytes: &[u8]) {
    let Some((kind, rest)) = bytes.split_first() else { return };
    let package = if kind % 2 == 0 { compress(&with_checksums(rest)) } else { rest.to_owned() };
    let tar = content(&package);
    if tar.as_ref().is_some_and(|tar| tar.len() as u64 > MAX_CONTENT) {
        return;
    }
    let room = tempfile::tempdir().unwrap();
    let path = |name: &str| room.path().join(name);
    File::create_new(path("package")).unwrap().write_all(&package).unwrap();
    let mut expected = vec!["package"];
    match unpack(&path("package"), &path("out")) {
        Ok(()) => {
            pack(&path("out"), &path("again")).unwrap_or_else(|error| panic!("unpacked, but not packed: {error}"));
            let again = content(&fs::read(path("again")).unwrap());
            assert!(again == tar && tar.is_some(), "unpacked and packed again it is another archive");
            expected = vec!["again", "out", "package"];
        }
        Err(error) => assert!(!error.code().is_empty()),
    }
    let mut found: Vec<_> = fs::read_dir(room.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    found.sort_unstable();
    assert_eq!(found, expected, "something was left behind or put elsewhere");
}

fn compress(tar: &[u8]) -> Vec<u8> {
    let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 1).unwrap();
    encoder.write_all(tar).unwrap();
    encoder.finish().unwrap()
}

/// The content of the first frame, cut a little behind the most that is looked at.
fn content(package: &[u8]) -> Option<Vec<u8>> {
    let mut decoder = zstd::stream::read::Decoder::with_buffer(package).ok()?.single_frame();
    decoder.window_log_max(23).ok()?;
    let mut tar = Vec::new();
    decoder.take(MAX_CONTENT + 1).read_to_end(&mut tar).ok().map(|_| tar)
}

/// Writes the checksum into each header, going from one to the next by the sizes that they state.
fn with_checksums(tar: &[u8]) -> Vec<u8> {
    let mut tar = tar.to_owned();
    let mut at = 0;
    while let Some(header) = tar.get_mut(at..at + BLOCK) {
        if header.iter().all(|byte| *byte == 0) {
            break;
        }
        header[148..156].fill(b' ');
        let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
        header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        let size = std::str::from_utf8(&header[124..135]).ok().and_then(|size| usize::from_str_radix(size, 8).ok());
        at += BLOCK + size.unwrap_or(0).min(1 << 30).next_multiple_of(BLOCK);
    }
    tar
}
