//! The binary contract between host and native plugin.
