//! Tests of transactions: what they leave when they fail, and when their process dies.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test ends where it fails, and its files with it")]

mod faults;
pub(crate) mod fixture;
mod granting;
mod mending;
mod protection;
mod recording;
mod story;
