//! The published schema as committed.

/// The `$id` of the published schema.
pub const PLUGIN_METADATA_SCHEMA_ID: &str = "https://apexagent.dev/schema/plugin_metadata_schema.json";

/// The published JSON Schema (2020-12) of `plugin.json`, as text.
///
/// It is written from the types, so that both agree on everything that a schema can say; `check` reports the rest.
pub const PLUGIN_METADATA_SCHEMA: &str = include_str!("../schema/plugin_metadata_schema.json");
