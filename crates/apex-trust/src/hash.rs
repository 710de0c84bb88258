//! One face for the two hash functions of digests, and for reading what they hash.

use apex_meta::DigestAlgorithm;
use sha2::Digest as _;

/// A running hash of either algorithm.
pub(crate) enum Hasher {
    /// Boxed, since its state is some two kilobytes.
    Blake3(Box<blake3::Hasher>),
    Sha256(sha2::Sha256),
}

impl Hasher {
    pub(crate) fn new(algorithm: DigestAlgorithm) -> Self {
        match algorithm {
            DigestAlgorithm::Blake3 => Self::Blake3(Box::default()),
            DigestAlgorithm::Sha256 => Self::Sha256(sha2::Sha256::new()),
        }
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Blake3(hasher) => {
                hasher.update(bytes);
            }
            Self::Sha256(hasher) => hasher.update(bytes),
        }
    }

    pub(crate) fn finish(self) -> [u8; 32] {
        match self {
            Self::Blake3(hasher) => hasher.finalize().into(),
            Self::Sha256(hasher) => hasher.finalize().into(),
        }
    }
}

/// Reads from a place of a file on, without moving a cursor that others share.
#[cfg(unix)]
pub(crate) fn read_at(file: &std::fs::File, buffer: &mut [u8], offset: u64) -> std::io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, buffer, offset)
}

/// Elsewhere there are no trees to read.
#[cfg(not(unix))]
pub(crate) fn read_at(_file: &std::fs::File, _buffer: &mut [u8], _offset: u64) -> std::io::Result<usize> {
    Err(std::io::ErrorKind::Unsupported.into())
}
