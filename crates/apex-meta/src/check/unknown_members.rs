//! Members that no part of the system reads: most are misspelt.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{
    remedies::{self, in_one_line},
    suggest::closest,
};
use crate::{
    FaultCode, Report,
    finding::{At, Finding, Mark},
    schema_validator::{KEYWORDS, quoted},
};

/// The members that each kind of object in a manifest has.
pub(super) struct KnownMembers {
    manifest: Known,
    action: Known,
    parameter: Known,
    example: Known,
    dependencies: Known,
    plugin: Known,
    library: Known,
}

impl KnownMembers {
    pub(super) fn of(schema: &Value) -> Self {
        let known = |definition: &str| Known::of(&schema["$defs"][definition], &[]);
        Self {
            manifest: Known::of(schema, &[]),
            action: known("Action"),
            parameter: Known::of(&schema["$defs"]["Parameter"], KEYWORDS),
            example: known("Example"),
            dependencies: known("Dependencies"),
            plugin: known("PluginDependency"),
            library: known("PythonLibrary"),
        }
    }

    pub(super) fn check(&self, root: &At<'_, '_>, findings: &mut Vec<Finding>) {
        check_object(root, &self.manifest, findings);
        if let Some(actions) = root.member("actions") {
            for action in actions.items() {
                check_object(&action, &self.action, findings);
                check_items(&action, "parameters", &self.parameter, findings);
                check_items(&action, "examples", &self.example, findings);
            }
        }
        if let Some(dependencies) = root.member("dependencies") {
            check_object(&dependencies, &self.dependencies, findings);
            check_items(&dependencies, "plugins", &self.plugin, findings);
            check_items(&dependencies, "python_libraries", &self.library, findings);
        }
    }
}

/// The members of one kind of object.
struct Known(BTreeMap<String, Option<Kind>>);

impl Known {
    fn of(definition: &Value, keywords: &[&str]) -> Self {
        let properties = definition["properties"].as_object().into_iter().flatten();
        let keywords = keywords.iter().map(|&name| (name.to_owned(), None));
        Self(keywords.chain(properties.map(|(name, property)| (name.clone(), Kind::of(property)))).collect())
    }
}

fn check_items(object: &At<'_, '_>, list: &str, known: &Known, findings: &mut Vec<Finding>) {
    if let Some(list) = object.member(list) {
        for item in list.items() {
            check_object(&item, known, findings);
        }
    }
}

fn check_object(object: &At<'_, '_>, known: &Known, findings: &mut Vec<Finding>) {
    for (name, member) in object.members() {
        if name.starts_with("x-") || known.0.contains_key(name) {
            continue;
        }
        // Nobody reads further, and looking for the name that was meant takes its time.
        if findings.len() >= 2 * Report::MAX_FAULTS {
            return;
        }
        let hint = remedy(object, name, member.value, known);
        let finding = member.warning(FaultCode::UnknownProperty, format!("unknown member {}", quoted(name)));
        findings.push(finding.mark(Mark::Key).hint(hint));
    }
}

fn remedy(object: &At<'_, '_>, name: &str, value: &Value, known: &Known) -> String {
    let meant = closest(name, known.0.keys().map(String::as_str));
    if let Some(meant) = meant.filter(|meant| object.member(meant).is_none()) {
        if meant == "entry_point"
            && let Some(remedy) = remedies::entry_point(object)
        {
            return remedy;
        }
        // Its new name alone would not make the value right.
        return match &known.0[meant] {
            Some(kind) if kind.expects_other(value) => {
                let remedy = remedies::of_type(&format!("{}/{meant}", object.pointer()), value);
                format!("did you mean `{meant}`? {}", remedy.unwrap_or_else(|| kind.expected(meant)))
            }
            _ => format!("did you mean `{meant}`?"),
        };
    }
    let note =
        remedies::unknown(name).unwrap_or("remove it, or start its name with `x-` if it is an extension of yours");
    note.to_owned()
}

/// What a member's value has to be, as far as its JSON type goes.
struct Kind {
    name: String,
    example: Option<Value>,
}

impl Kind {
    fn of(property: &Value) -> Option<Self> {
        let name = property.get("type")?.as_str()?.to_owned();
        Some(Self { name, example: property.get("examples").and_then(|examples| examples.get(0)).cloned() })
    }

    fn expects_other(&self, value: &Value) -> bool {
        match self.name.as_str() {
            "array" => !value.is_array(),
            "object" => !value.is_object(),
            "string" => !value.is_string(),
            "boolean" => !value.is_boolean(),
            "integer" => !value.is_number(),
            _ => false,
        }
    }

    fn expected(&self, member: &str) -> String {
        match &self.example {
            Some(example) => format!("write it as in `\"{member}\": {}`", in_one_line(example)),
            None => format!("its value is of type {}", self.name),
        }
    }
}
