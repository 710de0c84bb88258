//! Loads verified plugins and runs their actions.
