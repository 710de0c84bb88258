//! Packs, signs and checks plugin packages.
//!
//! A plugin's crate becomes a directory: `plugin.json` with checksum and signature, the library in
//! `lib/<target triple>/`, and `resources/`. The directory becomes an archive, `.apexpkg`, of which there is exactly one
//! for a given tree. The manifest is the crate's `plugin.json`, or made of code and `Cargo.toml`: [`manifest()`]. [`package()`] goes the whole way; [`Layout`], [`seal_directory`], [`pack()`], [`unpack()`] and
//! [`check_directory`] are its steps and their opposites.
//!
//! ```no_run
//! use std::path::Path;
//! use apex_package::{Build, package, this_program};
//! use apex_trust::SigningKey;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let key = SigningKey::read_pem(Path::new("publisher.pem"))?;
//! let crate_directory = Path::new("plugins/greeter");
//! // A program that calls `run_if_describing` first thing in its `main`, such as this one.
//! let describer = &this_program()?;
//! let cargo = Path::new("cargo");
//! let build = Build { cargo, crate_directory, profile: "release", target_directory: None, describer };
//! let packaged = package(&build, &Default::default(), Path::new("target/plugins"), Some(&key))?;
//! println!("{}", packaged.archive.display());
//! # Ok(())
//! # }
//! ```
//!
//! What this crate refuses to do: it installs nothing and trusts nobody, extracts no entry that it would not have
//! packed, never lets a library unpack for it, overwrites no file while unpacking, and reads neither environment nor
//! working directory.
mod archive;
mod build;
mod check;
mod describe;
mod generate;
#[cfg(test)]
#[path = "../../../tests/src/hostile_tar.rs"]
mod hostile_tar;
mod layout;
mod layout_error;
mod manifest_file;
#[cfg(test)]
#[path = "../../../tests/src/minimal_elf.rs"]
mod minimal_elf;
mod package;
mod remote_signing;

pub use archive::{ArchiveError, ArchiveLimit, EXTENSION, pack, unpack};
pub use build::{Build, BuildError};
pub use check::{CheckError, Checked, SignatureCheck, check_directory};
pub use describe::{DescribeError, run_if_describing, this_program};
pub use generate::{ManifestError, manifest};
pub use layout::Layout;
pub use layout_error::LayoutError;
pub use manifest_file::{read_document, seal_directory};
pub use package::{PackageError, Packaged, package, publish};
pub use remote_signing::{attach_signature, signing_payload};
