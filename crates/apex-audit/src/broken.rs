//! How a chain can be broken.

use std::{io, sync::Arc};

/// Why a log is not the chain that was written, and from which line on; lines count from 1.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Broken {
    /// The line's bytes are not those that were sealed.
    #[error("line {line} of the audit log was changed: its seal does not hold")]
    Seal {
        /// The line.
        line: u64,
    },
    /// The seal holds, but the line is none of this format.
    #[error("line {line} of the audit log is not of this format: {what}")]
    Malformed {
        /// The line.
        line: u64,
        /// What is wrong with it.
        what: String,
    },
    /// The line does not bear the next number: lines were removed, inserted or moved.
    #[error("line {line} of the audit log bears the number {found}: lines were removed, inserted or moved")]
    Sequence {
        /// The line, which is also the number that it should bear.
        line: u64,
        /// The number that it bears.
        found: u64,
    },
    /// The line was written after another one than the one before it.
    #[error("line {line} of the audit log does not follow the line before it: one of both was replaced")]
    Link {
        /// The line.
        line: u64,
    },
    /// The last line has no end, as a crash while it was written leaves it; the next record sets it aside.
    #[error("line {line} of the audit log is torn: it has no end")]
    Torn {
        /// The line.
        line: u64,
    },
    /// The line is longer than any that is written.
    #[error("line {line} of the audit log is longer than {} bytes", crate::MAX_LINE_BYTES)]
    TooLong {
        /// The line.
        line: u64,
    },
    /// The log ends before the known head: lines were cut off its end.
    #[error("the audit log ends at line {lines}, but line {known} is known to have been there: its end was cut off")]
    CutOff {
        /// How many lines there are.
        lines: u64,
        /// How many there were at least.
        known: u64,
    },
    /// The line that the known head names is another one: the log was made anew.
    #[error("line {line} of the audit log is not the one that is known: the log was made anew")]
    Replaced {
        /// The line.
        line: u64,
    },
    /// The log cannot be read on.
    #[error("line {line} of the audit log cannot be read")]
    Unreadable {
        /// The line.
        line: u64,
        /// What the system says.
        #[source]
        source: Arc<io::Error>,
    },
}

impl Broken {
    /// The stable error code.
    pub const CODE: &'static str = "AuditBroken";

    /// The line from which on nothing can be relied upon.
    pub fn line(&self) -> u64 {
        match *self {
            Self::Seal { line }
            | Self::Malformed { line, .. }
            | Self::Sequence { line, .. }
            | Self::Link { line }
            | Self::Torn { line }
            | Self::TooLong { line }
            | Self::Replaced { line }
            | Self::Unreadable { line, .. } => line,
            Self::CutOff { lines, .. } => lines + 1,
        }
    }

    /// What the reader can do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::Torn { .. } => "a crash leaves such a line; the next record sets it aside and says so".into(),
            Self::Unreadable { .. } => "check the file and the disk that it is on".into(),
            _ => "keep the file as it is for whoever looks into it, and move it away so that a new log begins".into(),
        }
    }
}
