//! One helper for all whole-system tests.
