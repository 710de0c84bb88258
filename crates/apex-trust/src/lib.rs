//! Decides whom to trust: tree digests, signatures, keys, policies, and the [`Verified`] value that loading needs.
//!
//! A plugin's manifest holds a [tree digest](tree_digest) over all its files, and its publisher signs the manifest.
//! The operator's [`TrustStore`] says which publisher's keys count for which ids, a [`Policy`] what becomes of plugins
//! that bring less proof, and a [`Verifier`] applies both.
//!
//! ```no_run
//! use std::{path::Path, sync::Arc};
//! use apex_meta::Document;
//! use apex_trust::{Policy, TrustStore, Verifier};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let directory = Path::new("/opt/plugins/com.acme.greeter/1.2.0");
//! let document = Document::parse(&std::fs::read(directory.join("plugin.json"))?)?;
//! let store = TrustStore::load(Path::new("/home/ada/.config/apex/trust.json"))?;
//! let verified = Verifier::new(Arc::new(store), Policy::standard()).verify(directory, &document, false, false)?;
//! println!("{} may run {} from {}", verified.id(), verified.placement(), verified.library().path().display());
//! # Ok(())
//! # }
//! ```
//!
//! What this crate refuses to do: it loads and runs nothing, follows no link inside a plugin, reads neither environment
//! nor working directory, takes no claimed time into account, and has no switch that turns checks off; the one way
//! around them, [`Verified::assume_trusted`], is named and logged. Plugins are verified on Unix and sealed for loading
//! on Linux; elsewhere the crate compiles and answers `UnsupportedPlatform`.
#![forbid(unsafe_code)]

mod definitions;
mod elf;
mod grants;
mod guarded_file;
mod hash;
mod key;
#[cfg(test)]
#[path = "../../../tests/src/minimal_elf.rs"]
mod minimal_elf;
#[cfg(unix)]
mod ownership;
mod policy;
mod provenance;
mod resources;
mod sealed_file;
mod signature;
mod store;
mod timestamp;
mod tree;
mod tree_path;
mod trust_error;
mod verified;
mod verifier;

pub use definitions::{Definitions, NotCanonical};
pub use elf::{ElfError, check_elf};
pub use grants::{GrantRoots, GrantTooWide, Grants, GrantsError};
pub use key::{DecryptionEffort, KeyError, KeyId, Passphrase, PublicKey, SigningKey};
pub use policy::{History, NoHistory, Policy, PolicyLevel, UnknownPolicyLevel};
pub use provenance::Provenance;
pub use resources::{ResourceError, Resources};
pub use sealed_file::SealedFile;
pub use signature::{ExpectedSigned, PAYLOAD_TYPE, SignatureError, signed_payload, signing_key_id, verify_signature};
pub use store::{KeyFault, Publisher, PublisherFault, Revocation, TrustStore, TrustStoreError, TrustedKey};
pub use timestamp::{InvalidTimestamp, Timestamp};
pub use tree::{OpenedFile, Tree, TreeError, TreeFile, TreeLimit, tree_digest};
pub use tree_path::{Collision, InvalidPath, PathCensus, PathFault, TreePath};
pub use trust_error::{LibraryError, TrustError};
pub use verified::Verified;
pub use verifier::{Acceptance, Claims, Examination, Judgement, StoredExamination, Subject, Verifier};
