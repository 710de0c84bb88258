//! The schemas that a manifest holds, and the examples that should fit them.

use std::collections::HashMap;

use serde_json::{Map, Value, json};

use crate::{
    FaultCode, SchemaValidator, Violation,
    finding::{At, Finding},
    schema_validator::found,
};

pub(super) fn check(root: &At<'_, '_>, findings: &mut Vec<Finding>) {
    if let Some(configuration) = root.member("configuration_schema") {
        check_object_schema(&configuration, "a configuration", findings);
    }
    let Some(actions) = root.member("actions") else { return };
    for action in actions.items() {
        let parameters = check_parameters(&action, findings);
        let returns = ["returns", "returns_schema"].into_iter().filter_map(|name| action.member(name));
        let returns = returns.fold(None, |_, schema| check_schema(&schema, findings).then_some(schema.value));
        if let Some(examples) = action.member("examples") {
            let streams = action.member("returns_stream").is_some_and(|streams| streams.value == true);
            check_examples(&examples, parameters.as_ref(), returns.filter(|_| !streams), findings);
        }
    }
}

/// Whether a schema is good; `true` or `false` where an object is due is for the published schema to report.
fn check_schema(at: &At<'_, '_>, findings: &mut Vec<Finding>) -> bool {
    if !at.value.is_object() {
        return false;
    }
    let faults = SchemaValidator::examine(at.value);
    let is_good = faults.is_empty();
    let pointer = if is_good { String::new() } else { at.pointer() };
    findings.extend(
        faults
            .into_iter()
            .map(|fault| Finding::error(fault.code(), format!("{pointer}{}", fault.pointer()), fault.message())),
    );
    is_good
}

fn check_object_schema(at: &At<'_, '_>, what: &str, findings: &mut Vec<Finding>) -> bool {
    let is_good = check_schema(at, findings);
    match at.member("type") {
        Some(kind) if is_good && kind.value != "object" => {
            let message = format!("expected the type `object`, which {what} always has, found {}", found(kind.value));
            findings.push(kind.error(FaultCode::InvalidSchema, message));
            false
        }
        _ => is_good,
    }
}

/// The schema of an action's parameters, if it has a good one.
fn check_parameters(action: &At<'_, '_>, findings: &mut Vec<Finding>) -> Option<Value> {
    if let Some(schema) = action.member("parameters_schema") {
        return check_object_schema(&schema, "the object of parameters", findings).then(|| schema.value.clone());
    }
    let Some(parameters) = action.member("parameters") else { return Some(json!({"additionalProperties": false})) };
    let (schema, places) = object_schema(&parameters);
    let faults = SchemaValidator::examine(&schema);
    let is_good = faults.is_empty();
    for fault in faults {
        let list = parameters.pointer();
        let pointer = place_of(fault.pointer(), &list, &places).unwrap_or(list);
        findings.push(Finding::error(fault.code(), pointer, fault.message()));
    }
    is_good.then_some(schema)
}

/// The list of parameters as one schema, and which of the list each of its properties comes from.
///
/// As [`crate::Action::parameters_object_schema`], of whatever is well-formed enough; the rest is reported elsewhere.
fn object_schema(parameters: &At<'_, '_>) -> (Value, HashMap<String, usize>) {
    let (mut properties, mut required, mut places) = (Map::new(), Vec::new(), HashMap::new());
    for (index, parameter) in parameters.items().enumerate() {
        let (Some(name), Value::Object(members)) =
            (parameter.member("name").and_then(|name| name.text()), parameter.value)
        else {
            continue;
        };
        let mut keywords = members.clone();
        keywords.retain(|keyword, _| !matches!(keyword.as_str(), "name" | "required"));
        // A type that is none is reported by the published schema.
        keywords.retain(|keyword, value| {
            keyword != "type" || value.as_str().is_some_and(|name| crate::member::JSON_TYPES.contains(&name))
        });
        if parameter.member("required").is_some_and(|required| required.value == true) {
            required.push(name);
        }
        places.insert(name.to_owned(), index);
        properties.insert(name.to_owned(), Value::Object(keywords));
    }
    let required: Value = if required.is_empty() { json!([]) } else { json!(unique(required)) };
    (json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false}), places)
}

fn unique(mut names: Vec<&str>) -> Vec<&str> {
    names.sort_unstable();
    names.dedup();
    names
}

/// Translates a pointer into the built schema back to the list of parameters.
fn place_of(pointer: &str, parameters: &str, places: &HashMap<String, usize>) -> Option<String> {
    let rest = pointer.strip_prefix("/properties/")?;
    let (name, rest) = rest.find('/').map_or((rest, ""), |slash| rest.split_at(slash));
    let index = places.get(&name.replace("~1", "/").replace("~0", "~"))?;
    Some(format!("{parameters}/{index}{rest}"))
}

/// An example that does not fit misleads whoever reads it, but breaks nothing.
fn check_examples(
    examples: &At<'_, '_>,
    parameters: Option<&Value>,
    returns: Option<&Value>,
    findings: &mut Vec<Finding>,
) {
    let compile = |schema: Option<&Value>| schema.and_then(|schema| SchemaValidator::compile(schema).ok());
    let (parameters, returns) = (compile(parameters), compile(returns));
    for example in examples.items() {
        if let (Some(validator), Some(params)) = (&parameters, example.member("params")) {
            let mut filled = params.value.clone();
            validator.fill_defaults(&mut filled);
            check_example(&params, validator.validate(&filled), findings);
        }
        if let (Some(validator), Some(result)) = (&returns, example.member("result")) {
            check_example(&result, validator.validate(result.value), findings);
        }
    }
}

fn check_example(at: &At<'_, '_>, validity: Result<(), Vec<Violation>>, findings: &mut Vec<Finding>) {
    for Violation { pointer, message, .. } in validity.err().into_iter().flatten() {
        let pointer = format!("{}{pointer}", at.pointer());
        findings.push(Finding::warning(
            FaultCode::ExampleMismatch,
            pointer,
            format!("the example does not fit the action: {message}"),
        ));
    }
}
