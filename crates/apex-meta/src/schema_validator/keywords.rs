//! Which keywords of JSON Schema 2020-12 hold schemas, and where a `$ref` leads.

use std::borrow::Cow;

use serde_json::Value;

/// Every keyword of 2020-12, and those of earlier drafts that are still read.
pub(crate) const KEYWORDS: &[&str] = &[
    "$anchor",
    "$comment",
    "$defs",
    "$dynamicAnchor",
    "$dynamicRef",
    "$id",
    "$ref",
    "$schema",
    "$vocabulary",
    "additionalProperties",
    "allOf",
    "anyOf",
    "const",
    "contains",
    "contentEncoding",
    "contentMediaType",
    "contentSchema",
    "default",
    "definitions",
    "dependentRequired",
    "dependentSchemas",
    "deprecated",
    "description",
    "else",
    "enum",
    "examples",
    "exclusiveMaximum",
    "exclusiveMinimum",
    "format",
    "if",
    "items",
    "maxContains",
    "maxItems",
    "maxLength",
    "maxProperties",
    "maximum",
    "minContains",
    "minItems",
    "minLength",
    "minProperties",
    "minimum",
    "multipleOf",
    "not",
    "oneOf",
    "pattern",
    "patternProperties",
    "prefixItems",
    "properties",
    "propertyNames",
    "readOnly",
    "required",
    "then",
    "title",
    "type",
    "unevaluatedItems",
    "unevaluatedProperties",
    "uniqueItems",
    "writeOnly",
];

/// What stands behind a keyword.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Content {
    /// One schema.
    Schema,
    /// An array of schemas.
    Schemas,
    /// An object whose values are schemas, under names that are no keywords.
    NamedSchemas,
    /// Anything else: data that no keyword is looked for in.
    Data,
}

pub(super) fn content_of(keyword: &str) -> Content {
    match keyword {
        "additionalItems"
        | "additionalProperties"
        | "contains"
        | "contentSchema"
        | "else"
        | "if"
        | "items"
        | "not"
        | "propertyNames"
        | "then"
        | "unevaluatedItems"
        | "unevaluatedProperties" => Content::Schema,
        "allOf" | "anyOf" | "oneOf" | "prefixItems" => Content::Schemas,
        "$defs" | "definitions" | "dependencies" | "dependentSchemas" | "patternProperties" | "properties" => {
            Content::NamedSchemas
        }
        _ => Content::Data,
    }
}

/// The schema that a local `$ref` leads to: `#`, `#/json/pointer` or `#anchor`.
pub(super) fn resolve<'a>(root: &'a Value, reference: &str) -> Option<&'a Value> {
    let fragment = percent_decoded(reference.strip_prefix('#')?)?;
    if fragment.is_empty() || fragment.starts_with('/') {
        return root.pointer(&fragment);
    }
    find_anchor(root, &fragment)
}

fn find_anchor<'a>(schema: &'a Value, name: &str) -> Option<&'a Value> {
    let members = schema.as_object()?;
    let is_anchor = |key: &str| members.get(key).is_some_and(|anchor| anchor == name);
    if is_anchor("$anchor") || is_anchor("$dynamicAnchor") {
        return Some(schema);
    }
    members.iter().find_map(|(keyword, value)| match (content_of(keyword), value) {
        (Content::Schema, value) => find_anchor(value, name),
        (Content::Schemas, Value::Array(items)) => items.iter().find_map(|item| find_anchor(item, name)),
        (Content::NamedSchemas, Value::Object(named)) => named.values().find_map(|schema| find_anchor(schema, name)),
        _ => None,
    })
}

/// RFC 3986's escapes, which a URI's fragment may hold.
fn percent_decoded(text: &str) -> Option<Cow<'_, str>> {
    if !text.contains('%') {
        return Some(text.into());
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        rest = tail;
        if first != b'%' {
            bytes.push(first);
            continue;
        }
        let (digits, tail) = rest.split_at_checked(2)?;
        let [high, low] = [digits[0], digits[1]].map(|digit| char::from(digit).to_digit(16));
        bytes.push(u8::try_from(high? << 4 | low?).ok()?);
        rest = tail;
    }
    String::from_utf8(bytes).ok().map(Cow::Owned)
}
