//! The check of a `plugin.json`: every fault in one pass.
//!
//! Three judges look at the same value: the published schema, rules that no schema can state, and the types. What the
//! schema and the types can both state, they must agree on; the rest is this table, whose rules the check and, as far as
//! they need no further library, [`Document`] apply.
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
//! | `ExampleMismatch` (warning) | examples fit the schemas of their action |
//! | `StreamMetadataUnused` (warning) | `stream_metadata` stands beside `returns_stream` |
//! | `UnknownProperty` (warning) | members are known, or extensions that start with `x-` |
//!
//! [`Document`] leaves licence, home page, signature, schemas, examples and unknown members to the check.

use std::sync::LazyLock;

use serde_json::Value;

use crate::{
    Document, Fault, FaultCode, JsonError, JsonLimits, PLUGIN_METADATA_SCHEMA, SchemaValidator, Severity,
    finding::{At, Finding, Mark},
    rules,
    strict_json::{JsonFault, admit, parse_strict_json, read_leniently},
};

mod addresses;
mod embedded_schemas;
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
    match parse_strict_json(bytes, JsonLimits::METADATA) {
        Ok(value) => {
            let findings = examine(&value);
            conclude(bytes, findings, Some(value))
        }
        Err(error) => check_broken(bytes, error),
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

/// What the published schema is used for, made ready once.
struct Published {
    schema: Value,
    validator: SchemaValidator,
    members: KnownMembers,
}

static PUBLISHED: LazyLock<Published> = LazyLock::new(|| {
    let schema = serde_json::from_str(PLUGIN_METADATA_SCHEMA).unwrap_or(Value::Bool(false));
    let validator = SchemaValidator::compile(&schema).expect("the committed schema compiles, as a test says");
    Published { members: KnownMembers::of(&schema), validator, schema }
});

/// Everything that speaks against a value, or should be looked at.
fn examine(value: &Value) -> Vec<Finding> {
    let Published { schema, validator, members } = &*PUBLISHED;
    let mut findings = Vec::new();
    let root = At::root(value);
    rules::forms(value, &mut findings);
    if let Err(violations) = validator.validate(value) {
        schema_faults::add(&root, violations, schema, &mut findings);
    }
    rules::relations(value, &mut findings);
    addresses::check(&root, &mut findings);
    security::check(&root, &mut findings);
    embedded_schemas::check(&root, &mut findings);
    members.check(&root, &mut findings);
    findings
}

/// Gives findings their places; without any, the text is not looked at again.
fn conclude(bytes: &[u8], mut findings: Vec<Finding>, value: Option<Value>) -> Report {
    let mut document = None;
    if let Some(value) = value
        && findings.iter().all(|finding| finding.severity == Severity::Warning)
    {
        match Document::typed(value) {
            Ok(typed) => document = Some(typed),
            // Schema and types do not agree: nothing that a type refuses may pass.
            Err(error) => findings.push(Finding::error(
                error.code().parse().unwrap_or(FaultCode::InvalidValue),
                String::new(),
                error.to_string(),
            )),
        }
    }
    if findings.is_empty() {
        return Report { document, faults: Vec::new(), warnings: Vec::new() };
    }
    let (errors, warnings): (Vec<_>, Vec<_>) =
        findings.into_iter().partition(|finding| finding.severity == Severity::Error);
    let spans = spans::Spans::of(bytes);
    Report {
        document,
        faults: spans.place(errors.into_iter().take(Report::MAX_FAULTS)),
        warnings: spans.place(warnings.into_iter().take(Report::MAX_FAULTS)),
    }
}
