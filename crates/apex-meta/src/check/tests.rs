//! What a check reports: each code, its place and its remedy, and all of them at once.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{Report, check};
use crate::{Document, FaultCode, Severity};

mod agreement;
mod hostile;
mod manifest;
mod mutations;
mod places;
mod remedies;

use manifest::full;

/// The one fault or warning that a change to a valid manifest leads to.
struct Row {
    pointer: &'static str,
    put: Value,
    code: FaultCode,
    at: &'static str,
    says: &'static str,
    hint: &'static str,
}

fn row(
    pointer: &'static str,
    put: Value,
    code: FaultCode,
    at: &'static str,
    says: &'static str,
    hint: &'static str,
) -> Row {
    Row { pointer, put, code, at, says, hint }
}

#[rustfmt::skip]
fn errors() -> Vec<Row> {
    use FaultCode::*;
    vec![
        row("/id", json!("../x"), InvalidId, "/id", "empty label", ""),
        row("/id", json!("a/b"), InvalidId, "/id", "'/' at byte 1", ""),
        row("/id", json!(""), InvalidId, "/id", "empty", ""),
        row("/id", json!(7), WrongType, "/id", "expected a string, found the number 7", ""),
        row("/id", json!(null), WrongType, "/id", "found null", "leave the member out"),
        row("/name", json!(""), InvalidValue, "/name", "not empty", ""),
        row("/version", json!("1.2"), InvalidVersion, "/version", "SemVer", ""),
        row("/version", json!(1.2), WrongType, "/version", "a string", "\"1.2.0\""),
        row("/version", json!("18446744073709551615.0.0"), VersionOutOfRange, "/version", "major", ""),
        row("/version", json!("1.18446744073709551616.0"), VersionOutOfRange, "/version", "minor", ""),
        row("/version", json!(format!("1.0.0-{}", "a".repeat(200))), InvalidVersion, "/version", "128", ""),
        row("/entry_point", json!("greeter"), InvalidEntryPoint, "/entry_point", "crate_name::TypeName", ""),
        row("/entry_point", json!("../lib::Greeter"), PathEscape, "/entry_point", "out of the plugin", ""),
        row("/entry_point", json!("/usr/lib/x.so"), PathEscape, "/entry_point", "", ""),
        row("/entry_point", json!("a\0b::C"), PathEscape, "/entry_point", "", ""),
        row("/icon", json!("../../icon.png"), PathEscape, "/icon", "out of the plugin", "assets/icon.svg"),
        row("/icon", json!("/etc/passwd"), PathEscape, "/icon", "", ""),
        row("/icon", json!("a\0.png"), PathEscape, "/icon", "", ""),
        row("/icon", json!("a\\..\\b"), PathEscape, "/icon", "", ""),
        row("/icon", json!("C:/icon.png"), PathEscape, "/icon", "", ""),
        row("/icon", json!("//evil.example/x"), PathEscape, "/icon", "", ""),
        row("/icon", json!("file:///etc/passwd"), IconUrlRejected, "/icon", "https", ""),
        row("/icon", json!("JavaScript:alert(1)"), IconUrlRejected, "/icon", "", ""),
        row("/icon", json!("data:image/png;base64,AA"), IconUrlRejected, "/icon", "", ""),
        row("/icon", json!("http://example.com/x.png"), IconUrlRejected, "/icon", "", ""),
        row("/icon", json!("https://"), IconUrlRejected, "/icon", "", ""),
        row("/icon", json!("https://u:p@example.com/x"), IconUrlRejected, "/icon", "password", ""),
        row("/icon", json!(" javascript:alert(1)"), InvalidIcon, "/icon", "", ""),
        row("/icon", json!("%2e%2e/x.png"), InvalidIcon, "/icon", "", ""),
        row("/icon", json!(""), InvalidIcon, "/icon", "", ""),
        row("/homepage", json!("http://example.com"), HomepageUrl, "/homepage", "scheme `http`", "https://example.com"),
        row("/homepage", json!("example.com"), HomepageUrl, "/homepage", "", ""),
        row("/homepage", json!("https://exa mple.com"), HomepageUrl, "/homepage", "", ""),
        row("/homepage", json!(" https://example.com"), HomepageUrl, "/homepage", "white space", ""),
        row("/tags", json!("demo"), WrongType, "/tags", "an array", "list"),
        row("/tags/0", json!(1), WrongType, "/tags/0", "", ""),
        row("/default_enabled", json!("true"), WrongType, "/default_enabled", "true or false", "without quotes"),
        row("/dependencies", json!([]), WrongType, "/dependencies", "an object", "python_libraries"),
        row("/dependencies/plugins/0/id", json!("-x"), InvalidId, "/dependencies/plugins/0/id", "", ""),
        row("/dependencies/plugins/0/id", json!("Com.Example.FULL"), SelfDependency, "/dependencies/plugins/0/id", "itself", ""),
        row("/dependencies/plugins/1", json!({"id": "com.example.base"}), DuplicateDependency, "/dependencies/plugins/1/id", "twice", ""),
        row("/dependencies/plugins/0/version_specifier", json!(">=1.x"), InvalidSpecifier, "/dependencies/plugins/0/version_specifier", "character 5", ""),
        row("/dependencies/python_libraries/0/name", json!(""), InvalidValue, "/dependencies/python_libraries/0/name", "", ""),
        row("/api_version", json!("1 || 2"), InvalidSpecifier, "/api_version", "comma", "all clauses"),
        row("/checksum/algorithm", json!("md5"), UnsupportedAlgorithm, "/checksum/algorithm", "blake3", ""),
        row("/checksum", json!({"algorithm": "md5", "value": "d41d8"}), UnsupportedAlgorithm, "/checksum/algorithm", "", ""),
        row("/checksum/value", json!("AB"), MalformedChecksum, "/checksum/value", "64 lower-case", ""),
        row("/checksum/value", json!("A".repeat(64)), MalformedChecksum, "/checksum/value", "", ""),
        row("/checksum/value", json!(""), MalformedChecksum, "/checksum/value", "", ""),
        row("/checksum/valeu", json!(""), UnknownProperty, "/checksum/valeu", "not allowed", "did you mean `value`?"),
        row("/checksum/salt", json!(""), UnknownProperty, "/checksum/salt", "not allowed", "allowed here: algorithm, value"),
        row("/signature", json!(["ed25519", "", ""]), WrongType, "/signature", "an object", "by hand"),
        row("/signature/method", json!("rsa"), UnsupportedSignatureMethod, "/signature/method", "ed25519", ""),
        row("/signature/key_id", json!("short"), MalformedSignature, "/signature/key_id", "64", ""),
        row("/signature/value", json!("AAAA"), MalformedSignature, "/signature/value", "Base64", ""),
        row("/actions", json!({}), WrongType, "/actions", "an array", ""),
        row("/actions/0/name", json!("2fast"), InvalidActionName, "/actions/0/name", "a letter", ""),
        row("/actions/0/name", json!("stream"), DuplicateAction, "/actions/1/name", "twice", "rename"),
        row("/actions/0/description", json!(""), InvalidValue, "/actions/0/description", "not empty", ""),
        row("/actions/0/parameters/1/name", json!("to"), DuplicateParameter, "/actions/0/parameters/1/name", "twice", ""),
        row("/actions/0/parameters/0/type", json!("str"), InvalidValue, "/actions/0/parameters/0/type", "found the string `str`", "did you mean `string`?"),
        row("/actions/0/parameters/0/type", json!("interger"), InvalidValue, "/actions/0/parameters/0/type", "", "did you mean `integer`?"),
        row("/actions/0/parameters/0/minLength", json!("1"), InvalidSchema, "/actions/0/parameters/0/minLength", "an integer", ""),
        row("/actions/0/parameters/0/pattern", json!("("), InvalidSchema, "/actions/0/parameters/0/pattern", "", ""),
        row("/actions/0/parameters_schema", json!({}), ConflictingProperties, "/actions/0/parameters_schema", "only one", "remove"),
        row("/actions/1/returns", json!({}), ConflictingProperties, "/actions/1/returns_schema", "only one", ""),
        row("/actions/1/parameters_schema/type", json!("strng"), InvalidSchema, "/actions/1/parameters_schema/type", "expected one of", ""),
        row("/actions/1/parameters_schema/type", json!("array"), InvalidSchema, "/actions/1/parameters_schema/type", "`object`", ""),
        row("/actions/1/parameters_schema", json!(true), WrongType, "/actions/1/parameters_schema", "an object", ""),
        row("/actions/1/parameters_schema/$ref", json!("https://example.com/s.json"), RefNotLocal, "/actions/1/parameters_schema/$ref", "out of the schema", ""),
        row("/actions/1/parameters_schema/$ref", json!("#/$defs/none"), RefUnresolved, "/actions/1/parameters_schema/$ref", "nothing", ""),
        row("/actions/1/parameters_schema/items", json!({"$ref": "#"}), RefCyclic, "/actions/1/parameters_schema/items/$ref", "back", ""),
        row("/actions/1/returns_schema/enum", json!(vec![0; 10_001]), SchemaTooComplex, "/actions/1/returns_schema", "10000", ""),
        row("/configuration_schema/type", json!("string"), InvalidSchema, "/configuration_schema/type", "`object`", ""),
        row("/configuration_schema/properties", json!([]), InvalidSchema, "/configuration_schema/properties", "an object", ""),
        row("/actions/0/timeout_ms", json!(0), InvalidValue, "/actions/0/timeout_ms", "at least 1", ""),
        row("/actions/0/timeout_ms", json!(1.5), WrongType, "/actions/0/timeout_ms", "an integer", ""),
        row("/actions/0/examples/0/params", json!([]), WrongType, "/actions/0/examples/0/params", "an object", ""),
        row("/actions/0/read_only", json!(1), WrongType, "/actions/0/read_only", "true or false", ""),
    ]
}

#[rustfmt::skip]
fn warnings() -> Vec<Row> {
    use FaultCode::*;
    vec![
        row("/license", json!("MIT License"), InvalidLicense, "/license", "not an SPDX", ""),
        row("/license", json!("GPLv3"), InvalidLicense, "/license", "", "did you mean `GPL-3.0-only`?"),
        row("/license", json!("Proprietary"), InvalidLicense, "/license", "", "LicenseRef"),
        row("/license", json!(""), InvalidLicense, "/license", "", ""),
        row("/permissions_required/0", json!("net.conect:443"), UnknownPermission, "/permissions_required/0", "none of this name", "did you mean `net.connect:443`?"),
        row("/permissions_required/0", json!("network"), UnknownPermission, "/permissions_required/0", "none of this name", ""),
        row("/permissions_required/0", json!("fs.read:data"), InvalidPermission, "/permissions_required/0", "must start with", "fs.read:PATH"),
        row("/defualt_enabled", json!(true), UnknownProperty, "/defualt_enabled", "unknown member", "start its name with `x-`"),
        row("/permissions", json!([]), UnknownProperty, "/permissions", "", "start its name with `x-`"),
        row("/actions/0/returnStream", json!(true), UnknownProperty, "/actions/0/returnStream", "", "start its name with `x-`"),
        row("/actions/1/timeout", json!(5), UnknownProperty, "/actions/1/timeout", "", "did you mean `timeout_ms`?"),
        row("/actions/0/parameters/0/defualt", json!(1), UnknownProperty, "/actions/0/parameters/0/defualt", "", "did you mean `default`?"),
        row("/actions/0/examples/0/parms", json!({}), UnknownProperty, "/actions/0/examples/0/parms", "", ""),
        row("/dependencies/plugin", json!([]), UnknownProperty, "/dependencies/plugin", "", ""),
        row("/dependencies/plugins/0/version", json!("1"), UnknownProperty, "/dependencies/plugins/0/version", "", ""),
        row("/dependencies/python_libraries/0/import", json!("x"), UnknownProperty, "/dependencies/python_libraries/0/import", "", ""),
        row("/actions/0/stream_metadata", json!({"content_type": "text/plain"}), StreamMetadataUnused, "/actions/0/stream_metadata", "does not return", "returns_stream"),
        row("/actions/0/examples/0/params/times", json!("many"), ExampleMismatch, "/actions/0/examples/0/params/times", "an integer", ""),
        row("/actions/0/examples/0/result", json!(5), ExampleMismatch, "/actions/0/examples/0/result", "a string", ""),
    ]
}

/// Sets what stands at a pointer; the way to it must exist.
fn put(manifest: &mut Value, pointer: &str, value: Value) {
    let (parent, last) = pointer.rsplit_once('/').unwrap();
    match manifest.pointer_mut(parent).unwrap() {
        Value::Object(members) => _ = members.insert(last.replace("~1", "/"), value),
        Value::Array(items) => match last.parse::<usize>().unwrap() {
            index if index < items.len() => items[index] = value,
            _ => items.push(value),
        },
        other => panic!("{parent} is {other}"),
    }
}

fn report(manifest: &Value) -> Report {
    check(serde_json::to_string_pretty(manifest).unwrap().as_bytes())
}

fn check_row(Row { pointer, put: value, code, at, says, hint }: &Row, severity: Severity) {
    let mut manifest = full();
    put(&mut manifest, pointer, value.clone());
    let report = report(&manifest);
    let found: Vec<_> = report.all().map(|fault| (fault.severity, fault.code, fault.pointer.as_str())).collect();
    assert_eq!(found, [(severity, *code, *at)], "{pointer} = {value}: {report:?}");
    let fault = report.all().next().unwrap();
    assert!(fault.message.contains(says), "{}", fault.message);
    assert!(fault.hint.as_deref().unwrap_or_default().contains(hint), "{:?} of {pointer} = {value}", fault.hint);
    assert!(!fault.message.ends_with('.') && !fault.message.contains(char::is_control), "{}", fault.message);
    assert_eq!(report.document().is_some(), severity == Severity::Warning);
    let document = Document::from_value(manifest);
    if severity == Severity::Warning {
        assert!(document.is_ok());
    } else if let Err(error) = document {
        assert_eq!(error.code(), code.as_str(), "{error}");
    }
}

/// R1.1
#[test]
fn a_manifest_that_uses_every_field_has_no_fault() {
    let report = report(&full());
    assert_eq!(report.all().collect::<Vec<_>>(), Vec::<&crate::Fault>::new());
    let document = report.into_document().unwrap();
    assert_eq!(document.value(), &full());
    assert_eq!(serde_json::to_value(document.manifest()).unwrap(), full(), "the types hold every field");
}

/// R1.3 to R1.5, R1.10, R4.1; attack rows 7, 8, 26, 31, 32, 65, 73, 85
#[test]
fn each_error_is_reported_alone_with_its_code_place_and_remedy() {
    for row in errors() {
        check_row(&row, Severity::Error);
    }
}

/// R1.1, R1.10
#[test]
fn a_warning_leaves_the_plugin_valid() {
    for row in warnings() {
        check_row(&row, Severity::Warning);
    }
}

#[test]
fn each_missing_member_is_named_with_what_it_is_for() {
    for name in ["name", "id", "version", "description", "author", "entry_point", "actions"] {
        let mut manifest = full();
        manifest.as_object_mut().unwrap().remove(name);
        let report = report(&manifest);
        let fault = &report.faults()[0];
        assert_eq!(
            (fault.code, fault.pointer.as_str(), report.all().count()),
            (FaultCode::MissingProperty, "", 1),
            "{report:?}"
        );
        assert_eq!(fault.message, format!("`{name}` is missing"));
        assert!(fault.hint.as_ref().unwrap().starts_with(&format!("add `{name}`: ")), "{:?}", fault.hint);
        assert_eq!(Document::from_value(manifest).unwrap_err().code(), "MissingProperty");
    }
    let mut manifest = full();
    let entry_point = manifest.as_object_mut().unwrap().remove("entry_point").unwrap();
    put(&mut manifest, "/entrypoint", entry_point);
    let report = report(&manifest);
    assert_eq!(report.faults()[0].hint.as_deref(), Some("rename `entrypoint` to `entry_point`"));
    assert_eq!(report.warnings()[0].hint.as_deref(), Some("did you mean `entry_point`?"));
}

#[test]
fn a_signature_needs_a_checksum_beside_it() {
    let mut manifest = full();
    manifest.as_object_mut().unwrap().remove("checksum");
    let report = report(&manifest);
    let found: Vec<_> = report.faults().iter().map(|fault| (fault.code, fault.pointer.as_str())).collect();
    assert_eq!(found, [(FaultCode::MalformedSignature, "/signature")]);
}

/// R1.2: good by the meta-schema of 2020-12, and by the rules for schemas in manifests.
#[test]
fn the_published_schema_is_a_good_schema() {
    let schema: Value = serde_json::from_str(crate::PLUGIN_METADATA_SCHEMA).unwrap();
    assert_eq!(crate::SchemaValidator::examine(&schema).faults, []);
}

/// R1.8
#[test]
fn every_fault_is_found_in_one_pass() {
    let mut manifest = full();
    let mut expected = BTreeSet::new();
    // Rows that touch each other's members would hide each other.
    let mut touched = BTreeSet::new();
    for row in errors().into_iter().chain(warnings()) {
        let depth = if row.at.starts_with("/actions/") { 4 } else { 2 };
        let place = row.at.split('/').take(depth).collect::<Vec<_>>().join("/");
        let is_whole = ["/actions", "/dependencies", "/signature"].contains(&row.pointer);
        if row.pointer == row.at && !is_whole && touched.insert(place) {
            put(&mut manifest, row.pointer, row.put);
            expected.insert((row.code.as_str(), row.at));
        }
    }
    let report = report(&manifest);
    let found: BTreeSet<_> = report.all().map(|fault| (fault.code.as_str(), fault.pointer.as_str())).collect();
    let missed: Vec<_> = expected.difference(&found).collect();
    assert!(expected.len() > 20 && missed.is_empty(), "{} rows, missed {missed:?}", expected.len());
}

#[test]
fn every_code_is_reported_by_some_row() {
    let rows = errors().into_iter().chain(warnings()).map(|row| row.code);
    let elsewhere = places::JSON_FAULTS.iter().map(|row| row.1).chain([FaultCode::MissingProperty]);
    let large = [FaultCode::MetadataTooLarge, FaultCode::MetadataTooDeep, FaultCode::DuplicateKey];
    let covered: BTreeSet<_> = rows.chain(elsewhere).chain(large).collect();
    let missing: Vec<_> = FaultCode::ALL.iter().filter(|code| !covered.contains(code)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn extensions_pass_without_a_word_and_are_kept() {
    let mut manifest = full();
    for pointer in
        ["/x-top", "/actions/0/x-a", "/actions/0/parameters/0/x-p", "/dependencies/x-d", "/dependencies/plugins/0/x-q"]
    {
        put(&mut manifest, pointer, json!({"any": [1]}));
    }
    let report = report(&manifest);
    assert_eq!(report.all().count(), 0, "{report:?}");
    assert_eq!(report.document().unwrap().manifest().extensions["x-top"], json!({"any": [1]}));
}

#[test]
fn what_agents_of_other_systems_write_is_answered_with_help() {
    let manifest = json!({
        "name": "EmailManager", "version": "0.1.0", "description": "Manages emails.", "author": "Acme",
        "main": "email_manager.py", "permissions": ["network"], "dependencies": ["requests"],
        "actions": [{"name": "send", "description": "Sends.", "inputSchema": {"type": "object"},
            "parameters": [{"name": "to", "type": "list", "required": "true"}]}],
    });
    let report = report(&manifest);
    let hints: Vec<_> =
        report.all().filter_map(|fault| Some((fault.pointer.as_str(), fault.hint.as_deref()?))).collect();
    for expected in [
        (
            "",
            "write `\"entry_point\": \"email_manager.ClassName\"` in place of `main`, with the name of the plugin's class for `ClassName`",
        ),
        ("", "add `id`: the machine-readable identifier, such as `\"id\": \"com.acme.greeter\"`"),
        ("/actions/0/parameters/0/required", "write true and false without quotes"),
        ("/actions/0/parameters/0/type", "did you mean `array`?"),
        (
            "/dependencies",
            "write `\"dependencies\": {\"python_libraries\": [{\"name\": \"requests\"}]}`; other plugins are listed under `plugins`, by `id`",
        ),
        ("/permissions", "did you mean `permissions_required`?"),
        ("/actions/0/inputSchema", "did you mean `parameters_schema`?"),
    ] {
        assert!(hints.contains(&expected), "{expected:?} in {hints:#?}");
    }
}
/// Many schemas that are each within the limits must not add up to a long check either.
#[test]
fn the_schemas_of_one_manifest_are_bounded_together() {
    let properties: serde_json::Map<_, _> =
        (0..90).map(|n| (format!("p{n}"), json!({"pattern": format!("^{n}$")}))).collect();
    let action =
        |n| json!({"name": format!("a{n}"), "description": "d", "parameters_schema": {"properties": properties}});
    let mut manifest = full();
    manifest["actions"] = (0..3).map(action).collect();
    let report = report(&manifest);
    let found: Vec<_> = report.all().map(|fault| (fault.code, fault.pointer.as_str())).collect();
    assert_eq!(found, [(FaultCode::SchemaTooComplex, "/actions/2/parameters_schema")]);
}
