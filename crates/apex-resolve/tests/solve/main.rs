//! Resolution of several plugins: its verdicts, its choices and its words.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

mod brute_force;
mod explanations;
mod rules;
mod worlds;
