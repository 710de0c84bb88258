//! What must hold for any bytes at all, one function for each reader of bytes that others may have made.
//!
//! Each function reads the bytes it is given and panics if an invariant is broken. The fuzz targets feed them from the
//! fuzzer; the test `tests/tests/fuzz_replay.rs` includes this very file and feeds them the seeds, so that target and
//! replay cannot drift apart.
#![allow(clippy::unwrap_used, clippy::missing_panics_doc, reason = "a panic is a finding")]

mod archive;
mod bundle;
mod cache;
mod elf;
mod index;
mod ledger;
mod lock;
mod metadata;
mod private_key;
mod protocol;
mod signature;
mod specifier;
mod state_export;
mod trust_store;

pub use archive::archive;
pub use bundle::bundle;
pub use cache::cache;
pub use elf::elf;
pub use index::index;
pub use ledger::ledger;
pub use lock::lock;
pub use metadata::metadata;
pub use private_key::private_key;
pub use protocol::protocol;
pub use signature::signature;
pub use specifier::specifier;
pub use state_export::state_export;
pub use trust_store::trust_store;
