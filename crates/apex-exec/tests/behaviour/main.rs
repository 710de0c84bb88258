//! What an instance promises, tried on a plugin that is linked in and does what the tests ask of it.
#![allow(clippy::unwrap_used, clippy::missing_panics_doc, reason = "tests")]

mod bounds;
mod calls;
mod lifecycle;
#[cfg(target_os = "linux")]
mod loading;
#[cfg(target_os = "linux")]
#[path = "../../../../tests/src/minimal_elf.rs"]
mod minimal_elf;
mod ordering;
mod probe;
mod progress;
mod raw;
mod services;
mod shutdown;
mod streams;
