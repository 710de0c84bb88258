//! Discover, trust and run plugins of an AI agent: the facade.
