//! Schemas that are plainly right: what the meta-schema would say of most, told at a fraction of its cost.

use serde_json::Value;

use crate::member::JSON_TYPES;

/// Whether the meta-schema of draft 2020-12 surely has nothing against this value of this keyword, schemas inside it
/// apart. Where that takes a closer look, the answer is no, and the meta-schema is asked.
pub(super) fn is_plain(keyword: &str, value: &Value) -> bool {
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

pub(super) fn is_schema(value: &Value) -> bool {
    matches!(value, Value::Object(_) | Value::Bool(_))
}

/// Comparing each with each is the fastest for the few that there are.
fn are_unique_texts(names: &[Value]) -> bool {
    let is_new = |(index, name): (usize, &Value)| name.is_string() && !names[..index].contains(name);
    names.len() <= 32 && names.iter().enumerate().all(is_new)
}
