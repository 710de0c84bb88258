//! Why something is as it is: a stable code, a sentence, and what to do.

use std::{borrow::Cow, fmt};

use serde::{Deserialize, Serialize};

/// A stable code with a sentence for people and, where there is one, the remedy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// The error's name, such as `ChecksumMismatch`; stable across releases.
    pub code: Cow<'static, str>,
    /// What happened, naming plugin and file; lower case, without a full stop.
    pub message: String,
    /// What the reader can do about it.
    pub hint: Option<String>,
}

impl Reason {
    /// A reason without a hint.
    pub fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code: Cow::Borrowed(code), message: message.into(), hint: None }
    }

    /// Adds what the reader can do about it.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}
