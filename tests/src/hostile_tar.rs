//! Tar archives put together by hand, as an attacker would; the tests of apex-package include this file.
#![allow(dead_code, reason = "each crate that includes this file uses a part of it")]
#![allow(unreachable_pub, reason = "public in the crate that owns it, private where it is included")]

/// The unit of a tar archive, in bytes.
pub const BLOCK: usize = 512;

/// A tar archive in the making: entries are in the one form that packages use, until a test changes them.
#[derive(Debug, Clone, Default)]
pub struct HostileTar(Vec<u8>);

impl HostileTar {
    /// Adds a file.
    #[must_use]
    pub fn file(self, path: &str, content: &[u8]) -> Self {
        self.entry(path, content, |_| {})
    }

    /// Adds an empty entry of a kind, such as `b'2'` for a symbolic link.
    #[must_use]
    pub fn kind(self, path: &str, kind: u8) -> Self {
        self.entry(path, b"", |block| block[156] = kind)
    }

    /// Adds a file whose header is changed after the fact, its checksum then put right.
    #[must_use]
    pub fn entry(mut self, path: &str, content: &[u8], change: impl FnOnce(&mut [u8; BLOCK])) -> Self {
        let mut block = header(path, content.len());
        change(&mut block);
        block[148..156].fill(b' ');
        let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
        block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        self.0.extend_from_slice(&block);
        self.0.extend_from_slice(content);
        self.0.resize(self.0.len().next_multiple_of(BLOCK), 0);
        self
    }

    /// The bytes so far, to be spoilt.
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.0
    }

    /// The archive, with the two empty blocks at its end.
    #[must_use]
    pub fn end(mut self) -> Vec<u8> {
        self.0.extend_from_slice(&[0; 2 * BLOCK]);
        self.0
    }
}

fn header(path: &str, size: usize) -> [u8; BLOCK] {
    let mut block = [0; BLOCK];
    let size = format!("{size:011o}");
    for (offset, field) in [
        (0, path.as_bytes()),
        (100, b"0000644"),
        (108, b"0000000"),
        (116, b"0000000"),
        (124, size.as_bytes()),
        (136, b"00000000000"),
        (156, b"0"),
        (257, b"ustar\x0000"),
        (329, b"0000000"),
        (337, b"0000000"),
    ] {
        block[offset..offset + field.len()].copy_from_slice(field);
    }
    block
}
