//! Chooses which version of a plugin serves a request, and says why.
