//! The committed schema is the generated one, and a good JSON Schema.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use serde_json::Value;

use super::plugin_metadata_schema;
use crate::{PLUGIN_METADATA_SCHEMA, PLUGIN_METADATA_SCHEMA_ID};

/// R1.2
#[test]
fn the_committed_schema_is_what_the_types_say() {
    let mut generated = serde_json::to_string_pretty(&plugin_metadata_schema()).unwrap();
    generated.push('\n');
    assert!(PLUGIN_METADATA_SCHEMA == generated, "stale: run `cargo xtask schema` and commit the result");
}

#[test]
fn the_schema_names_its_dialect_and_itself() {
    let schema = plugin_metadata_schema();
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    assert_eq!(schema["$id"], PLUGIN_METADATA_SCHEMA_ID);
}

#[test]
fn every_object_and_every_member_is_described_and_none_may_be_null() {
    let schema = plugin_metadata_schema();
    let definitions = schema["$defs"].as_object().unwrap();
    for (name, definition) in definitions.iter().chain([(&"manifest".to_owned(), &schema)]) {
        assert!(definition["title"].is_string() && definition["description"].is_string(), "{name}");
        for (member, property) in definition["properties"].as_object().into_iter().flatten() {
            assert!(property["description"].is_string(), "{name}.{member}");
            assert_ne!(property["default"], Value::Null.to_string(), "{name}.{member}");
            assert!(!property["type"].is_array() && property.get("anyOf").is_none(), "{name}.{member}");
            assert!(property.get("format").is_none(), "{name}.{member}");
        }
    }
}
