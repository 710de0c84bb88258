//! Where faults are said to be: lines, columns and spans.

use serde_json::json;

use super::{check, manifest::full, report};
use crate::{FaultCode, Report};

/// A text, the code of its only fault, line, column, pointer, and what is underlined.
pub(super) const JSON_FAULTS: &[(&str, FaultCode, u32, u32, &str, &str)] = &[
    ("", FaultCode::MetadataSyntax, 1, 1, "", ""),
    ("{\n  \"a\": 1,\n}", FaultCode::MetadataSyntax, 3, 1, "", "}"),
    ("{\"a\" 1}", FaultCode::MetadataSyntax, 1, 6, "/a", "1"),
    ("{\"a\": [1, 2}", FaultCode::MetadataSyntax, 1, 12, "/a/2", "}"),
    ("{\"a\": tru}", FaultCode::MetadataSyntax, 1, 10, "/a", "}"),
    ("{\"a\": 1} x", FaultCode::MetadataSyntax, 1, 10, "", "x"),
    ("// comment\n{}", FaultCode::MetadataSyntax, 1, 1, "", "/"),
    ("{'a': 1}", FaultCode::MetadataSyntax, 1, 2, "", "'"),
    ("{\"a\": NaN}", FaultCode::MetadataSyntax, 1, 7, "/a", "N"),
    ("{\"a\": \"\\ud800\"}", FaultCode::MetadataSyntax, 1, 14, "/a", "\""),
    ("{\"a\": \"tab\there\"}", FaultCode::MetadataSyntax, 1, 11, "/a", "\t"),
    ("\u{feff}{}", FaultCode::MetadataSyntax, 1, 1, "", ""),
    ("{\"ä\": {\"b\": 1e400}}", FaultCode::NumberOutOfRange, 1, 13, "/ä/b", "1"),
];

/// R1.8, attack row 30
#[test]
fn a_text_that_is_no_json_is_pointed_at_where_it_goes_wrong() {
    for (text, code, line, column, pointer, underlined) in JSON_FAULTS {
        let report = check(text.as_bytes());
        let fault = &report.faults()[0];
        assert_eq!(
            (fault.code, fault.line, fault.column, fault.pointer.as_str()),
            (*code, *line, *column, *pointer),
            "{text}: {fault:?}"
        );
        if !underlined.is_empty() {
            assert!(text[fault.span.start..].starts_with(underlined), "{text}: {fault:?}");
        }
        assert!(report.document().is_none() && report.all().count() == 1);
    }
    let report = check(b"{\n  \"a\": \"\xc3\xa4\xff\"}");
    let fault = &report.faults()[0];
    assert_eq!(
        (fault.code, fault.line, fault.column, fault.span.start),
        (FaultCode::MetadataSyntax, 2, 10, 12),
        "{fault:?}"
    );
}

/// Attack rows 27 and 28
#[test]
fn duplicate_keys_and_large_numbers_do_not_hide_what_else_is_wrong() {
    let text =
        "{\n  \"id\": \"a\",\n  \"id\": \"../b\",\n  \"x\": {\"ü\": 1, \"\\u00fc\": [9007199254740993], \"ü\": 3}\n}";
    let report = check(text.as_bytes());
    let found: Vec<_> =
        report.all().map(|fault| (fault.code, fault.line, fault.column, fault.pointer.as_str())).collect();
    for expected in [
        (FaultCode::DuplicateKey, 3, 3, "/id"),
        (FaultCode::InvalidId, 3, 9, "/id"),
        (FaultCode::DuplicateKey, 4, 17, "/x/ü"),
        (FaultCode::NumberOutOfRange, 4, 49, "/x/ü/0"),
        (FaultCode::DuplicateKey, 4, 47, "/x/ü"),
        (FaultCode::MissingProperty, 1, 1, ""),
    ] {
        // The number stands in a value that a later key replaces, so that its place is that of the key.
        let at = found.iter().position(|found| {
            found.0 == expected.0 && found.3 == expected.3 && (found.1, found.2) == (expected.1, expected.2)
        });
        let is_number = expected.0 == FaultCode::NumberOutOfRange;
        assert!(
            at.is_some() || is_number && found.iter().any(|found| found.0 == expected.0),
            "{expected:?} in {found:#?}"
        );
    }
    assert!(report.document().is_none());
}

#[test]
fn a_duplicate_key_before_broken_syntax_is_reported_with_it() {
    let report = check(b"{\"a\": 1, \"a\": 2,}");
    let found: Vec<_> = report.faults().iter().map(|fault| (fault.code, fault.column)).collect();
    assert_eq!(found, [(FaultCode::DuplicateKey, 10), (FaultCode::MetadataSyntax, 17)]);
}

/// Attack row 29
#[test]
fn large_and_deep_texts_are_refused_before_anything_else() {
    let large = format!("{{\"a\": \"{}\"}}", "x".repeat(1 << 20));
    assert_eq!(check(large.as_bytes()).faults()[0].code, FaultCode::MetadataTooLarge);
    let deep = format!("{{\"a\":\n{}1{}}}", "[".repeat(64), "]".repeat(64));
    let report = check(deep.as_bytes());
    let fault = &report.faults()[0];
    assert_eq!((fault.code, fault.line, fault.column), (FaultCode::MetadataTooDeep, 2, 64));
    let endless = "[".repeat(1 << 20);
    assert_eq!(check(endless.as_bytes()).faults()[0].code, FaultCode::MetadataTooDeep);
}

#[test]
fn a_fault_underlines_the_value_or_the_key_or_the_character() {
    let text = concat!(
        "{\n\t\"name\": \"Ünï\", \"id\": \"a b\",\n",
        "  \"version\": \"1.0.0\", \"description\": \"d\", \"author\": \"a\", \"entry_point\": \"a::B\",\n",
        "  \"api_version\": \">=1,<x\", \"nmae\": 1, \"tags\": {},\n  \"actions\": [{\"name\": \"a\"}]}\n"
    );
    let report = check(text.as_bytes());
    let found: Vec<_> =
        report.all().map(|fault| (fault.code, fault.line, fault.column, &text[fault.span.clone()])).collect();
    assert_eq!(
        found,
        [
            (FaultCode::InvalidId, 2, 23, "\"a b\""),
            (FaultCode::InvalidSpecifier, 4, 24, "x"),
            (FaultCode::WrongType, 4, 47, "{"),
            (FaultCode::MissingProperty, 5, 15, "{"),
            (FaultCode::UnknownProperty, 4, 28, "\"nmae\""),
        ]
    );
}

#[test]
fn a_flood_of_faults_is_cut_and_ends_soon() {
    let many: Vec<_> = (0..100_000).map(|_| json!(1)).collect();
    let mut manifest = full();
    manifest["tags"] = json!(many);
    assert_eq!(report(&manifest).faults().len(), Report::MAX_FAULTS);
    let duplicates = format!("{{{}}}", vec!["\"a\":9007199254740993"; 40_000].join(","));
    assert_eq!(check(duplicates.as_bytes()).faults().len(), Report::MAX_FAULTS);
    let unknown: serde_json::Map<_, _> = (0..20_000).map(|n| (format!("member_{n}"), json!(1))).collect();
    assert_eq!(report(&json!(unknown)).warnings().len(), Report::MAX_FAULTS);
}

/// The keys that scripts rely on.
#[test]
fn a_fault_serializes_with_the_keys_of_the_command_line() {
    let report = check(b"{\"a\": 1, \"a\": 2}");
    let fault = serde_json::to_value(&report.faults()[report.faults().len() - 1]).unwrap();
    assert_eq!(
        fault,
        json!({
            "severity": "error", "code": "DuplicateKey", "pointer": "/a", "line": 1, "column": 10, "message": "duplicate key `a`",
            "hint": "remove one of the two: readers disagree on which of them counts",
        })
    );
    let back: crate::Fault = serde_json::from_value(fault).unwrap();
    assert_eq!(back.to_reason().to_string(), "DuplicateKey: /a: duplicate key `a`");
    assert_eq!(back.to_string(), "1:10: error DuplicateKey: duplicate key `a`");
}
