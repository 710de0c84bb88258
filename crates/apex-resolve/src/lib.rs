//! Chooses which version of a plugin serves a request, and says why.
//!
//! Given what was found of one plugin, [`select()`] takes the highest version that is ready and satisfies the specifier.
//! A pre-release is only taken if the specifier names one, or if no stable version would do
//! ([PEP 440](https://peps.python.org/pep-0440/#handling-of-pre-releases)). What was passed over, and why, comes back
//! with the choice as an [`Explanation`], and with the error when there is none.
//!
//! For several plugins with all that they depend on, [`solve()`] takes the best versions that go together, one of each
//! plugin; or it says in plain words why none do, in a [`Conflict`].
//!
//! The crate looks at nothing itself: it reads no files, checks no signatures, and takes the status of each candidate
//! as given.
//!
//! ```
//! use apex_meta::{Reason, Status};
//! use apex_resolve::{Candidate, select};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let found = [
//!     Candidate::new("1.0.0".parse()?, Status::Ready),
//!     Candidate::new("1.1.0-rc.1".parse()?, Status::Ready),
//!     Candidate::new("1.2.0".parse()?, Status::Blocked)
//!         .with_reason(Reason::new("ChecksumMismatch", "a file was changed")),
//! ];
//! let id = "com.acme.greeter".parse()?;
//! let selection = select(&id, Some(&"^1".parse()?), found)?;
//! assert_eq!(selection.version.to_string(), "1.0.0");
//! assert_eq!(selection.index, 0);
//! let why: Vec<_> = selection.explanation.considered.iter().map(|passed| passed.because.as_str()).collect();
//! assert_eq!(why, [
//!     "blocked: ChecksumMismatch: a file was changed",
//!     "a pre-release: stable versions go first unless the specifier names one",
//!     "the highest version that is ready and satisfies `^1`",
//! ]);
//! # Ok(()) }
//! ```
#![forbid(unsafe_code)]

mod candidate;
mod explain;
mod no_candidate;
mod select;
mod solve;

pub use candidate::Candidate;
pub use explain::{Considered, Explanation, Verdict};
pub use no_candidate::NoCandidate;
pub use select::{Selection, explain, select};
pub use solve::{
    Chosen, Conflict, LeftOut, PassedOver, Preference, Release, Releases, Request, Solution, Unsolvable, Want, solve,
};
