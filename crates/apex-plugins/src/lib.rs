//! Plugins for an AI agent: found, verified, chosen, loaded and called through one object, the [`PluginManager`].
//!
//! This crate is thin. It puts the lower crates together and adds nothing that one of them could hold; each is here
//! under its name for what the root does not repeat ([`meta`], [`discover`], [`trust`], [`audit_log`], [`resolve`],
//! [`exec`], [`state`]).
//!
//! ```no_run
//! use std::time::Duration;
//! use apex_plugins::{FileStateStore, PluginManager, TrustStore};
//! use futures::StreamExt as _;
//! use serde_json::json;
//!
//! # async fn host() -> Result<(), Box<dyn std::error::Error>> {
//! let plugins = PluginManager::builder()
//!     .root("/opt/agent/plugins")
//!     .trust(TrustStore::load("/etc/agent/trust.json".as_ref())?)
//!     .state(FileStateStore::open("/var/lib/agent/states")?)
//!     .build()
//!     .await?;
//! let greeting = plugins.call("com.acme.greeter@^1", "greet").params(json!({"name": "Ada"})).result().await?;
//!
//! let mut events = plugins.call("com.acme.numbers", "count").params(json!({"n": 3})).events();
//! while let Some(event) = events.next().await {
//!     println!("{event:?}");
//! }
//! let report = plugins.shutdown(Duration::from_secs(5)).await;
//! # Ok(())
//! # }
//! ```
//!
//! What it refuses to do: it takes no root, key or file from the environment or the working directory, runs nothing that
//! was not verified, and runs in process only what policy and trust store allow there.
#![forbid(unsafe_code)]

mod assess;
mod audit;
mod authority;
mod background;
mod builder;
mod call;
mod call_record;
mod confinement;
mod dependency;
mod enabling;
mod event;
mod fence;
mod installed;
mod instances;
mod manager;
mod objection;
mod quarantine;
mod registry;
mod releases;
mod root_watch;
mod running;
mod services;
mod shutdown;
mod spec;
mod start;
pub mod testing;
mod trust_file;
mod update;
mod verifying;
mod witness;

pub use apex_audit as audit_log;
pub use apex_discover as discover;
pub use apex_exec as exec;
pub use apex_install as install;
pub use apex_meta as meta;
pub use apex_resolve as resolve;
pub use apex_state as state;
pub use apex_trust as trust;

pub use apex_abi::PluginModule;
pub use apex_audit::{AuditError, AuditSink, FileSink};
pub use apex_discover::{Catalogue, Change, ChangeKind, Entry, Query};
pub use apex_exec::{CallError, CallEvent, Kernel, Limits, ProgressSink};
pub use apex_host::run_if_child;
pub use apex_meta::{
    CallContext, ErrorKind, Manifest, Owner, Permission, Placement, PluginId, PluginVersion, Progress, Reason, Status,
    VersionSpecifier,
};
pub use apex_resolve::{Explanation, NoCandidate, Selection};
pub use apex_state::{FileStateStore, StateStore};
pub use apex_trust::{Grants, GrantsError, Policy, PolicyLevel, PublicKey, TrustStore, Verified};
pub use background::BackgroundError;
pub use builder::{BuildError, Builder};
pub use call::{Call, CallStream};
pub use confinement::PluginPermissions;
pub use enabling::EnableError;
pub use event::{Event, EventStream};
pub use manager::PluginManager;
pub use releases::releases;
pub use shutdown::{Leftover, ShutdownReport};
pub use spec::{InvalidSpec, PluginSpec};
pub use tokio_util::sync::CancellationToken;
pub use update::{Applied, UpdateError, UpdateInfo, UpdateOptions, UpdateStage};
