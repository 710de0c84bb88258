//! Installs plugins transactionally: store, ledger, sources, lock.
//!
//! A [`Store`] holds the trees of installed plugins and a [`Ledger`] that says which of them count. A [`Planner`] makes a
//! [`Plan`] from what is asked for, what the [`Sources`] offer, and a [`Lock`] if there is one; [`Store::apply`] carries
//! it out, all of it or nothing; [`Plan::grant`] then gives what the operator grants with it. [`Plan::updates`] says what a
//! plan would change for those who use what is installed, and [`Consent`] who agreed to it. [`examine()`] tells what is wrong
//! with a store.
//!
//! ```no_run
//! use std::path::Path;
//! use apex_install::{Package, Planner, Store};
//! use apex_resolve::Request;
//! use apex_trust::{Policy, TrustStore, Verifier};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let (store, trust) = (Store::new("/var/lib/agent/store"), TrustStore::load("/etc/agent/trust.json".as_ref())?);
//! let package = Package::read(Path::new("com.acme.greeter-1.0.0.apexpkg"), Path::new("/tmp"))?;
//! let ledger = store.ledger()?;
//! let planner = Planner::new(&store, &ledger, &trust, Policy::standard()).package(&package);
//! let plan = planner.plan(&[Request::any(package.document.id().clone())])?;
//! println!("{} steps, {} bytes", plan.steps.len(), plan.bytes());
//! store.apply(&plan, &Verifier::new(trust.into(), Policy::standard()), 2)?;
//! # Ok(())
//! # }
//! ```
//!
//! What this crate refuses to do: it installs nothing that the policy does not accept, takes no index, lock or plan for
//! proof of anything, runs nothing, fetches nothing over a network, and reads neither environment nor working directory.
#![forbid(unsafe_code)]

mod apply;
mod audit;
mod bundle;
mod disk;
mod error;
mod examine;
mod index;
mod journal;
mod ledger;
mod lock;
mod offer;
mod outdated;
mod package;
mod plan;
mod planner;
mod sources;
mod store;
mod strict;
#[cfg(test)]
mod tests;
mod transaction;
mod update;

pub use apply::{Candidate, Done};
pub use bundle::{LOCK_FILE, bundle, is_bundle, unbundle, unbundled_source};
pub use error::{FileFault, FileKind, GrantsDiffer, InstallError, Mismatch, Republished};
pub use examine::{Severity, StoreFinding, examine};
pub use index::{Announced, INDEX_FILE, Index};
pub use ledger::{Change, Happening, Installed, Ledger, Record, Seen};
pub use lock::{Lock, Locked};
pub use outdated::Outdated;
pub use package::{Package, read_document};
pub use plan::{Action, Plan, PlannedGrant, Step};
pub use planner::Planner;
pub use sources::{Source, Sources};
pub use store::Store;
pub use update::{
    ActionChanges, ActionPart, ChangedAction, Concern, Consent, PermissionChanges, PublisherChange, SizeChange,
    Unconfirmed, Update, UpdatePolicy, VersionStep,
};
