//! The file of one root.
//!
//! ```text
//! "APXC"   u32 format   u64 length of the index   u64 length of the file
//! index:   [u8; 32] epoch   u8 1 if the names need not be listed   [u8; 56] the root's stamp
//!          u32 length   the root's path   u32 count   { u32 length   unit } ...
//! [u8; 32] BLAKE3 of all above
//! texts of the `plugin.json`s, each with its hash in the index
//! ```
//!
//! The index is read as a whole and decoded in place. The texts stay in the file until somebody asks for one, which is
//! why they have hashes of their own. Anything that is off, and the whole file says nothing.

use std::{fs::File, io, path::Path, sync::Arc};

use apex_files::Stamp;

use super::Epoch;
use crate::{bytes::Bytes, metadata::read_at, record::Record, unit::Unit};

const MAGIC: &[u8; 4] = b"APXC";
const FORMAT: u32 = 3;
const HEAD: usize = 24;
const HASH: usize = 32;

/// What a file says.
pub(super) struct Kept {
    pub(super) epoch: Epoch,
    pub(super) record: Record,
}

/// Reads a file.
///
/// # Errors
/// It cannot be read, or anything in it is off.
pub(super) fn read(file: &Arc<File>) -> io::Result<Kept> {
    let off = || io::Error::new(io::ErrorKind::InvalidData, "it is not a whole file of this format");
    let length = file.metadata()?.len();
    let head = read_at(file, 0, HEAD)?;
    let index_length = index_length(&head, length).ok_or_else(off)?;
    let bytes = read_at(file, 0, HEAD + index_length + HASH)?;
    let (hashed, hash) = bytes.split_at(HEAD + index_length);
    if blake3::hash(hashed).as_bytes() != hash {
        return Err(off());
    }
    let bytes = Arc::new(bytes);
    decode(&bytes, index_length, file, length).ok_or_else(off)
}

fn index_length(head: &[u8], length: u64) -> Option<usize> {
    let mut head = Bytes::new(head);
    let is_ours = head.take(4)? == MAGIC && head.u32()? == FORMAT;
    let (index_length, file_length) = (head.u64()?, head.u64()?);
    let fits = index_length.checked_add((HEAD + HASH) as u64)? <= length && file_length == length;
    (is_ours && fits).then(|| usize::try_from(index_length).ok()).flatten()
}

fn decode(bytes: &Arc<Vec<u8>>, index_length: usize, file: &Arc<File>, length: u64) -> Option<Kept> {
    let end = HEAD + index_length;
    let mut index = Bytes::new(bytes.get(HEAD..end)?);
    let epoch = Epoch(index.array()?);
    let is_listed = index.u8()? != 0;
    let stamp = Stamp::from_bytes(index.array()?);
    let path_length = index.u32()?;
    let path = path_of(index.take(path_length as usize)?)?;
    let count = index.u32()?;
    let mut record = Record::empty(&path);
    record.stamp = is_listed.then_some(stamp);
    for _ in 0..count {
        let unit_length = index.u32()? as usize;
        let start = end - index.rest().len();
        index.take(unit_length)?;
        let unit = Unit::in_file(bytes, start..start + unit_length, file, length)?;
        if record.units.last().is_some_and(|before| before.name() >= unit.name()) {
            return None;
        }
        record.units.push(unit);
    }
    index.rest().is_empty().then_some(Kept { epoch, record })
}

/// Everything of a file but the texts.
///
/// # Errors
/// There is too much of it.
pub(super) fn index(record: &Record, epoch: &Epoch) -> io::Result<Vec<u8>> {
    let too_much = |_| io::Error::from(io::ErrorKind::FileTooLarge);
    let path = path_bytes(&record.path);
    let units: usize = record.units.iter().map(|unit| unit.length() + 4).sum();
    let index_length = 32 + 1 + Stamp::LENGTH + 4 + path.len() + 4 + units;
    let texts: u64 = record.units.iter().map(|unit| u64::from(unit.texts_length())).sum();
    let mut text_at = (HEAD + index_length + HASH) as u64;
    let mut bytes = Vec::with_capacity(HEAD + index_length + HASH);
    bytes.extend(MAGIC);
    bytes.extend(FORMAT.to_le_bytes());
    bytes.extend((index_length as u64).to_le_bytes());
    bytes.extend((text_at + texts).to_le_bytes());
    bytes.extend(epoch.0);
    bytes.push(u8::from(record.stamp.is_some()));
    bytes.extend(record.stamp.map_or([0; Stamp::LENGTH], |stamp| *stamp.as_bytes()));
    bytes.extend(u32::try_from(path.len()).map_err(too_much)?.to_le_bytes());
    bytes.extend(path);
    bytes.extend(u32::try_from(record.units.len()).map_err(too_much)?.to_le_bytes());
    for unit in &record.units {
        bytes.extend(u32::try_from(unit.length()).map_err(too_much)?.to_le_bytes());
        unit.write_to(&mut bytes, text_at);
        text_at += u64::from(unit.texts_length());
    }
    let hash = blake3::hash(&bytes);
    bytes.extend(hash.as_bytes());
    Ok(bytes)
}

fn path_bytes(path: &Path) -> &[u8] {
    path.as_os_str().as_encoded_bytes()
}

#[cfg(unix)]
fn path_of(bytes: &[u8]) -> Option<std::path::PathBuf> {
    let path: &std::ffi::OsStr = std::os::unix::ffi::OsStrExt::from_bytes(bytes);
    Some(path.into())
}

#[cfg(not(unix))]
fn path_of(bytes: &[u8]) -> Option<std::path::PathBuf> {
    std::str::from_utf8(bytes).ok().map(Into::into)
}
