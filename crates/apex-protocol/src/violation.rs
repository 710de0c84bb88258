//! What is wrong with what the other side says.

use apex_meta::ErrorKind;

use crate::Kind;

/// What is wrong with what the other side says; the connection cannot be used any more.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProtocolViolation {
    /// A frame announces a longer body than was agreed on.
    #[error("a frame announces a body of {length} bytes, of at most {limit} that are allowed")]
    Oversized {
        /// What it announces.
        length: u32,
        /// What is allowed.
        limit: u32,
    },
    /// The kind's number is not in use.
    #[error("a frame is of kind {kind}, which does not exist")]
    UnknownKind {
        /// The number.
        kind: u8,
    },
    /// The kind exists, but is the other side's to send.
    #[error("a frame is of kind {kind:?}, which only the other side may send")]
    WrongSpeaker {
        /// The kind.
        kind: Kind,
    },
    /// Flags are set that the kind does not have, or reserved bytes are.
    #[error(
        "a frame of kind {kind:?} has flags {flags:#04x} that are not defined, or reserved bytes that are not zero"
    )]
    UndefinedFlags {
        /// The kind.
        kind: Kind,
        /// Its flags.
        flags: u8,
    },
    /// The body ends within a field.
    #[error("a frame of kind {kind:?} ends within a field")]
    Cut {
        /// The kind.
        kind: Kind,
    },
    /// The body goes on after its last field.
    #[error("a frame of kind {kind:?} goes on after its last field")]
    TooLong {
        /// The kind.
        kind: Kind,
    },
    /// A text is not UTF-8.
    #[error("a text in a frame of kind {kind:?} is not UTF-8")]
    NotUtf8 {
        /// The kind.
        kind: Kind,
    },
    /// A field has a value that does not exist.
    #[error("a frame of kind {kind:?} has a wrong {field}")]
    WrongValue {
        /// The kind.
        kind: Kind,
        /// The field.
        field: &'static str,
    },
    /// The handshake does not begin with the magic bytes.
    #[error("the other side does not speak this protocol: its first bytes are wrong")]
    NoMagic,
    /// A handshake comes where there is none, or another kind where there must be one.
    #[error("a frame of kind {kind:?} comes out of order with the handshake")]
    Handshake {
        /// The kind.
        kind: Kind,
    },
    /// A frame is about a number that was never given out.
    #[error("a frame of kind {kind:?} is about {number}, which was never asked")]
    NeverAsked {
        /// The kind.
        kind: Kind,
        /// The number.
        number: u64,
    },
    /// A frame is about something that was answered already.
    #[error("a frame of kind {kind:?} is about {number}, which was answered already")]
    AfterAnswer {
        /// The kind.
        kind: Kind,
        /// The number.
        number: u64,
    },
    /// A frame does not fit what was asked, such as a chunk where one result is due.
    #[error("a frame of kind {kind:?} is no answer to {number}, which asked for something else")]
    WrongAnswer {
        /// The kind.
        kind: Kind,
        /// The number.
        number: u64,
    },
    /// A chunk comes that was not asked for.
    #[error("a chunk of {number} comes that was not asked for")]
    NoCredit {
        /// The number.
        number: u64,
    },
    /// A question's number does not count up.
    #[error("a question has the number {number}, which does not follow {last}")]
    QuestionOutOfOrder {
        /// The number.
        number: u64,
        /// The one before.
        last: u64,
    },
    /// More questions are open than allowed.
    #[error("more than {limit} questions are open at once")]
    TooManyQuestions {
        /// What is allowed.
        limit: usize,
    },
}

impl ProtocolViolation {
    /// The kind of error that callers see.
    pub const fn kind(&self) -> ErrorKind {
        ErrorKind::ProtocolViolation
    }

    /// The stable code.
    pub const fn code(&self) -> &'static str {
        self.kind().code()
    }

    /// What can be done about it.
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::Oversized { .. } => "let the plugin send less at once, or raise the limit",
            Self::NoMagic | Self::Handshake { .. } => {
                "see that the child program is `apex-host` or calls `run_if_child()`, and that nothing writes to its socket"
            }
            _ => "the plugin's process is broken or hostile: report it to the plugin's author",
        }
    }
}
