//! The handshake: who speaks what.

use crate::{
    Kind, Message, ProtocolViolation, TooLarge,
    decoder::HELLO_MAX_BODY,
    fields::{Reader, put_bytes},
};

/// The first bytes of a handshake's body.
pub const MAGIC: [u8; 4] = *b"APXP";

/// The version that this release speaks.
pub const VERSION: u16 = 1;

/// The most features that a handshake may name.
pub const MAX_FEATURES: usize = 64;

/// What a side says first: which versions it speaks, what it takes, and what else it can do.
///
/// Later releases may add fields at the end, which earlier ones do not read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hello {
    /// The lowest version that it speaks.
    pub lowest: u16,
    /// The highest version that it speaks.
    pub highest: u16,
    /// The longest body that it takes.
    pub max_body: u32,
    /// What it can do beyond its version; unknown ones are ignored.
    pub features: Vec<String>,
}

/// What two sides agreed on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agreement {
    /// The version that both speak from now on.
    pub version: u16,
    /// The longest body that this side may send.
    pub send_max: u32,
    /// The longest body that this side takes.
    pub receive_max: u32,
    /// What both can do beyond the version, in this side's order.
    pub features: Vec<String>,
}

/// Two sides that have no version in common.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the child speaks versions {} to {} of the protocol, this side {} to {}",
    theirs.0, theirs.1, ours.0, ours.1
)]
pub struct NoCommonVersion {
    ours: (u16, u16),
    theirs: (u16, u16),
}

impl NoCommonVersion {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        apex_meta::ErrorKind::ProtocolViolation.code()
    }

    /// What can be done about it.
    pub const fn hint(&self) -> &'static str {
        "take the `apex-host` of the same release as the host"
    }
}

impl Hello {
    /// The handshake of this release, which takes bodies of up to so many bytes.
    pub fn new(max_body: u32) -> Self {
        Self { lowest: VERSION, highest: VERSION, max_body, features: Vec::new() }
    }

    /// Appends the frame.
    ///
    /// # Errors
    /// The features are too many or too long.
    pub fn write(&self, out: &mut Vec<u8>) -> Result<(), TooLarge> {
        let mut body = MAGIC.to_vec();
        body.extend_from_slice(&self.lowest.to_le_bytes());
        body.extend_from_slice(&self.highest.to_le_bytes());
        body.extend_from_slice(&self.max_body.to_le_bytes());
        let too_many = TooLarge { length: self.features.len(), limit: MAX_FEATURES };
        if self.features.len() > MAX_FEATURES {
            return Err(too_many);
        }
        let count = u16::try_from(self.features.len()).map_err(|_| too_many)?;
        body.extend_from_slice(&count.to_le_bytes());
        self.features.iter().for_each(|feature| put_bytes(&mut body, feature.as_bytes()));
        Message::Hello(&body).write(out, 0, HELLO_MAX_BODY)
    }

    /// Reads the first message of the other side.
    ///
    /// # Errors
    /// It is no handshake.
    pub fn read(message: &Message<'_>) -> Result<Self, ProtocolViolation> {
        let Message::Hello(body) = message else {
            return Err(ProtocolViolation::Handshake { kind: message.kind() });
        };
        let mut body = Reader::new(Kind::Hello, body);
        if body.array::<4>()? != MAGIC {
            return Err(ProtocolViolation::NoMagic);
        }
        let (lowest, highest, max_body) = (body.u16()?, body.u16()?, body.u32()?);
        if lowest > highest {
            return body.wrong("range of versions");
        }
        let count = body.u16()?;
        if usize::from(count) > MAX_FEATURES {
            return body.wrong("count of features");
        }
        let features = (0..count).map(|_| body.text().map(str::to_owned)).collect::<Result<_, _>>()?;
        Ok(Self { lowest, highest, max_body, features })
    }

    /// What this side and the other have in common: the highest version that both speak.
    ///
    /// # Errors
    /// They have no version in common.
    pub fn agree(&self, other: &Self) -> Result<Agreement, NoCommonVersion> {
        let version = self.highest.min(other.highest);
        if version < self.lowest.max(other.lowest) {
            let (ours, theirs) = ((self.lowest, self.highest), (other.lowest, other.highest));
            return Err(NoCommonVersion { ours, theirs });
        }
        let features = self.features.iter().filter(|feature| other.features.contains(feature)).cloned().collect();
        Ok(Agreement { version, send_max: other.max_body, receive_max: self.max_body, features })
    }
}
