//! Several chunks in one frame, since small ones would cost more for their headers than for themselves.

use crate::{
    Kind, ProtocolViolation, TooLarge,
    decoder::HEADER,
    fields::{Reader, put_bytes},
    message::{begin, finish},
};

/// What a chunk is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ChunkForm {
    /// Bytes.
    Bytes,
    /// One JSON value.
    Json,
}

impl ChunkForm {
    pub(crate) const fn number(self) -> u8 {
        match self {
            Self::Bytes => 0,
            Self::Json => 1,
        }
    }
}

/// The chunks of one frame, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackedChunks<'a> {
    body: &'a [u8],
    count: u32,
}

impl<'a> PackedChunks<'a> {
    pub(crate) fn read(body: &'a [u8]) -> Result<Self, ProtocolViolation> {
        let mut reader = Reader::new(Kind::Chunks, body);
        let mut count = 0;
        while !reader.is_empty() {
            if reader.u8()? > 1 {
                return reader.wrong("form of a chunk");
            }
            reader.bytes()?;
            count += 1;
        }
        if count == 0 { reader.wrong("number of chunks") } else { Ok(Self { body, count }) }
    }

    /// How many there are; at least one.
    pub fn count(&self) -> u32 {
        self.count
    }

    pub(crate) fn body(&self) -> &'a [u8] {
        self.body
    }

    /// The chunks.
    pub fn iter(&self) -> impl Iterator<Item = (ChunkForm, &'a [u8])> + use<'a> {
        let mut reader = Reader::new(Kind::Chunks, self.body);
        // It was read once: no field is missing before the end.
        std::iter::from_fn(move || {
            let form = if reader.u8().ok()? == 0 { ChunkForm::Bytes } else { ChunkForm::Json };
            Some((form, reader.bytes().ok()?))
        })
    }
}

/// Writes several chunks as one frame; nothing is written if there were none.
#[derive(Debug)]
pub struct Pack<'o> {
    out: &'o mut Vec<u8>,
    start: usize,
    limit: usize,
    number: u64,
}

impl<'o> Pack<'o> {
    /// Begins a frame at the end of `out`.
    pub fn begin(out: &'o mut Vec<u8>, number: u64, max_body: u32) -> Self {
        let start = out.len();
        begin(out);
        Self { out, start, limit: usize::try_from(max_body).unwrap_or(usize::MAX), number }
    }

    /// The bytes of the body so far.
    pub fn body_length(&self) -> usize {
        self.out.len() - self.start - HEADER
    }

    /// Adds a chunk.
    ///
    /// # Errors
    /// It does not fit into this frame; what was added before stays.
    pub fn push(&mut self, form: ChunkForm, chunk: &[u8]) -> Result<(), TooLarge> {
        let length = self.body_length().saturating_add(chunk.len()).saturating_add(5);
        if length > self.limit {
            return Err(TooLarge { length, limit: self.limit });
        }
        self.out.push(form.number());
        put_bytes(self.out, chunk);
        Ok(())
    }
}

impl Drop for Pack<'_> {
    fn drop(&mut self) {
        match u32::try_from(self.body_length()) {
            Ok(length) if length > 0 => finish(self.out, self.start, (length, Kind::Chunks, 0, self.number)),
            // `push` keeps to a limit that is a `u32`.
            _ => self.out.truncate(self.start),
        }
    }
}
