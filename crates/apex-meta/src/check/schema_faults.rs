//! What the published schema objects to, in the words and codes of manifests.

use std::collections::HashSet;

use serde_json::Value;

use super::suggest::closest;
use crate::{
    FaultCode, Violation,
    finding::{At, Finding, Mark},
    member::JSON_TYPES,
};

/// Adds what the published schema objects to, but for what other rules say better.
pub(super) fn add(root: &At<'_, '_>, violations: Vec<Violation>, schema: &Value, findings: &mut Vec<Finding>) {
    // Where a type knows the form of a text, it has said more than a pattern can.
    let said: HashSet<String> = findings.iter().map(|finding| finding.pointer.clone()).collect();
    for violation in violations {
        let value = root.value.pointer(&violation.pointer);
        // Members that exclude each other are the only `not` of the schema, and a rule names them.
        let is_said = violation.keyword == "not"
            || said.contains(&violation.pointer)
            || (violation.pointer == "/checksum/value" && said.contains("/checksum/algorithm"));
        if let Some(value) = value.filter(|_| !is_said) {
            findings.push(finding(violation, value, schema));
        }
    }
}

fn finding(violation: Violation, value: &Value, schema: &Value) -> Finding {
    let Violation { pointer, keyword, member, message, .. } = violation;
    match (keyword.as_str(), member) {
        ("required", Some(member)) => {
            let hint = missing_hint(&member, value, &pointer, schema);
            Finding { hint, ..Finding::error(FaultCode::MissingProperty, pointer, message) }
        }
        ("additionalProperties", Some(member)) => {
            let known = known_members(&pointer, schema);
            let hint = match closest(&member, known.iter().map(String::as_str)) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => format!("allowed here: {}", known.join(", ")),
            };
            let mut at = pointer;
            crate::strict_json::push_key(&mut at, &member);
            Finding::error(FaultCode::UnknownProperty, at, message).mark(Mark::Key).hint(hint)
        }
        ("type", _) => {
            let hint = wrong_type_hint(&pointer, value).map(str::to_owned);
            Finding { hint, ..Finding::error(FaultCode::WrongType, pointer, message) }
        }
        ("enum", _) => {
            let meant = value.as_str().and_then(|text| closest(text, JSON_TYPES.into_iter()));
            let meant = meant.filter(|_| pointer.ends_with("/type")).map(|meant| format!("did you mean `{meant}`?"));
            Finding { hint: meant, ..Finding::error(FaultCode::InvalidValue, pointer, message) }
        }
        _ => Finding::error(FaultCode::InvalidValue, pointer, message),
    }
}

fn wrong_type_hint(pointer: &str, value: &Value) -> Option<&'static str> {
    Some(match (pointer, value) {
        (_, Value::Null) => "leave the member out where there is no value",
        ("/dependencies", _) => "list them as `{\"plugins\": [...], \"python_libraries\": [...]}`",
        ("/checksum" | "/signature", _) => "packaging and signing write this member; remove what was written by hand",
        ("/version" | "/api_version", Value::Number(_)) => "write versions as strings, such as \"1.2.0\"",
        ("/tags" | "/permissions_required", Value::String(_)) => "write a list, such as [\"one\", \"two\"]",
        (_, Value::String(text)) if matches!(text.as_str(), "true" | "false") => "write true and false without quotes",
        _ => return None,
    })
}

/// A misspelt member that could be the missing one, or what the schema says of it.
fn missing_hint(member: &str, object: &Value, pointer: &str, schema: &Value) -> Option<String> {
    let known = known_members(pointer, schema);
    let misspelt = object.as_object()?.keys().take(100).find(|present| {
        !known.contains(present)
            && closest(present, known.iter().map(String::as_str)).is_some_and(|meant| meant == member)
    });
    if let Some(misspelt) = misspelt {
        return Some(format!("rename `{}` to `{member}`", misspelt.escape_debug()));
    }
    let property = definition(pointer, schema)?.get("properties")?.get(member)?;
    let description = property.get("description")?.as_str()?.trim_end_matches('.');
    let example = dereferenced(property, schema).get("examples").and_then(|examples| examples.get(0));
    let example = example.map(|example| format!(", such as {example}")).unwrap_or_default();
    Some(format!("add `{member}`: {}{example}", lower_first(description)))
}

fn lower_first(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map(|first| first.to_lowercase().chain(characters).collect()).unwrap_or_default()
}

fn known_members(pointer: &str, schema: &Value) -> Vec<String> {
    let properties = definition(pointer, schema).and_then(|definition| definition.get("properties"));
    properties.and_then(Value::as_object).into_iter().flatten().map(|(name, _)| name.clone()).collect()
}

/// The published schema of what stands at a pointer into a manifest.
fn definition<'a>(pointer: &str, schema: &'a Value) -> Option<&'a Value> {
    pointer.split('/').skip(1).try_fold(schema, |definition, segment| {
        let below = match definition.get("items") {
            Some(items) => items,
            None => definition.get("properties")?.get(segment)?,
        };
        Some(dereferenced(below, schema))
    })
}

fn dereferenced<'a>(definition: &'a Value, schema: &'a Value) -> &'a Value {
    let target = definition.get("$ref").and_then(Value::as_str).and_then(|reference| schema.pointer(&reference[1..]));
    target.unwrap_or(definition)
}
