//! The vocabulary of apex-plugins: ids, versions, specifiers, manifests, digests, permissions, statuses and error codes.
//!
//! Everything that more than one crate must agree on has its one home here. The crate does no I/O, reads no clock
//! and no environment; it turns bytes into values that carry proof of their form, and back.
//!
//! A `plugin.json` is read in one of two ways, both from one strict parse:
//!
//! - [`Document::parse`] stops at the first fault, and needs nothing but the types;
//! - `check` (feature `validate`, on by default) reports every fault at once, with JSON pointer, line, column and
//!   remedy.
//!
//! ```
//! use apex_meta::{Document, VersionSpecifier};
//!
//! let document = Document::parse(br#"{
//!     "id": "com.acme.greeter", "name": "Greeter", "version": "1.4.0", "author": "Acme",
//!     "description": "Greets people.", "entry_point": "greeter::Greeter",
//!     "actions": [{
//!         "name": "greet", "description": "Greets a person.",
//!         "parameters": [{"name": "who", "type": "string", "required": true}]
//!     }]
//! }"#).unwrap();
//!
//! let wanted: VersionSpecifier = "^1.2".parse().unwrap();
//! assert!(wanted.matches(document.version().as_semver()));
//! let greet = document.manifest().action("greet").unwrap();
//! assert_eq!(greet.parameters_object_schema()["required"][0], "who");
//! ```
//!
//! # What it refuses
//!
//! - JSON that two readers could read differently: duplicate keys, integers beyond ±(2^53 - 1), byte order marks.
//! - Texts that are not of their kind: there is no [`PluginId`] that is not safe as one segment of a path, no
//!   [`PluginVersion`] that blocks every later one, no [`EntryPoint`] that leads out of its plugin.
//! - JSON Schemas that reach outside themselves, go in circles, or grow without bound.
//!
//! It does not judge whom to trust, whether a file is what its digest says, or which version to take.
//!
//! # Features
//!
//! - `validate` (default): `check`, `SchemaValidator` and what they need: JSON Schema, source spans, SPDX, URLs.
//! - `schema`: `plugin_metadata_schema`, which writes [`PLUGIN_METADATA_SCHEMA`] from the types.
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
mod permission;
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
pub use fault::{Fault, FaultCode, FaultExample, Severity, UnknownFaultCode};
pub use id::{InvalidId, PluginId};
pub use manifest::Manifest;
pub use owner::Owner;
pub use permission::{InvalidPermission, PathRoot, Permission, PermissionAlias, PermissionForm, PermissionPath};
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
