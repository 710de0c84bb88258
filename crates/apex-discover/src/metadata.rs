//! The text of a `plugin.json` that was read a while ago, and the document in it when somebody asks for it.

use std::{
    ffi::OsStr,
    fs::File,
    io,
    path::Path,
    sync::{Arc, OnceLock},
};

use apex_meta::{Document, JsonLimits};

use crate::{candidate::MANIFEST, directory::Directory};

/// The document of a `plugin.json`, which may not have been parsed yet in this process.
#[derive(Debug)]
pub(crate) struct Metadata {
    document: OnceLock<Option<Document>>,
    hash: [u8; 32],
    text: Option<Text>,
}

/// Where the text is kept, and which text it is.
#[derive(Debug, Clone)]
pub(crate) struct Text {
    pub(crate) bodies: Bodies,
    /// Where in the bodies it begins.
    pub(crate) offset: u32,
    pub(crate) length: u32,
}

/// Texts one after the other.
#[derive(Debug, Clone)]
pub(crate) enum Bodies {
    Memory(Arc<[u8]>),
    /// In a file, from this byte on. The file stays open, so that a newer one that takes its place changes nothing.
    File(Arc<File>, u64),
}

impl Metadata {
    /// Of a document that has just been read from a text.
    pub(crate) fn read(document: Document, text: &[u8]) -> Self {
        Self { document: OnceLock::from(Some(document)), hash: *blake3::hash(text).as_bytes(), text: None }
    }

    /// Of a text with this hash, which is parsed when it is needed.
    pub(crate) fn stored(text: Text, hash: [u8; 32]) -> Self {
        Self { document: OnceLock::new(), hash, text: Some(text) }
    }

    /// The BLAKE3 hash of the text.
    pub(crate) fn hash(&self) -> &[u8; 32] {
        &self.hash
    }

    /// The document; none if its text is not to be had any more.
    pub(crate) fn document(&self, directory: &Path) -> Option<&Document> {
        self.document.get_or_init(|| self.parse(directory)).as_ref()
    }

    /// The same text is the same document, whoever kept it.
    fn parse(&self, directory: &Path) -> Option<Document> {
        let kept = self.text.as_ref().and_then(|text| text.bodies.read(text.offset, text.length).ok());
        let bytes = kept.filter(|bytes| self.is(bytes)).or_else(|| self.read_again(directory));
        let document = bytes.and_then(|bytes| Document::parse(&bytes).ok());
        if document.is_none() {
            tracing::warn!(
                directory = %directory.display(),
                "the plugin.json of the last scan is not to be had any more; scan again"
            );
        }
        document
    }

    fn read_again(&self, directory: &Path) -> Option<Vec<u8>> {
        let directory = Directory::open_resolved(directory).ok()?;
        let (bytes, _) = directory.read(OsStr::new(MANIFEST), JsonLimits::METADATA.max_bytes as u64 + 1).ok()?;
        self.is(&bytes).then_some(bytes)
    }

    fn is(&self, bytes: &[u8]) -> bool {
        *blake3::hash(bytes).as_bytes() == self.hash
    }
}

impl Bodies {
    /// So many bytes from a place on.
    ///
    /// # Errors
    /// There are not so many, or they cannot be read.
    pub(crate) fn read(&self, offset: u32, length: u32) -> io::Result<Vec<u8>> {
        match self {
            Self::Memory(bytes) => {
                let start = offset as usize;
                let bytes = start.checked_add(length as usize).and_then(|end| bytes.get(start..end));
                bytes.map(<[u8]>::to_vec).ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
            }
            Self::File(file, start) => read_at(file, start.saturating_add(u64::from(offset)), length as usize),
        }
    }
}

/// Reads so many bytes of a file from a place on; a length that the file does not have takes no memory.
#[cfg(unix)]
pub(crate) fn read_at(file: &File, offset: u64, length: usize) -> io::Result<Vec<u8>> {
    use std::os::unix::fs::FileExt as _;
    let end = u64::try_from(length).ok().and_then(|length| offset.checked_add(length));
    if end.is_none_or(|end| file.metadata().map_or(true, |metadata| metadata.len() < end)) {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let mut bytes = vec![0; length];
    file.read_exact_at(&mut bytes, offset)?;
    Ok(bytes)
}

/// There are no stamps here, so nothing is ever kept in a file.
#[cfg(not(unix))]
pub(crate) fn read_at(_file: &File, _offset: u64, _length: usize) -> io::Result<Vec<u8>> {
    Err(io::ErrorKind::Unsupported.into())
}
