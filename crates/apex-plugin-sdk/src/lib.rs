//! What a plugin author needs, and nothing of the host.
