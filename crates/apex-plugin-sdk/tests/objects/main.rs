//! Plugins through the objects that cross the boundary, as a host drives them, with a host in memory.
#![allow(clippy::unwrap_used, reason = "tests")]

mod calls;
mod host;
mod panics;
#[cfg(feature = "tokio")]
mod runtime;
mod state;
