//! Bytes into frames, however they are cut.

use bytes::{Bytes, BytesMut};

use crate::{Kind, Message, ProtocolViolation, Speaker};

/// The bytes before a body: its length (`u32`), the kind (`u8`), flags (`u8`), two zero bytes, the number (`u64`).
pub const HEADER: usize = 16;

/// The longest body that is taken unless something else is agreed on: 16 MiB.
pub const DEFAULT_MAX_BODY: u32 = 16 << 20;

/// The longest body of a handshake, of which nothing was agreed on yet.
pub const HELLO_MAX_BODY: u32 = 4096;

/// How much room is made for reads.
const READ: usize = 128 << 10;

/// How little room may be left before more is made.
const SHORT_READ: usize = 32 << 10;

/// How much room a read gets at most, so that an announced length alone takes no memory.
const LONG_READ: usize = 1 << 20;

/// Turns bytes into frames.
///
/// After a violation every further frame is that violation: there is no way to find the next frame.
#[derive(Debug)]
pub struct Decoder {
    speaker: Speaker,
    max_body: u32,
    /// What came, and after it bytes without meaning, so that room for reads is cleared once and not for each.
    buffer: BytesMut,
    filled: usize,
    broken: Option<ProtocolViolation>,
}

impl Decoder {
    /// A decoder of what a side says, for bodies of up to so many bytes.
    ///
    /// Begin with [`HELLO_MAX_BODY`], and go on with what was agreed on.
    pub fn new(speaker: Speaker, max_body: u32) -> Self {
        Self { speaker, max_body, buffer: BytesMut::new(), filled: 0, broken: None }
    }

    /// Changes the longest body for the frames that were not given out yet.
    pub fn set_max_body(&mut self, max_body: u32) {
        self.max_body = max_body;
    }

    /// Takes bytes that came, with one copy.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.buffer.truncate(self.filled);
        self.buffer.extend_from_slice(bytes);
        self.filled = self.buffer.len();
    }

    /// Room to read into, without a copy; what was read is then told by [`filled`](Self::filled).
    pub fn space(&mut self) -> &mut [u8] {
        let missing = match self.peek() {
            Ok(Some(header)) => header.frame_length().saturating_sub(self.filled),
            _ => 0,
        };
        let wanted = missing.clamp(READ, LONG_READ);
        if self.buffer.len() - self.filled < SHORT_READ {
            // What is cut off here would be copied along.
            self.buffer.truncate(self.filled);
            self.buffer.resize(self.filled + wanted, 0);
        }
        &mut self.buffer[self.filled..]
    }

    /// Takes the first `read` bytes of the room that [`space`](Self::space) gave; more than there was counts as all.
    pub fn filled(&mut self, read: usize) {
        self.filled = self.filled.saturating_add(read).min(self.buffer.len());
    }

    /// How many bytes wait that make no whole frame, or were not asked for yet.
    pub fn waiting(&self) -> usize {
        self.filled
    }

    /// The next frame, or nothing before more bytes come.
    ///
    /// # Errors
    /// The header breaks a rule.
    pub fn next_frame(&mut self) -> Result<Option<Frame>, ProtocolViolation> {
        if let Some(broken) = &self.broken {
            return Err(broken.clone());
        }
        let header = match self.peek() {
            Ok(Some(header)) => header,
            Ok(None) => return Ok(None),
            Err(violation) => {
                self.broken = Some(violation.clone());
                return Err(violation);
            }
        };
        let length = header.frame_length();
        if self.filled < length {
            return Ok(None);
        }
        let bytes = self.buffer.split_to(length).freeze();
        self.filled -= length;
        if length > LONG_READ {
            // What follows shares the frame's memory, and would keep it.
            self.buffer = BytesMut::from(&self.buffer[..self.filled]);
        }
        Ok(Some(Frame { header, bytes }))
    }

    fn peek(&self) -> Result<Option<Header>, ProtocolViolation> {
        let Some(header) = self.buffer[..self.filled].first_chunk::<HEADER>() else { return Ok(None) };
        Header::read(header, self.speaker, self.max_body).map(Some)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Header {
    length: u32,
    kind: Kind,
    flags: u8,
    number: u64,
}

impl Header {
    fn read(header: &[u8; HEADER], speaker: Speaker, limit: u32) -> Result<Self, ProtocolViolation> {
        let [a, b, c, d, kind, flags, reserved @ .., n0, n1, n2, n3, n4, n5, n6, n7] = *header;
        let length = u32::from_le_bytes([a, b, c, d]);
        let kind = Kind::from_number(kind).ok_or(ProtocolViolation::UnknownKind { kind })?;
        if !kind.is_said_by(speaker) {
            return Err(ProtocolViolation::WrongSpeaker { kind });
        }
        if flags & !kind.flags() != 0 || reserved != [0, 0] {
            return Err(ProtocolViolation::UndefinedFlags { kind, flags });
        }
        if length > limit {
            return Err(ProtocolViolation::Oversized { length, limit });
        }
        let number = u64::from_le_bytes([n0, n1, n2, n3, n4, n5, n6, n7]);
        Ok(Self { length, kind, flags, number })
    }

    fn frame_length(&self) -> usize {
        usize::try_from(self.length).unwrap_or(usize::MAX).saturating_add(HEADER)
    }
}

/// A whole frame, whose header keeps the rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    header: Header,
    bytes: Bytes,
}

impl Frame {
    /// The kind.
    pub fn kind(&self) -> Kind {
        self.header.kind
    }

    /// The number of what it is about.
    pub fn number(&self) -> u64 {
        self.header.number
    }

    /// The body.
    pub fn body(&self) -> &[u8] {
        &self.bytes[HEADER..]
    }

    /// Reads the body.
    ///
    /// # Errors
    /// It breaks a rule.
    pub fn message(&self) -> Result<Message<'_>, ProtocolViolation> {
        Message::read(self.header.kind, self.header.flags, self.body())
    }

    /// Keeps a part of the body, such as a chunk, without a copy; it keeps the frame's memory.
    ///
    /// Bytes that are not a part of it are copied.
    pub fn share(&self, part: &[u8]) -> Bytes {
        let (whole, wanted) = (self.bytes.as_ptr_range(), part.as_ptr_range());
        if part.is_empty() {
            return Bytes::new();
        }
        if whole.start <= wanted.start && wanted.end <= whole.end {
            return self.bytes.slice_ref(part);
        }
        Bytes::copy_from_slice(part)
    }
}
