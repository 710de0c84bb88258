//! Durable state of plugins: atomic, compare-and-swap, recoverable.
