//! Members that no part of the system reads: most are misspelt.

use std::collections::BTreeSet;

use serde_json::Value;

use super::suggest::closest;
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
struct Known(BTreeSet<String>);

impl Known {
    fn of(definition: &Value, keywords: &[&str]) -> Self {
        let properties = definition["properties"].as_object().into_iter().flatten();
        Self(properties.map(|(name, _)| name.clone()).chain(keywords.iter().map(|&name| name.to_owned())).collect())
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
        if name.starts_with("x-") || known.0.contains(name) {
            continue;
        }
        // Nobody reads further, and looking for the name that was meant takes its time.
        if findings.len() >= 2 * Report::MAX_FAULTS {
            return;
        }
        let hint = match closest(name, known.0.iter().map(String::as_str)) {
            Some(meant) if object.member(meant).is_none() => format!("did you mean `{meant}`?"),
            _ => "remove it, or start its name with `x-` if it is an extension of yours".to_owned(),
        };
        let finding = member.warning(FaultCode::UnknownProperty, format!("unknown member {}", quoted(name)));
        findings.push(finding.mark(Mark::Key).hint(hint));
    }
}
