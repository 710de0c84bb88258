//! Decides whom to trust: tree digests, signatures, keys, policies, and the Verified value that loading needs.
