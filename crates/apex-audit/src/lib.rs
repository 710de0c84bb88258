//! An audit log of what became of plugins: JSON lines, each bound to the one before it.
//!
//! A host writes a [`Record`] for what it decides about plugins: verified, loaded, blocked, stopped. An [`AuditSink`]
//! takes them; a [`FileSink`] keeps them in a file to which several processes may append, and [`verify_chain`] checks
//! such a file line by line, in bounded memory.
//!
//! ```
//! use std::time::{Duration, UNIX_EPOCH};
//! use apex_audit::{AuditSink as _, FileSink, Record, Subject, verify_chain, verify_chain_against};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let directory = tempfile::tempdir()?;
//! # let path = directory.path().join("audit.jsonl");
//! let sink = FileSink::new(&path);
//! let greeter = Subject::new("com.acme.greeter".parse()?, "1.2.0".parse()?);
//! sink.append(&Record::verified(UNIX_EPOCH + Duration::from_secs(1_795_336_200), greeter))?;
//!
//! let summary = verify_chain(FileSink::read(&path)?)?;
//! assert_eq!(summary.lines, 1);
//! // Kept elsewhere, the head shows later whether lines were cut off or the whole file was made anew.
//! verify_chain_against(FileSink::read(&path)?, &summary.head)?;
//! # Ok(())
//! # }
//! ```
//!
//! # The format
//!
//! One JSON object a line, `{"seq":1,"at_ms":…,"prev":"…",…,"seal":"…"}`: a number that counts up from 1, the time in
//! milliseconds since 1970 UTC, the BLAKE3 hash of the whole previous line with its line feed (of nothing, for the
//! first), what happened, and as last member the BLAKE3 hash of all the line's bytes before it. So each changed byte is
//! seen, and each line that was removed, inserted or moved.
//!
//! # What it cannot show
//!
//! Nothing in the file is secret. Who may write to it can cut lines off its end, or make the whole of it anew, and the
//! rest is a sound chain. Only a [`Head`] that was kept where they cannot write shows that.
//!
//! What this crate refuses to do: it reads no clock and no environment, takes no parameters of a call but their
//! [digest](params_digest), and appends nothing to a file that others may write to or whose last line is unsound.
#![forbid(unsafe_code)]

mod broken;
mod chain;
mod error;
mod file;
mod line;
mod record;
#[cfg(test)]
mod tests;

pub use broken::Broken;
pub use chain::{Chain, Head, Summary, verify_chain, verify_chain_against};
pub use error::AuditError;
pub use file::FileSink;
pub use line::{Line, MAX_LINE_BYTES};
pub use record::{Happening, Record, Subject, params_digest};

/// Who keeps records.
///
/// Called from whichever thread something happens on, and waited for: be quick. What happened has happened already or
/// is refused already, so that an error does not undo it; the host tells of the error and goes on.
pub trait AuditSink: Send + Sync {
    /// Keeps a record; when it returns `Ok`, the record survives as well as the sink can see to it.
    ///
    /// # Errors
    /// The record was not kept.
    fn append(&self, record: &Record) -> Result<(), AuditError>;
}
