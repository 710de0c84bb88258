//! The schemas that a manifest holds, and the examples that should fit them.

use std::{borrow::Cow, collections::HashMap};

use serde_json::{Map, Value, json};

use super::suggest::closest;
use crate::{
    FaultCode, InvalidSchema, SchemaValidator, Violation,
    finding::{At, Finding},
    member::JSON_TYPES,
    schema_validator::{Examination, found},
};

/// The most values that all schemas of a manifest may consist of, and the most patterns in them: each schema has its own
/// limits, but there can be many.
const MAX_NODES: u64 = 100_000;
const MAX_PATTERNS: usize = 250;

/// The most examples that are tried against their action.
const MAX_EXAMPLES: usize = 200;

const SIMPLER: &str = "describe less: `{}` allows any value";

fn remedy(fault: &InvalidSchema, schema: &Value) -> Option<String> {
    let known = match fault.code() {
        FaultCode::RefNotLocal => "copy that schema under `$defs` of this one, and refer to `#/$defs/NAME`",
        FaultCode::RefUnresolved => "write the schema under `$defs`, or correct the name in the reference",
        FaultCode::RefCyclic => "write the nesting out as deep as it is needed, and allow any value, `{}`, below",
        FaultCode::SchemaTooComplex => SIMPLER,
        FaultCode::InvalidSchema => {
            let found = schema.pointer(fault.pointer()).and_then(Value::as_str);
            match found
                .filter(|_| fault.pointer().ends_with("/type"))
                .and_then(|text| closest(text, JSON_TYPES.into_iter()))
            {
                Some(meant) => return Some(format!("did you mean `{meant}`?")),
                None => {
                    "what each keyword takes is listed at https://json-schema.org/understanding-json-schema/keywords"
                }
            }
        }
        _ => return None,
    };
    Some(known.to_owned())
}

pub(super) fn check(root: &At<'_, '_>, findings: &mut Vec<Finding>) {
    let mut check = Check { findings, nodes: 0, patterns: 0, examples: 0 };
    if let Some(configuration) = root.member("configuration_schema") {
        check.object_schema(&configuration, "a configuration");
    }
    let Some(actions) = root.member("actions") else { return };
    for action in actions.items() {
        let has_good_parameters = check.parameters(&action);
        let returns = ["returns", "returns_schema"].into_iter().filter_map(|name| action.member(name));
        let returns = returns.fold(None, |_, schema| check.schema(&schema).then_some(schema.value));
        if let Some(examples) = action.member("examples") {
            let streams = action.member("returns_stream").is_some_and(|streams| streams.value == true);
            let parameters = schema_of_parameters(&action).filter(|_| has_good_parameters);
            check.examples(&examples, parameters.as_deref(), returns.filter(|_| !streams));
        }
    }
}

/// What the schemas of a manifest have cost so far.
struct Check<'f> {
    findings: &'f mut Vec<Finding>,
    nodes: u64,
    patterns: usize,
    examples: usize,
}

impl Check<'_> {
    /// Whether a schema is good, reporting its faults at the places that the pointers into it stand for.
    fn examine(&mut self, at: &At<'_, '_>, schema: &Value, place: impl Fn(&str) -> String) -> bool {
        if self.is_exhausted() {
            return false;
        }
        let Examination { faults, nodes, patterns } = SchemaValidator::examine(schema);
        if faults.is_empty() {
            return self.count(at, nodes, patterns);
        }
        (self.nodes, self.patterns) = (self.nodes.saturating_add(nodes), self.patterns.saturating_add(patterns));
        for fault in faults {
            let hint = remedy(&fault, schema);
            self.findings
                .push(Finding { hint, ..Finding::error(fault.code(), place(fault.pointer()), fault.message()) });
        }
        false
    }

    /// Adds to what the schemas of the manifest cost together; says whether that is still within the limits.
    fn count(&mut self, at: &At<'_, '_>, nodes: u64, patterns: usize) -> bool {
        (self.nodes, self.patterns) = (self.nodes.saturating_add(nodes), self.patterns.saturating_add(patterns));
        let is_bounded = !self.is_exhausted();
        if !is_bounded {
            let message =
                format!("the schemas of one manifest may have {MAX_NODES} values and {MAX_PATTERNS} patterns together");
            self.findings.push(at.error(FaultCode::SchemaTooComplex, message).hint(SIMPLER));
        }
        is_bounded
    }

    fn is_exhausted(&self) -> bool {
        self.nodes > MAX_NODES || self.patterns > MAX_PATTERNS
    }

    /// Whether there is a good schema; what is no object is for the published schema to report.
    fn schema(&mut self, at: &At<'_, '_>) -> bool {
        at.value.is_object() && self.examine(at, at.value, |inside| format!("{}{inside}", at.pointer()))
    }

    fn object_schema(&mut self, at: &At<'_, '_>, what: &str) -> bool {
        let is_good = self.schema(at);
        match at.member("type") {
            Some(kind) if is_good && kind.value != "object" => {
                let message =
                    format!("expected the type `object`, which {what} always has, found {}", found(kind.value));
                self.findings.push(kind.error(FaultCode::InvalidSchema, message).hint("write `\"type\": \"object\"`"));
                false
            }
            _ => is_good,
        }
    }

    /// Whether an action's parameters are described by a good schema, or by none.
    fn parameters(&mut self, action: &At<'_, '_>) -> bool {
        if let Some(schema) = action.member("parameters_schema") {
            return self.object_schema(&schema, "the object of parameters");
        }
        let Some(parameters) = action.member("parameters") else { return true };
        // To build one schema of them costs more than to see that they are as plain as most.
        if let Some(nodes) = SchemaValidator::size_if_plain(keywords(&parameters)) {
            return !self.is_exhausted() && self.count(&parameters, nodes, 0);
        }
        let (schema, places) = object_schema(&parameters);
        self.examine(&parameters, &schema, |inside| {
            let list = parameters.pointer();
            place_of(inside, &list, &places).unwrap_or(list)
        })
    }

    /// An example that does not fit misleads whoever reads it, but breaks nothing.
    fn examples(&mut self, examples: &At<'_, '_>, parameters: Option<&Value>, returns: Option<&Value>) {
        let compile = |schema: Option<&Value>| schema.and_then(|schema| SchemaValidator::compile(schema).ok());
        if self.examples >= MAX_EXAMPLES {
            return;
        }
        let (parameters, returns) = (compile(parameters), compile(returns));
        for example in examples.items().take(MAX_EXAMPLES - self.examples) {
            self.examples += 1;
            let params = example.member("params").filter(|params| params.value.is_object());
            if let (Some(validator), Some(params)) = (&parameters, params) {
                let mut filled = params.value.clone();
                validator.fill_defaults(&mut filled);
                self.example(&params, validator.validate(&filled));
            }
            if let (Some(validator), Some(result)) = (&returns, example.member("result")) {
                self.example(&result, validator.validate(result.value));
            }
        }
    }

    fn example(&mut self, at: &At<'_, '_>, validity: Result<(), Vec<Violation>>) {
        for Violation { pointer, message, .. } in validity.err().into_iter().flatten() {
            let (pointer, message) =
                (format!("{}{pointer}", at.pointer()), format!("the example does not fit the action: {message}"));
            let finding = Finding::warning(FaultCode::ExampleMismatch, pointer, message);
            self.findings.push(finding.hint("correct the example, or the schema of the action that it breaks"));
        }
    }
}

/// The schema of an action's parameters; none of a list that does not say which of two parameters a name means.
fn schema_of_parameters<'v>(action: &At<'v, '_>) -> Option<Cow<'v, Value>> {
    if let Some(schema) = action.member("parameters_schema") {
        return Some(Cow::Borrowed(schema.value));
    }
    let Some(parameters) = action.member("parameters") else {
        return Some(Cow::Owned(json!({"additionalProperties": false})));
    };
    let (schema, places) = object_schema(&parameters);
    (places.len() == parameters.items().count()).then_some(Cow::Owned(schema))
}

/// The keywords of all schemas in a list of parameters.
fn keywords<'v: 'p, 'p>(parameters: &'p At<'v, 'p>) -> impl Iterator<Item = (&'v str, &'v Value)> {
    let members = parameters.items().filter_map(|parameter| parameter.value.as_object()).flatten();
    members.map(|(keyword, value)| (keyword.as_str(), value)).filter(|(keyword, _)| is_keyword(keyword))
}

/// Whether a parameter's member belongs to its schema.
fn is_keyword(member: &str) -> bool {
    !matches!(member, "name" | "required")
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
        keywords.retain(|keyword, _| is_keyword(keyword));
        // A type that is none is reported by the published schema.
        keywords.retain(|keyword, value| {
            keyword != "type" || value.as_str().is_some_and(|name| JSON_TYPES.contains(&name))
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
