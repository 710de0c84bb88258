//! Fields of bodies: fixed little-endian numbers, and texts and bytes behind their length.

use crate::{Kind, ProtocolViolation};

/// What of a body is still to be read.
pub(crate) struct Reader<'a> {
    kind: Kind,
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) fn new(kind: Kind, body: &'a [u8]) -> Self {
        Self { kind, rest: body }
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], ProtocolViolation> {
        let (array, rest) = self.rest.split_first_chunk::<N>().ok_or(ProtocolViolation::Cut { kind: self.kind })?;
        self.rest = rest;
        Ok(*array)
    }

    pub(crate) fn u8(&mut self) -> Result<u8, ProtocolViolation> {
        self.array::<1>().map(|[byte]| byte)
    }

    pub(crate) fn u16(&mut self) -> Result<u16, ProtocolViolation> {
        self.array().map(u16::from_le_bytes)
    }

    pub(crate) fn u32(&mut self) -> Result<u32, ProtocolViolation> {
        self.array().map(u32::from_le_bytes)
    }

    pub(crate) fn u64(&mut self) -> Result<u64, ProtocolViolation> {
        self.array().map(u64::from_le_bytes)
    }

    pub(crate) fn bytes(&mut self) -> Result<&'a [u8], ProtocolViolation> {
        let length = self.u32()?;
        let split = usize::try_from(length).ok().and_then(|length| self.rest.split_at_checked(length));
        let (bytes, rest) = split.ok_or(ProtocolViolation::Cut { kind: self.kind })?;
        self.rest = rest;
        Ok(bytes)
    }

    pub(crate) fn text(&mut self) -> Result<&'a str, ProtocolViolation> {
        std::str::from_utf8(self.bytes()?).map_err(|_| ProtocolViolation::NotUtf8 { kind: self.kind })
    }

    /// All that is left.
    pub(crate) fn tail(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.rest)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(crate) fn wrong<T>(&self, field: &'static str) -> Result<T, ProtocolViolation> {
        Err(ProtocolViolation::WrongValue { kind: self.kind, field })
    }

    /// The end of the body.
    pub(crate) fn end(&self) -> Result<(), ProtocolViolation> {
        if self.rest.is_empty() { Ok(()) } else { Err(ProtocolViolation::TooLong { kind: self.kind }) }
    }
}

/// A length as it is written. One that does not fit makes the frame too large as well, which is refused.
fn length(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).unwrap_or(u32::MAX)
}

pub(crate) fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend_from_slice(&length(bytes).to_le_bytes());
    out.extend_from_slice(bytes);
}
