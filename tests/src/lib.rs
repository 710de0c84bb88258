//! Builds the workspace's plugins and the binaries once, and lays them out as an operator would find them.
//!
//! Cargo builds neither for a separate test package. They are built in the profile and target directory of the test
//! that asks, with the features of the whole workspace, so that nothing is compiled twice.

mod build;
mod fixture;
#[cfg(unix)]
pub mod forest;
pub mod hostile_tar;
#[cfg(target_os = "linux")]
pub mod mapped;
pub mod minimal_elf;
#[cfg(target_os = "linux")]
pub mod processes;
mod shop;
#[cfg(target_os = "linux")]
pub mod swap_race;

pub use build::{apex, apex_host, library, target_directory, workspace_root, xtask};
pub use fixture::{PREFIX, Publisher, copy_tree, metadata, package, package_changed, package_library};
pub use shop::Shop;

/// The snippets of the README, compiled as documentation tests.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
pub struct Readme;

/// Those of the guides.
#[cfg(doctest)]
#[doc = include_str!("../../docs/getting_started.md")]
pub struct GettingStarted;

/// Those for authors.
#[cfg(doctest)]
#[doc = include_str!("../../docs/developer_guide.md")]
pub struct DeveloperGuide;

/// Those on updates.
#[cfg(doctest)]
#[doc = include_str!("../../docs/updates_guide.md")]
pub struct UpdatesGuide;

/// Those for builders of agents.
#[cfg(doctest)]
#[doc = include_str!("../../docs/embedders_guide.md")]
pub struct EmbeddersGuide;

/// Those about finding plugins.
#[cfg(doctest)]
#[doc = include_str!("../../docs/discovery_guide.md")]
pub struct DiscoveryGuide;

/// Those about permissions.
#[cfg(doctest)]
#[doc = include_str!("../../docs/permissions.md")]
pub struct Permissions;
