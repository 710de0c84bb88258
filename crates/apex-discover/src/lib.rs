//! Finds plugins in ordered roots and keeps the catalogue of every version.
//!
//! [`discover()`] looks for `<root>/<any>/plugin.json` and `<root>/<id>/<version>/plugin.json`, reads and checks each
//! manifest, asks an [`Assess`] what the plugin is worth, and yields a [`Catalogue`] in which every find has exactly
//! one [status](apex_meta::Status) and, unless it is ready, a reason. One broken plugin never hides another, and
//! nothing is passed over in silence.
//!
//! What it refuses to do: it takes no root from the environment, follows no symbolic link below a root, opens nothing
//! but directories and regular files, relies on nothing that other users may change, loads no code, and knows nothing
//! of keys and policies.
//!
//! ```
//! use apex_discover::{Assess, Assessment, Candidate, Overrides, Root, discover};
//! use apex_meta::{Document, Reason};
//!
//! /// Lets pass what comes with a checksum; a real host asks `apex-trust`.
//! struct HasChecksum;
//!
//! impl Assess for HasChecksum {
//!     type Facts = bool;
//!
//!     fn examine(&self, candidate: &Candidate, _document: &Document) -> bool {
//!         candidate.checksum().is_some()
//!     }
//!
//!     fn judge(&self, group: &[(&Candidate, &bool)]) -> Vec<Assessment> {
//!         let missing = || Reason::new("MissingChecksum", "the manifest has no checksum");
//!         group.iter().map(|(_, has)| if **has { Assessment::accepted() } else { Assessment::refused(missing()) }).collect()
//!     }
//! }
//!
//! let catalogue = discover(&[Root::new("/opt/agent/plugins")], &HasChecksum, &Overrides::empty());
//! for entry in catalogue.entries() {
//!     println!("{:?} {:?} {} {:?}", entry.id(), entry.version(), entry.status(), entry.reason());
//! }
//! assert_eq!(catalogue.problems()[0].code(), "RootMissing");
//! ```
#![forbid(unsafe_code)]

mod assess;
mod bytes;
mod cache;
mod candidate;
mod catalogue;
mod changes;
mod contest;
mod dependents;
mod directory;
mod discover;
mod discovery;
mod entry;
mod exposure;
mod faults;
mod fitness;
mod groups;
mod library;
mod listing;
mod look;
mod metadata;
mod open_root;
mod options;
mod overrides;
mod parallel;
mod problem;
mod query;
mod record;
mod requirement;
mod root;
mod scan;
mod shared_set;
mod stamps;
mod summary;
mod unit;
mod watcher;
mod work;

pub use apex_meta as meta;
pub use assess::{Assess, Assessment};
pub use cache::{Cache, CacheFile};
pub use candidate::Candidate;
pub use catalogue::Catalogue;
pub use changes::{Change, ChangeKind};
pub use discover::{discover, discover_with};
pub use discovery::Discovery;
pub use entry::Entry;
pub use options::{Limits, Options};
pub use overrides::{DecidedBy, IntendedState, Override, Overrides, OverridesError, Quarantine};
pub use problem::Problem;
pub use query::Query;
pub use root::{ListedAs, Root, RootKind};
pub use summary::ActionSummary;
pub use watcher::{Changes, Stopper, Watcher};
