//! The command line `apex` as a user and as a script meet it: the real binary, real files, real plugins.
//!
//! Covers R9.3, R4.5, R4.7, R5.1, R5.2, R5.4, R5.5, R5.6, R5.7, R5.8, R7.7, R2.5, R2.1 and rows 84, 88 and 92 of the attack catalogue as far as the command line goes.

#![allow(clippy::unwrap_used, reason = "tests")]

#[cfg(unix)]
#[path = "cli/archives.rs"]
mod archives;
#[path = "cli/auditing.rs"]
mod auditing;
#[path = "cli/authoring.rs"]
mod authoring;
#[path = "cli/blaming.rs"]
mod blaming;
#[path = "cli/checking.rs"]
mod checking;
#[path = "cli/choosing.rs"]
mod choosing;
#[path = "cli/command_line.rs"]
mod command_line;
#[path = "cli/granting.rs"]
mod granting;
#[path = "cli/guide.rs"]
mod guide;
#[path = "cli/house.rs"]
mod house;
#[path = "cli/installing.rs"]
mod installing;
#[path = "cli/intruding.rs"]
mod intruding;
#[path = "cli/keeping.rs"]
mod keeping;
#[path = "cli/listing.rs"]
mod listing;
#[path = "cli/manners.rs"]
mod manners;
#[path = "cli/mentions.rs"]
mod mentions;
#[path = "cli/operators_guide.rs"]
mod operators_guide;
#[path = "cli/policies.rs"]
mod policies;
#[path = "cli/prompting.rs"]
mod prompting;
#[path = "cli/readme.rs"]
mod readme;
#[path = "cli/registry.rs"]
mod registry;
#[path = "cli/running.rs"]
mod running;
#[path = "cli/settings.rs"]
mod settings;
#[cfg(unix)]
#[path = "cli/signing.rs"]
mod signing;
#[path = "cli/states.rs"]
mod states;
#[cfg(target_os = "linux")]
#[path = "cli/story.rs"]
mod story;
#[path = "cli/switching.rs"]
mod switching;
#[path = "cli/trusting.rs"]
mod trusting;
#[path = "cli/updates_guide.rs"]
mod updates_guide;
#[cfg(target_os = "linux")]
#[path = "cli/updating.rs"]
mod updating;
