//! Plugins out of `#[plugin]`, through the objects that cross to a host, and what they say about themselves.
#![allow(clippy::unwrap_used, reason = "tests")]

mod actions;
mod described;
mod life;
