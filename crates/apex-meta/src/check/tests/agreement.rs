//! The published schema and the types come to the same judgement (R1.2).

use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::{VALIDATOR, examine};
use super::manifest::full;
use crate::{Document, FaultCode, Severity, rules};

/// Texts that are nearly what some member wants.
fn near_text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[A-Za-z0-9._-]{0,12}",
        "[a-z]{1,3}(\\.[a-zA-Z0-9_-]{0,3}){0,3}",
        "[0-9]{1,11}\\.[0-9]{1,3}\\.[0-9]{1,3}(-[0-9a-zA-Z.-]{0,6})?(\\+[0-9a-z.-]{0,5})?",
        "[0-9]{1,3}(\\.[0-9]{1,2}){0,4}",
        "[a-zA-Z_0-9]{0,4}(::|:|\\.)[A-Za-z_0-9]{0,4}(::|\\.)?[A-Za-z]{0,2}",
        "[0-9a-f]{63,65}",
        "[0-9a-fA-F]{64}",
        "[ ^~=<>!]{0,2}[0-9]{1,2}(\\.[0-9*]{1,2}){0,3}",
        "(blake3|sha256|md5|string|integer|object|null|str)",
        "\\PC{0,6}",
        "[a-z.]{126,130}",
        "[a-zA-Z][a-z_-]{62,65}",
        "a::[a-z]{195,200}",
    ]
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        4 => near_text().prop_map(Value::from),
        1 => prop::sample::select(vec![json!(null), json!(true), json!(0), json!(1), json!(-1), json!(1.0), json!(1.5), json!(-0.0)]),
        1 => prop::sample::select(vec![json!(9_007_199_254_740_991_u64), json!(1e15), json!([]), json!({})]),
        1 => prop::sample::select(vec![
            json!({"id": "a"}), json!({"name": "a"}), json!({"name": "a", "description": "b"}), json!({"name": "a", "type": "null"}),
            json!(["ed25519", "a", "b"]), json!(["blake3", "0"]), json!({"params": {}, "result": null}), json!({"type": "object"}),
        ]),
    ];
    leaf.prop_recursive(2, 6, 2, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..2).prop_map(Value::Array),
            (near_text(), inner).prop_map(|(key, value)| json!({key: value})),
        ]
    })
}

/// What happens to one place of a manifest.
#[derive(Debug, Clone)]
enum Change {
    /// Only a text becomes another.
    Reword(String),
    Replace(Value),
    Remove,
    Add(String, Value),
}

fn any_change() -> impl Strategy<Value = Change> {
    let key = prop_oneof![
        near_text(),
        prop::sample::select(vec![
            "parameters",
            "parameters_schema",
            "returns",
            "returns_schema",
            "timeout_ms",
            "result",
            "optional",
            "version_specifier",
            "checksum",
            "signature",
            "$schema",
            "required",
            "description",
            "examples",
            "name",
            "plugins",
            "value",
        ])
        .prop_map(str::to_owned),
    ];
    prop_oneof![
        5 => near_text().prop_map(Change::Reword),
        1 => any_value().prop_map(Change::Replace),
        1 => Just(Change::Remove),
        2 => (key, any_value()).prop_map(|(key, value)| Change::Add(key, value)),
    ]
}

pub(super) fn places(value: &Value, at: &str, found: &mut Vec<String>) {
    found.push(at.to_owned());
    match value {
        Value::Object(members) => {
            for (key, member) in members {
                places(member, &format!("{at}/{}", key.replace('~', "~0").replace('/', "~1")), found);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                places(item, &format!("{at}/{index}"), found);
            }
        }
        _ => {}
    }
}

fn apply(manifest: &mut Value, place: &str, change: Change) {
    let value = manifest.pointer_mut(place).unwrap();
    match (change, value) {
        (Change::Reword(text), Value::String(old)) => *old = text,
        (Change::Reword(_), _) => {}
        (Change::Add(key, added), Value::Object(members)) => _ = members.insert(key, added),
        (Change::Add(_, added), Value::Array(items)) => items.push(added),
        (Change::Add(_, added) | Change::Replace(added), value) => *value = added,
        (Change::Remove, _) => {
            let Some((parent, last)) = place.rsplit_once('/') else { return };
            match manifest.pointer_mut(parent).unwrap() {
                Value::Object(members) => _ = members.remove(&last.replace("~1", "/").replace("~0", "~")),
                Value::Array(items) => _ = items.remove(last.parse().unwrap()),
                _ => {}
            }
        }
    }
}

/// The same from plain values: a value replaces or, under a key, is added; none removes.
pub(super) fn apply_plain(manifest: &mut Value, place: &str, key: Option<&str>, value: Option<Value>) -> &'static str {
    let (change, kind) = match (key, value) {
        (Some(key), Some(value)) => (Change::Add(key.to_owned(), value), "added"),
        (None, Some(value)) => (Change::Replace(value), "replaced"),
        (_, None) => (Change::Remove, "removed"),
    };
    apply(manifest, place, change);
    kind
}

prop_compose! {
    fn changed()(changes in prop::collection::vec((any::<prop::sample::Index>(), any_change()), 1..4)) -> Value {
        let mut manifest = full();
        for (index, change) in changes {
            let mut known = Vec::new();
            places(&manifest, "", &mut known);
            apply(&mut manifest, &known[index.index(known.len())], change);
        }
        manifest
    }
}

/// The rules that the types apply and no JSON Schema can state.
pub(super) fn beyond_the_schema(manifest: &Value) -> bool {
    let mut findings = Vec::new();
    rules::forms(manifest, &mut findings);
    findings.retain(|finding| finding.code == FaultCode::InvalidSpecifier);
    rules::relations(manifest, &mut findings);
    findings
        .iter()
        .any(|finding| finding.severity == Severity::Error && finding.code != FaultCode::ConflictingProperties)
}

/// The members whose form both judges know, each with texts that are nearly right.
fn a_form() -> impl Strategy<Value = (&'static str, String)> {
    let id = || "[a-z0-9]{1,2}([._-]{1,2}[A-Za-z0-9]{0,2}){0,3}|[a-z.]{126,130}";
    let number = "(0|[1-9][0-9]{0,2}|[0-9]{9,10}|0[0-9])";
    let version = format!(
        "{number}\\.{number}\\.{number}(-[0-9a-zA-Z-]{{0,3}}(\\.[0-9a-z-]{{0,3}}){{0,2}})?(\\+[0-9a-z-]{{0,3}}(\\.[0-9a-z]{{0,2}})?)?"
    );
    prop_oneof![
        id().prop_map(|text| ("/id", text)),
        id().prop_map(|text| ("/dependencies/plugins/0/id", text)),
        proptest::string::string_regex(&version).unwrap().prop_map(|text| ("/version", text)),
        "1\\.0\\.0[-+][a-z]{120,125}".prop_map(|text| ("/version", text)),
        "[a-zA-Z_][a-zA-Z0-9_]{0,2}(::|\\.|:|/)[a-zA-Z0-9_]{0,2}((::|\\.)[a-zA-Z_]{1,2}){0,2}"
            .prop_map(|text| ("/entry_point", text)),
        "a::[a-z]{195,200}".prop_map(|text| ("/entry_point", text)),
        "[a-zA-Z0-9][a-z0-9_ -]{0,4}|[a-z][a-z_-]{61,65}".prop_map(|text| ("/actions/0/name", text)),
        "[0-9a-f]{63,65}|[0-9a-fA-F]{64}".prop_map(|text| ("/checksum/value", text)),
        "blake3|sha256|sha512|Blake3".prop_map(|text| ("/checksum/algorithm", text)),
        "string|number|integer|boolean|array|object|null|String|any"
            .prop_map(|text| ("/actions/0/parameters/2/type", text)),
        "x{0,1}".prop_map(|text| ("/name", text)),
    ]
}

fn agree(manifest: &Value) -> Result<(), TestCaseError> {
    let by_schema = VALIDATOR.is_valid(manifest) && !beyond_the_schema(manifest);
    let by_types = Document::from_value(manifest.clone());
    let violations = VALIDATOR.validate(manifest);
    prop_assert_eq!(by_schema, by_types.is_ok(), "{:?}\n{:?}\n{}", by_types, violations, manifest);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn schema_and_types_agree_on_whatever_a_schema_can_say(manifest in changed()) {
        agree(&manifest)?;
    }

    #[test]
    fn schema_and_types_agree_on_the_form_of_texts((place, text) in a_form()) {
        let mut manifest = full();
        *manifest.pointer_mut(place).unwrap() = text.into();
        agree(&manifest)?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    /// A fault that only the last, typed reading sees would come without its place.
    #[test]
    fn the_check_finds_a_fault_exactly_where_a_judge_refuses(manifest in changed()) {
        let refused = !VALIDATOR.is_valid(&manifest) || Document::from_value(manifest.clone()).is_err();
        let found = examine(&manifest).iter().any(|finding| finding.severity == Severity::Error);
        prop_assert!(found || !refused, "{}", manifest);
    }
}
