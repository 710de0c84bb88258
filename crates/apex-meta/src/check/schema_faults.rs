//! What the published schema objects to, in the words and codes of manifests.

use std::collections::HashSet;

use serde_json::Value;

use super::{
    remedies::{self, in_one_line},
    suggest::closest,
};
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
            let hint = wrong_type_hint(&pointer, value, schema);
            Finding { hint, ..Finding::error(FaultCode::WrongType, pointer, message) }
        }
        ("enum", _) => {
            let meant = value.as_str().and_then(|text| closest(text, JSON_TYPES.into_iter()));
            let meant = meant.filter(|_| pointer.ends_with("/type")).map(|meant| format!("did you mean `{meant}`?"));
            Finding { hint: meant, ..Finding::error(FaultCode::InvalidValue, pointer, message) }
        }
        _ => {
            let hint = example(&pointer, schema).map(|example| format!("write it as in {example}"));
            Finding { hint, ..Finding::error(FaultCode::InvalidValue, pointer, message) }
        }
    }
}

/// What was meant, or else an example of what is expected.
fn wrong_type_hint(pointer: &str, value: &Value, schema: &Value) -> Option<String> {
    remedies::of_type(pointer, value).or_else(|| Some(format!("write it as in {}", example(pointer, schema)?)))
}

/// An example of what should stand at a pointer, with its key, if the schema has a short one.
fn example(pointer: &str, schema: &Value) -> Option<String> {
    let (parent, member) = pointer.rsplit_once('/')?;
    let property = definition(parent, schema)?.get("properties")?.get(member)?;
    Some(format!("`\"{member}\": {}`", in_one_line(example_of(property, schema)?)))
}

fn example_of<'a>(property: &'a Value, schema: &'a Value) -> Option<&'a Value> {
    let own = property.get("examples").or_else(|| dereferenced(property, schema).get("examples"));
    own.and_then(|examples| examples.get(0))
}

/// Members that could be the missing one under another name, or what the schema says of it.
fn missing_hint(member: &str, object: &Value, pointer: &str, schema: &Value) -> Option<String> {
    if (pointer, member) == ("", "entry_point")
        && let Some(hint) = remedies::entry_point(&At::root(object))
    {
        return Some(hint);
    }
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
    let example = example_of(property, schema);
    let example =
        example.map(|example| format!(", such as `\"{member}\": {}`", in_one_line(example))).unwrap_or_default();
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
