//! Discovery on real trees: R2.1-R2.5, R2.8 and R2.10.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::disallowed_methods, clippy::print_stderr, reason = "tests")]

mod cache;
mod changes;
mod contests;
mod finds;
mod fitness;
mod forest;
mod overrides;
mod plant;
mod queries;
mod requirements;
mod roots;
mod view;
mod warm;
mod watching;
