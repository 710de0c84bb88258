//! Opens files safely: lookups that follow no link, ownership checks as OpenSSH's `StrictModes`, atomic and durable
//! replacement.
//!
//! A [`Directory`] is an open directory; everything below it is reached through its descriptor, with no way for a
//! symbolic link to lead elsewhere. [`StrictModes`] says whether others than root and this user could change what
//! stands at a path. A [`SoleWriter`] replaces a file so that after a crash at any point the old or the new content is
//! there, while other writers wait.
//!
//! ```
//! use apex_files::SoleWriter;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let home = tempfile::tempdir()?;
//! # let path = home.path().join("settings.json");
//! let writer = SoleWriter::lock(&path)?;
//! writer.replace(b"{}")?;
//! # #[cfg(unix)] {
//! let home = apex_files::Directory::open(&home.path().canonicalize()?)?;
//! let (file, facts) = home.file("settings.json".as_ref())?;
//! assert_eq!((facts.length, std::io::read_to_string(file)?.as_str()), (2, "{}"));
//! # }
//! # Ok(())
//! # }
//! ```
//!
//! What it refuses to do: it makes no parent directory readable to others, follows no link below a directory, never
//! waits for a FIFO, reads neither environment nor working directory, and knows nothing of plugins.
#![forbid(unsafe_code)]

mod accounts;
#[cfg(unix)]
mod directory;
mod facts;
mod file_state;
mod open_error;
mod sole_writer;
mod stamp;
mod strict_modes;

pub use accounts::Accounts;
#[cfg(unix)]
pub use directory::{Directory, Entries, GuardedError};
pub use facts::{Facts, Kind, Ownership};
pub use file_state::FileState;
pub use open_error::OpenError;
pub use sole_writer::{ReplaceError, SoleWriter};
pub use stamp::Stamp;
pub use strict_modes::{Exposure, Part, StrictModes};
