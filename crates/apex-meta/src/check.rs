//! The check of a `plugin.json`: every fault in one pass.
//!
//! Three judges look at the same value: the types, the published schema, and rules that no schema can state. What the
//! schema and the types can both state, they must agree on, so that the schema is only asked, for every fault, about what
//! the types refuse. The rest is this table, whose rules the check and, as far as they need no further library,
//! [`Document`] apply.
//!
//! | code | rule |
//! |---|---|
//! | `InvalidSpecifier` | `version_specifier` and `api_version` are version specifiers |
//! | `DuplicateAction`, `DuplicateParameter`, `DuplicateDependency` | names are unique in their list |
//! | `SelfDependency` | no plugin depends on itself |
//! | `PathEscape`, `IconUrlRejected`, `InvalidIcon` | an icon is a path inside the plugin, or an https URL |
//! | `HomepageUrl` | a home page is an https URL |
//! | `InvalidLicense` (warning) | a licence is an SPDX expression |
//! | `UnsupportedSignatureMethod`, `MalformedSignature` | a signature has a known scheme, a proper form, and a checksum beside it |
//! | `InvalidSchema`, `RefNotLocal`, `RefUnresolved`, `RefCyclic`, `SchemaTooComplex` | schemas in the manifest are JSON Schema 2020-12 of objects, self-contained and bounded |
//! | `UnknownPermission`, `InvalidPermission` (warnings) | permissions are of the vocabulary, so that they can be granted |
//! | `ExampleMismatch` (warning) | examples fit the schemas of their action |
//! | `StreamMetadataUnused` (warning) | `stream_metadata` stands beside `returns_stream` |
//! | `UnknownProperty` (warning) | members are known, or extensions that start with `x-` |
//!
//! [`Document`] leaves permissions, licence, home page, signature, schemas, examples and unknown members to the check.

use std::sync::LazyLock;

use serde_json::Value;

use crate::{
    Document, Fault, JsonError, JsonLimits, PLUGIN_METADATA_SCHEMA, SchemaValidator, Severity,
    document::why_not,
    finding::{At, Finding, Mark},
    rules,
    strict_json::{JsonFault, admit, parse_strict_json, read_leniently},
};

mod addresses;
mod embedded_schemas;
mod permissions;
mod remedies;
mod schema_faults;
mod security;
mod spans;
mod suggest;
mod unknown_members;

use unknown_members::KnownMembers;

#[cfg(test)]
mod tests;

/// What a check of a `plugin.json` found.
#[derive(Debug, Clone)]
pub struct Report {
    document: Option<Document>,
    faults: Vec<Fault>,
    warnings: Vec<Fault>,
}

impl Report {
    /// The most faults, and the most warnings, that a report holds.
    pub const MAX_FAULTS: usize = 1000;

    /// The document, if there is no fault.
    pub fn document(&self) -> Option<&Document> {
        self.document.as_ref()
    }

    /// What makes the plugin invalid, in the order of the text; empty exactly if there is a document.
    pub fn faults(&self) -> &[Fault] {
        &self.faults
    }

    /// What the author should look at although the plugin is valid, in the order of the text.
    pub fn warnings(&self) -> &[Fault] {
        &self.warnings
    }

    /// Faults first, then warnings.
    pub fn all(&self) -> impl Iterator<Item = &Fault> {
        self.faults.iter().chain(&self.warnings)
    }

    /// The document, or the faults that stand against it.
    ///
    /// # Errors
    /// The faults, in the order of the text.
    pub fn into_document(self) -> Result<Document, Vec<Fault>> {
        self.document.ok_or(self.faults)
    }
}

/// Checks the bytes of a `plugin.json` and reports every fault in one pass.
///
/// ```
/// use apex_meta::{FaultCode, check};
/// let report = check(br#"{
///     "name": "Greeter", "id": "../x", "version": "1.0", "description": "Greets.",
///     "author": "Acme", "entry_point": "greeter::Greeter", "actions": [], "enabled": true
/// }"#);
/// let found: Vec<_> = report.all().map(|fault| (fault.code, fault.line, fault.column)).collect();
/// assert_eq!(found, [
///     (FaultCode::InvalidId, 2, 30),
///     (FaultCode::InvalidVersion, 2, 49),
///     (FaultCode::UnknownProperty, 3, 73),
/// ]);
/// assert_eq!(report.warnings()[0].hint.as_deref(), Some("did you mean `default_enabled`?"));
/// ```
pub fn check(bytes: &[u8]) -> Report {
    let value = match parse_strict_json(bytes, JsonLimits::METADATA) {
        Ok(value) => value,
        Err(error) => return check_broken(bytes, error),
    };
    match Document::typed(value) {
        // What the types take, the published schema takes too: nobody needs to ask it, as the property tests of both say.
        Ok(document) => {
            let mut findings = Vec::new();
            beyond_the_types(document.value(), &mut findings);
            conclude(bytes, findings, Some(document))
        }
        Err((value, error)) => {
            let mut findings = examine(&value);
            // Should the two not agree after all: nothing that a type refuses may pass.
            if !findings.iter().any(Finding::is_error) {
                findings.push(why_not(&value, &error));
            }
            conclude(bytes, findings, None)
        }
    }
}

/// Looks for further faults behind one that a strict reading stops at.
fn check_broken(bytes: &[u8], error: JsonError) -> Report {
    let can_go_on = matches!(error.fault(), JsonFault::DuplicateKey { .. } | JsonFault::NumberOutOfRange);
    let Ok(text) = admit(bytes, JsonLimits::METADATA) else { return stopped([error]) };
    if !can_go_on {
        return stopped([error]);
    }
    let reading = read_leniently(text, JsonLimits::METADATA);
    let value = match reading.value {
        Ok(value) => value,
        Err(later) if later == error => return stopped([error]),
        Err(later) => return stopped([error, later]),
    };
    let mut findings = Vec::new();
    for (fault, pointer) in reading.passed_over.into_iter().take(Report::MAX_FAULTS) {
        let repeated = |finding: &&Finding| finding.pointer == pointer && matches!(finding.mark, Mark::Repetition(_));
        let mark = match fault {
            JsonFault::DuplicateKey { .. } => Mark::Repetition(findings.iter().filter(repeated).count() + 1),
            _ => Mark::Value,
        };
        findings.push(Finding {
            hint: fault.hint().map(str::to_owned),
            ..Finding::error(fault.code(), pointer, fault.to_string()).mark(mark)
        });
    }
    findings.extend(examine(&value));
    conclude(bytes, findings, None)
}

/// The report on a text that cannot be read to its end.
fn stopped(errors: impl IntoIterator<Item = JsonError>) -> Report {
    let fault = |error: JsonError| Fault {
        severity: Severity::Error,
        code: error.fault().code(),
        pointer: error.pointer().to_owned(),
        line: error.line(),
        column: error.column(),
        message: error.message(),
        hint: error.hint(),
        span: error.offset()..error.offset() + 1,
    };
    Report { document: None, faults: errors.into_iter().map(fault).collect(), warnings: Vec::new() }
}

/// The published schema.
static SCHEMA: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(PLUGIN_METADATA_SCHEMA).unwrap_or(Value::Bool(false)));

/// What it is validated with; of files without a fault, nobody needs it.
static VALIDATOR: LazyLock<SchemaValidator> =
    LazyLock::new(|| SchemaValidator::compile(&SCHEMA).expect("the committed schema compiles, as a test says"));

/// The members that it names.
static MEMBERS: LazyLock<KnownMembers> = LazyLock::new(|| KnownMembers::of(&SCHEMA));

/// Everything that speaks against a value, or should be looked at.
fn examine(value: &Value) -> Vec<Finding> {
    let mut findings = Vec::new();
    rules::forms(value, &mut findings);
    if let Err(violations) = VALIDATOR.validate(value) {
        schema_faults::add(&At::root(value), violations, &SCHEMA, &mut findings);
    }
    beyond_the_types(value, &mut findings);
    findings
}

/// What neither types nor published schema say.
fn beyond_the_types(value: &Value, findings: &mut Vec<Finding>) {
    let root = At::root(value);
    rules::relations(value, findings);
    permissions::check(&root, findings);
    addresses::check(&root, findings);
    security::check(&root, findings);
    embedded_schemas::check(&root, findings);
    MEMBERS.check(&root, findings);
}

/// Gives findings their places; without any, the text is not looked at again.
fn conclude(bytes: &[u8], findings: Vec<Finding>, document: Option<Document>) -> Report {
    if findings.is_empty() {
        return Report { document, faults: Vec::new(), warnings: Vec::new() };
    }
    let (errors, warnings): (Vec<_>, Vec<_>) = findings.into_iter().partition(Finding::is_error);
    let spans = spans::Spans::of(bytes);
    Report {
        document: document.filter(|_| errors.is_empty()),
        faults: spans.place(errors.into_iter().take(Report::MAX_FAULTS)),
        warnings: spans.place(warnings.into_iter().take(Report::MAX_FAULTS)),
    }
}
