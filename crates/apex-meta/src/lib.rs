//! The vocabulary of apex-plugins: ids, versions, specifiers, manifests, digests, permissions, statuses and error codes.
//!
//! Everything that more than one crate must agree on has its one home here. The crate does no I/O, reads no clock
//! and no environment; it turns bytes into values that carry proof of their form, and back.
#![forbid(unsafe_code)]

mod action;
mod call_context;
#[cfg(feature = "validate")]
mod check;
mod dependency;
mod digest;
mod document;
mod entry_point;
mod error_kind;
mod fault;
mod finding;
mod id;
mod manifest;
mod member;
mod owner;
mod placement;
mod progress;
#[cfg(feature = "schema")]
mod published_schema;
mod reason;
mod rules;
mod schema_text;
#[cfg(feature = "validate")]
mod schema_validator;
mod signature;
mod specifier;
mod state_scope;
mod status;
mod strict_json;
mod version;

pub use action::{Action, ActionName, Example, InvalidActionName, Parameter};
pub use call_context::CallContext;
#[cfg(feature = "validate")]
pub use check::{Report, check};
pub use dependency::{Dependencies, PluginDependency, PythonLibrary};
pub use digest::{Digest, DigestAlgorithm, InvalidDigest};
pub use document::{Document, InvalidDocument};
pub use entry_point::{EntryPoint, InvalidEntryPoint, Runtime};
pub use error_kind::{ErrorKind, UnknownErrorKind};
pub use fault::{Fault, FaultCode, Severity, UnknownFaultCode};
pub use id::{InvalidId, PluginId};
pub use manifest::Manifest;
pub use owner::Owner;
pub use placement::Placement;
pub use progress::Progress;
#[cfg(feature = "schema")]
pub use published_schema::plugin_metadata_schema;
pub use reason::Reason;
pub use schema_text::{PLUGIN_METADATA_SCHEMA, PLUGIN_METADATA_SCHEMA_ID};
#[cfg(feature = "validate")]
pub use schema_validator::{InvalidSchema, SchemaValidator, Violation};
pub use signature::Signature;
pub use specifier::{InvalidSpecifier, VersionSpecifier};
pub use state_scope::{StateScope, UnknownStateScope};
pub use status::Status;
pub use strict_json::{JsonError, JsonLimits, parse_strict_json};
pub use version::{InvalidVersion, PluginVersion};

/// The target triple that this crate was compiled for, such as `x86_64-unknown-linux-gnu`.
///
/// Native libraries are looked for in `lib/<triple>/` of a plugin's directory first.
pub const TARGET_TRIPLE: &str = env!("APEX_TARGET_TRIPLE");

/// The version of the plugin API that this release of the host offers, matched against a manifest's `api_version`.
pub const HOST_API_VERSION: PluginVersion = PluginVersion::new_const(1, 0, 0);
