//! BLAKE3 of one content by several threads: its tree of chunks falls into subtrees that can be hashed apart (section 2.1
//! of the BLAKE3 paper).

use std::io;

use blake3::{
    Hasher,
    hazmat::{ChainingValue, HasherExt, Mode, left_subtree_len, merge_subtrees_non_root, merge_subtrees_root},
};

use super::{ReadAt, read_some};

/// The size of each part but the last: a power of two of chunks, so that each part is a subtree.
pub(super) const PART: u64 = 1 << 20;

/// How many parts a content has.
pub(super) fn count(size: u64) -> usize {
    usize::try_from(size.div_ceil(PART)).unwrap_or(usize::MAX)
}

/// Hashes a part of a content of more than one; none, if the content is shorter than was said.
pub(super) fn hash(read: &impl ReadAt, size: u64, part: usize, buffer: &mut [u8]) -> io::Result<Option<ChainingValue>> {
    let start = part as u64 * PART;
    let length = PART.min(size.saturating_sub(start));
    let mut hasher = Hasher::new();
    hasher.set_input_offset(start);
    let mut hashed = 0;
    while hashed < length {
        let wanted = usize::try_from(length - hashed).unwrap_or(usize::MAX).min(buffer.len());
        match read_some(read, &mut buffer[..wanted], start + hashed)? {
            0 => return Ok(None),
            count => {
                hasher.update(&buffer[..count]);
                hashed += count as u64;
            }
        }
    }
    Ok(Some(hasher.finalize_non_root()))
}

/// The hash of a content by its parts, in order; none, if it has not the size that was said.
pub(super) fn together(read: &impl ReadAt, size: u64, parts: &[ChainingValue]) -> io::Result<Option<[u8; 32]>> {
    // Nothing may have been added meanwhile.
    if parts.len() < 2 || parts.len() != count(size) || read_some(read, &mut [0], size)? != 0 {
        return Ok(None);
    }
    let (left, right) = children(parts, size);
    Ok(Some(merge_subtrees_root(&left, &right, Mode::Hash).into()))
}

/// The two subtrees of a tree over parts whose contents have a length together.
fn children(values: &[ChainingValue], length: u64) -> (ChainingValue, ChainingValue) {
    let left = left_subtree_len(length);
    let (left_values, right_values) = values.split_at(usize::try_from(left / PART).unwrap_or(usize::MAX));
    (subtree(left_values, left), subtree(right_values, length - left))
}

fn subtree(values: &[ChainingValue], length: u64) -> ChainingValue {
    match values {
        [value] => *value,
        values => {
            let (left, right) = children(values, length);
            merge_subtrees_non_root(&left, &right, Mode::Hash)
        }
    }
}
