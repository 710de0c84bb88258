//! Why a text is not strict JSON, and where.

use std::fmt;

use super::position::{line_and_column, offset_of, start_of_excess, start_of_number, start_of_string};
use crate::FaultCode;

/// Why a text is not strict JSON: a stable code, the place, and a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JsonError {
    fault: JsonFault,
    pointer: String,
    offset: usize,
    line: u32,
    column: u32,
}

/// What is wrong with a text that should be strict JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum JsonFault {
    DuplicateKey { key: String },
    NumberOutOfRange,
    TooLarge { bytes: usize, limit: usize },
    TooDeep { limit: usize },
    ByteOrderMark,
    BadUtf8,
    Syntax { message: String, hint: Option<&'static str> },
}

impl JsonFault {
    pub(crate) fn code(&self) -> FaultCode {
        match self {
            Self::DuplicateKey { .. } => FaultCode::DuplicateKey,
            Self::NumberOutOfRange => FaultCode::NumberOutOfRange,
            Self::TooLarge { .. } => FaultCode::MetadataTooLarge,
            Self::TooDeep { .. } => FaultCode::MetadataTooDeep,
            Self::ByteOrderMark | Self::BadUtf8 | Self::Syntax { .. } => FaultCode::MetadataSyntax,
        }
    }

    pub(crate) fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::DuplicateKey { .. } => "remove one of the two: readers disagree on which of them counts",
            Self::NumberOutOfRange => "write a larger number as a string",
            Self::ByteOrderMark => "save the file as UTF-8 without a byte order mark",
            Self::BadUtf8 => "save the file as UTF-8",
            Self::TooLarge { .. } => "keep data that is not metadata in files of its own",
            Self::TooDeep { .. } => "nest less, or close what was left open",
            Self::Syntax { hint, .. } => return *hint,
        })
    }
}

impl fmt::Display for JsonFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DuplicateKey { key } => write!(f, "duplicate key `{}`", key.escape_debug()),
            Self::NumberOutOfRange => f.write_str(
                "an integer beyond ±(2^53 - 1), or a number beyond any float, which readers round differently",
            ),
            Self::TooLarge { bytes, limit } => write!(f, "{bytes} bytes of JSON, at most {limit} are taken"),
            Self::TooDeep { limit } => write!(f, "arrays and objects nested deeper than {limit} levels"),
            Self::ByteOrderMark => f.write_str("a byte order mark before the JSON"),
            Self::BadUtf8 => f.write_str("bytes that are not UTF-8"),
            Self::Syntax { message, .. } => f.write_str(message),
        }
    }
}

impl JsonError {
    /// The stable error code: `DuplicateKey`, `NumberOutOfRange`, `MetadataTooLarge`, `MetadataTooDeep` or
    /// `MetadataSyntax`.
    pub fn code(&self) -> &'static str {
        self.fault.code().as_str()
    }

    /// The JSON pointer (RFC 6901) of what is wrong, or of what was being read; empty for the whole document.
    pub fn pointer(&self) -> &str {
        &self.pointer
    }

    /// The line, from 1; 0 if the value was not read from text.
    pub fn line(&self) -> u32 {
        self.line
    }

    /// The column, from 1, in characters; 0 if the value was not read from text.
    pub fn column(&self) -> u32 {
        self.column
    }

    /// The byte offset in the text.
    pub fn offset(&self) -> usize {
        self.offset
    }

    /// What is wrong, without the place.
    pub fn message(&self) -> String {
        self.fault.to_string()
    }

    /// What the writer of the file can do about it.
    pub fn hint(&self) -> Option<String> {
        self.fault.hint().map(str::to_owned)
    }

    pub(super) fn at_start(fault: JsonFault) -> Self {
        Self { fault, pointer: String::new(), offset: 0, line: 1, column: 1 }
    }

    pub(super) fn in_value(fault: JsonFault, pointer: String) -> Self {
        Self { fault, pointer, offset: 0, line: 0, column: 0 }
    }

    pub(super) fn bad_utf8(bytes: &[u8], valid_up_to: usize) -> Self {
        let valid = String::from_utf8_lossy(&bytes[..valid_up_to]);
        Self::in_text(&valid, JsonFault::BadUtf8, String::new(), valid_up_to)
    }

    fn in_text(text: &str, fault: JsonFault, pointer: String, offset: usize) -> Self {
        let (line, column) = line_and_column(text, offset);
        Self { fault, pointer, offset, line, column }
    }

    /// Finds the start of what an error of serde_json is about: ours carry a fault, the rest are its own.
    pub(super) fn locate(text: &str, error: &serde_json::Error, fault: Option<JsonFault>, pointer: String) -> Self {
        let end = offset_of(text, error.line(), error.column());
        let message = error.to_string();
        let fault = match fault {
            // Its message is all that tells a number that no float can hold from other errors of syntax.
            None if message.starts_with("number out of range") => JsonFault::NumberOutOfRange,
            None => JsonFault::Syntax { message: without_position(&message), hint: None },
            Some(fault) => fault,
        };
        let offset = match &fault {
            JsonFault::DuplicateKey { .. } => start_of_string(text, end),
            JsonFault::NumberOutOfRange => start_of_number(text, end),
            JsonFault::TooDeep { limit } => start_of_excess(text, *limit),
            // serde_json counts the byte that it stumbled over as read, except at the end of the text.
            _ if end == text.len() && error.is_eof() => end,
            _ => end.saturating_sub(1),
        };
        let fault = match fault {
            JsonFault::Syntax { message, .. } => {
                let hint = syntax_hint(&message, text.as_bytes().get(offset).copied());
                JsonFault::Syntax { message, hint }
            }
            other => other,
        };
        Self::in_text(text, fault, pointer, offset)
    }

    /// What the report of every fault takes over.
    #[cfg(feature = "validate")]
    pub(crate) fn fault(&self) -> &JsonFault {
        &self.fault
    }
}

/// What to do about an error of syntax, by what serde_json says and the byte that it stumbled over.
fn syntax_hint(message: &str, found: Option<u8>) -> Option<&'static str> {
    let has = |part: &str| message.contains(part);
    Some(match found {
        Some(b'/' | b'#') => "JSON has no comments; remove it",
        Some(b'\'') => "write texts and keys in double quotes",
        Some(b';') => "separate members and items with commas",
        _ if has("EOF while parsing a string") => "close the text with a double quote",
        _ if has("EOF") => "the text ends too early: close every `{` with `}` and every `[` with `]`",
        _ if has("trailing comma") => "remove the comma before it",
        _ if has("trailing characters") => "a file holds one JSON value; remove what follows it",
        _ if has("key must be a string") => "write keys in double quotes",
        _ if has("expected `:`") => "put a colon between key and value",
        _ if has("expected `,`") => "put a comma before the next one, or close what stands open",
        _ if has("control character") => "write a line break as `\\n`, a tab as `\\t`",
        _ if has("invalid escape") => "write a backslash as `\\\\`",
        _ if has("surrogate") || has("unicode code point") => "write the character itself, or both halves of its pair",
        _ if has("invalid number") => {
            "write a number as in 1, -2 or 0.5: no plus sign, no leading zero, digits around the point"
        }
        _ if has("expected value") || has("expected ident") => {
            "write a text in double quotes, a number, true, false, null, a list or an object"
        }
        _ => return None,
    })
}

fn without_position(message: &str) -> String {
    message.rfind(" at line ").map_or(message, |at| &message[..at]).to_owned()
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.fault.fmt(f)?;
        if !self.pointer.is_empty() {
            write!(f, " at {}", self.pointer.escape_debug())?;
        }
        if self.line > 0 {
            write!(f, " (line {}, column {})", self.line, self.column)?;
        }
        Ok(())
    }
}

impl std::error::Error for JsonError {}
