//! Actions and parameters: names that must differ, members that exclude each other.

use std::collections::BTreeSet;

use crate::{
    FaultCode,
    finding::{At, Finding},
};

pub(super) fn check(root: &At<'_, '_>, findings: &mut Vec<Finding>) {
    let Some(actions) = root.member("actions") else { return };
    unique(actions.items(), "name", FaultCode::DuplicateAction, "action", findings);
    for action in actions.items() {
        excluding(&action, "parameters", "parameters_schema", findings);
        excluding(&action, "returns", "returns_schema", findings);
        if let Some(parameters) = action.member("parameters") {
            unique(parameters.items(), "name", FaultCode::DuplicateParameter, "parameter", findings);
        }
        let streams = action.member("returns_stream").is_some_and(|streams| streams.value == true);
        if let Some(metadata) = action.member("stream_metadata").filter(|_| !streams) {
            let message = "`stream_metadata` describes a stream, but the action does not return one";
            let finding = metadata.warning(FaultCode::StreamMetadataUnused, message);
            findings.push(finding.hint("add `\"returns_stream\": true`, or remove `stream_metadata`"));
        }
    }
}

/// Reports each item whose member of that name has the value of an earlier one's.
pub(super) fn unique<'v: 'p, 'p>(
    items: impl Iterator<Item = At<'v, 'p>>,
    member: &str,
    code: FaultCode,
    noun: &str,
    findings: &mut Vec<Finding>,
) {
    // Of the few that there mostly are, the order is found sooner than a hash.
    let mut seen = BTreeSet::new();
    for item in items {
        let Some(named) = item.member(member) else { continue };
        let Some(name) = named.text() else { continue };
        if !seen.insert(name) {
            let message = format!("{noun} `{}` is declared twice", name.escape_debug());
            findings.push(named.error(code, message).hint("rename or remove one of the two"));
        }
    }
}

fn excluding(action: &At<'_, '_>, one: &str, other: &str, findings: &mut Vec<Finding>) {
    if action.member(one).is_some()
        && let Some(second) = action.member(other)
    {
        let message = format!("`{one}` and `{other}` both say the same thing, and only one of them may");
        findings
            .push(second.error(FaultCode::ConflictingProperties, message).hint(format!("remove `{one}` or `{other}`")));
    }
}
