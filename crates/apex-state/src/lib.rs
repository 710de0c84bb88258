//! Durable state of plugins: atomic, compare-and-swap, recoverable.
//!
//! A [`StateKey`] names a state: of which plugin, which version, for whom ([`Scope`]), on whose word ([`Owner`]). A
//! [`StateStore`] loads and saves it; the one for hosts is [`FileStateStore`], and [`MemoryStateStore`] is for tests. One of
//! your own can be held to the rules by [`conformance`].
//!
//! - A load tells "none yet" (`Ok(None)`) from "failed".
//! - A save names the generation that it builds on. If somebody else saved in between it is a
//!   [`StateError::Conflict`], and nothing is lost.
//! - A save that returned `Ok` survives a power failure. A crash at any point leaves the old or the new state.
//! - Damage is found by hash; the backup takes the place of what is damaged, and that is reported.
//! - A new version inherits the states of the one before it by a [`Succession`], on copies that can be taken back.
//!
//! What the crate refuses: it encrypts nothing; it knows no state's form, so that only the plugin migrates one; it never takes a key from
//! a plugin, so that a plugin cannot name another one's state; it never retries a failed fsync; and it does not guess
//! at a state that is damaged together with its backup.
//!
//! ```
//! use apex_state::{FileStateStore, StateKey, StateStore};
//! use serde_json::json;
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let directory = tempfile::tempdir()?;
//! # let states = directory.path().join("states");
//! let store = FileStateStore::open(states)?;
//! let key = StateKey::new("com.acme.counter".parse()?, "1.0.2".parse()?);
//! assert_eq!(store.load(&key).await?, None);
//!
//! let generation = store.save(&key, 0, &json!({"count": 1})).await?;
//! let record = store.load(&key).await?.ok_or("saved a line above")?;
//! assert_eq!((record.generation, &record.data["count"]), (generation, &json!(1)));
//! # Ok(()) }
//! ```
#![forbid(unsafe_code)]

pub mod conformance;
mod disk;
mod error;
mod export;
mod file;
mod key;
mod limits;
mod memory;
mod record;
mod scope;
mod store;
mod succession;
mod workers;

#[cfg(test)]
mod arbitrary;

/// The vocabulary that keys are made of.
pub use apex_meta::{CallContext, Owner, PluginId, PluginVersion, StateScope};
pub use error::{FileStep, StateError};
pub use export::{ExportError, ExportedState, StateExport};
pub use file::{FileStateOptions, FileStateStore};
pub use key::StateKey;
pub use limits::StateLimits;
pub use memory::MemoryStateStore;
pub use record::RecordFault;
pub use scope::{InvalidScope, Scope, ScopeName};
pub use store::{Recovery, StateEntry, StateListing, StateRecord, StateStore};
pub use succession::{CarriedOver, Succession, SuccessionError};
