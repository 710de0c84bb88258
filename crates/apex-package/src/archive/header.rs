//! The 512-byte header of a ustar entry, in the one form that packages use.
//!
//! After POSIX.1-2017, `pax`, "ustar Interchange Format": regular files only, mode 0644 or 0755, everything else zero.

use apex_trust::{TreeLimit, TreePath};

use super::{ArchiveError, ArchiveLimit};

/// The unit of a tar archive, in bytes.
pub(super) const BLOCK: usize = 512;

/// What a header says of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) path: TreePath,
    pub(super) size: u64,
    pub(super) executable: bool,
}

/// Offset and length of the fields.
const NAME: (usize, usize) = (0, 100);
const MODE: (usize, usize) = (100, 8);
const USER: (usize, usize) = (108, 8);
const GROUP: (usize, usize) = (116, 8);
const SIZE: (usize, usize) = (124, 12);
const MODIFIED: (usize, usize) = (136, 12);
const CHECKSUM: (usize, usize) = (148, 8);
const KIND: usize = 156;
const MAGIC: (usize, usize) = (257, 8);
const DEVICE_MAJOR: (usize, usize) = (329, 8);
const DEVICE_MINOR: (usize, usize) = (337, 8);
const PREFIX: (usize, usize) = (345, 155);

impl Header {
    pub(super) fn to_block(&self) -> [u8; BLOCK] {
        let mut block = [0; BLOCK];
        let (prefix, name) = self.path.ustar_fields();
        put(&mut block, NAME, name.as_bytes());
        put(&mut block, MODE, if self.executable { b"0000755" } else { b"0000644" });
        put(&mut block, USER, b"0000000");
        put(&mut block, GROUP, b"0000000");
        put(&mut block, SIZE, format!("{:011o}", self.size).as_bytes());
        put(&mut block, MODIFIED, b"00000000000");
        block[KIND] = b'0';
        put(&mut block, MAGIC, b"ustar\x0000");
        put(&mut block, DEVICE_MAJOR, b"0000000");
        put(&mut block, DEVICE_MINOR, b"0000000");
        put(&mut block, PREFIX, prefix.as_bytes());
        // The sum is taken with its own field full of spaces.
        put(&mut block, CHECKSUM, b"        ");
        let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
        put(&mut block, CHECKSUM, format!("{sum:06o}\0 ").as_bytes());
        block
    }

    /// Reads a header, naming what is wrong with it as exactly as can be; in the end only the one form passes.
    pub(super) fn from_block(block: &[u8; BLOCK]) -> Result<Self, ArchiveError> {
        let shown = || shown_path(block);
        let forbidden = |what| Err(ArchiveError::ForbiddenEntry { path: shown(), what });
        if let Some(what) = forbidden_kind(block[KIND]) {
            return forbidden(what);
        }
        let mode = octal(field(block, MODE)).ok_or(ArchiveError::NonCanonical { what: "a mode is not octal" })?;
        if mode & !0o777 != 0 {
            return forbidden("an entry with a setuid, setgid or sticky bit");
        }
        let path: TreePath = shown().parse().map_err(ArchiveError::Path)?;
        let size = octal(field(block, SIZE)).ok_or(ArchiveError::NonCanonical { what: "a size is not octal" })?;
        if size > TreeLimit::FileBytes.value() {
            return Err(ArchiveError::Limit(ArchiveLimit::Tree(TreeLimit::FileBytes)));
        }
        let header = Self { path, size, executable: mode & 0o100 != 0 };
        if header.to_block() == *block {
            Ok(header)
        } else {
            Err(ArchiveError::NonCanonical { what: "a header is not in the one form that packages use" })
        }
    }
}

fn put(block: &mut [u8; BLOCK], (offset, length): (usize, usize), value: &[u8]) {
    let length = length.min(value.len());
    block[offset..offset + length].copy_from_slice(&value[..length]);
}

fn field(block: &[u8; BLOCK], (offset, length): (usize, usize)) -> &[u8] {
    let field = &block[offset..offset + length];
    field.split(|byte| *byte == 0).next().unwrap_or(field)
}

/// Digits alone: neither spaces nor the base-256 form of GNU tar.
fn octal(field: &[u8]) -> Option<u64> {
    let digits = std::str::from_utf8(field).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))?;
    u64::from_str_radix(digits, 8).ok()
}

/// The path as it stands in the header, whatever it is worth.
fn shown_path(block: &[u8; BLOCK]) -> String {
    let text = |range| String::from_utf8_lossy(field(block, range)).into_owned();
    match text(PREFIX) {
        prefix if prefix.is_empty() => text(NAME),
        prefix => format!("{prefix}/{}", text(NAME)),
    }
}

/// What an entry is that is not a regular file.
fn forbidden_kind(kind: u8) -> Option<&'static str> {
    Some(match kind {
        // The old form of a regular file is left to the comparison with the one form.
        b'0' | 0 => return None,
        b'1' => "a hard link",
        b'2' => "a symbolic link",
        b'3' | b'4' => "a device",
        b'5' => "a directory",
        b'6' => "a FIFO",
        b'7' => "a contiguous file",
        b'x' | b'g' => "a PAX header",
        b'L' | b'K' => "a GNU long name",
        b'S' => "a sparse file",
        _ => "an entry of an unknown kind",
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use proptest::prelude::*;

    use super::*;

    fn header(path: &str, size: u64, executable: bool) -> Header {
        Header { path: path.parse().unwrap(), size, executable }
    }

    proptest! {
        #[test]
        fn a_header_survives_its_block(
            // Three of the longest parts just fit into the prefix, and a path that does not is none.
            path in "x[a-z]{1,50}(/x[a-z]{1,50}){0,3}", size in 0..=TreeLimit::FileBytes.value(), executable: bool,
        ) {
            let header = header(&path, size, executable);
            prop_assert_eq!(Header::from_block(&header.to_block()).unwrap(), header);
        }

        #[test]
        fn a_changed_byte_is_another_header_or_none(at in 0..BLOCK, bits in 1u8..) {
            let header = header("lib/x.so", 42, false);
            let mut block = header.to_block();
            block[at] ^= bits;
            prop_assert!(Header::from_block(&block).is_err());
        }

        #[test]
        fn no_block_makes_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), BLOCK)) {
            let _ = Header::from_block(&bytes.try_into().unwrap());
        }
    }
}
