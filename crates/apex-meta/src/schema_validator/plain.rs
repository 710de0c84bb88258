//! Schemas that are plainly right: what the meta-schema would say of most, told at a fraction of its cost.

use serde_json::Value;

use super::{
    SchemaValidator,
    keywords::{Content, content_of},
};
use crate::member::JSON_TYPES;

/// Larger and deeper schemas are measured exactly, so that none is taken that is too large with what else belongs to it.
const MAX_NODES: u64 = SchemaValidator::MAX_EXPANDED_NODES / 2;
const MAX_LEVELS: usize = SchemaValidator::MAX_EXPANDED_DEPTH / 4;

/// How many values a schema consists of, if it is plainly right: small, and without references, patterns and whatever
/// else takes a closer look.
pub(super) fn size(schema: &Value) -> Option<u64> {
    nodes(schema, 0).filter(|nodes| *nodes <= MAX_NODES)
}

/// The same of keywords that together make up schemas.
pub(super) fn size_of_keywords<'v>(keywords: impl Iterator<Item = (&'v str, &'v Value)>) -> Option<u64> {
    sum(keywords.map(|(keyword, value)| nodes_under(keyword, value, 0))).filter(|nodes| *nodes <= MAX_NODES)
}

fn nodes(schema: &Value, level: usize) -> Option<u64> {
    match schema {
        Value::Object(members) => sum(members.iter().map(|(keyword, value)| nodes_under(keyword, value, level))),
        Value::Bool(_) => Some(1),
        _ => None,
    }
}

fn nodes_under(keyword: &str, value: &Value, level: usize) -> Option<u64> {
    if level > MAX_LEVELS || !is_plain(keyword, value) {
        return None;
    }
    let level = level + 1;
    match (content_of(keyword), value) {
        (Content::Schema, schema) => nodes(schema, level),
        (Content::Schemas, Value::Array(schemas)) => sum(schemas.iter().map(|schema| nodes(schema, level))),
        (Content::NamedSchemas, Value::Object(named)) => sum(named.values().map(|schema| nodes(schema, level))),
        (_, data) => nodes_of_data(data, level),
    }
}

fn nodes_of_data(value: &Value, level: usize) -> Option<u64> {
    match value {
        Value::Array(_) | Value::Object(_) if level > MAX_LEVELS => None,
        Value::Array(items) => sum(items.iter().map(|item| nodes_of_data(item, level + 1))),
        Value::Object(members) => sum(members.values().map(|member| nodes_of_data(member, level + 1))),
        _ => Some(1),
    }
}

/// What holds others counts as one with them.
fn sum(mut parts: impl Iterator<Item = Option<u64>>) -> Option<u64> {
    parts.try_fold(1, |sum: u64, part| Some(sum.saturating_add(part?)))
}

/// Whether the meta-schema of draft 2020-12 surely has nothing against this value of this keyword, schemas inside it
/// apart. Where that takes a closer look, the answer is no, and the meta-schema is asked.
fn is_plain(keyword: &str, value: &Value) -> bool {
    match keyword {
        "type" => value.as_str().is_some_and(|name| JSON_TYPES.contains(&name)),
        "properties" | "$defs" => value.is_object(),
        "items" | "additionalProperties" | "contains" | "not" | "propertyNames" => is_schema(value),
        "allOf" | "anyOf" | "oneOf" | "prefixItems" => value.as_array().is_some_and(|schemas| !schemas.is_empty()),
        "title" | "description" | "$comment" => value.is_string(),
        "default" | "const" => true,
        "enum" | "examples" => value.is_array(),
        "required" => value.as_array().is_some_and(|names| are_unique_texts(names)),
        "minLength" | "maxLength" | "minItems" | "maxItems" | "minProperties" | "maxProperties" => value.is_u64(),
        "minimum" | "maximum" | "exclusiveMinimum" | "exclusiveMaximum" => value.is_number(),
        "uniqueItems" | "deprecated" | "readOnly" | "writeOnly" => value.is_boolean(),
        _ => false,
    }
}

fn is_schema(value: &Value) -> bool {
    matches!(value, Value::Object(_) | Value::Bool(_))
}

/// Comparing each with each is the fastest for the few that there are.
fn are_unique_texts(names: &[Value]) -> bool {
    let is_new = |(index, name): (usize, &Value)| name.is_string() && !names[..index].contains(name);
    names.len() <= 32 && names.iter().enumerate().all(is_new)
}
