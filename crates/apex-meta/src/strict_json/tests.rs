//! What strict JSON takes and refuses, against serde_json as the other reader.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{JsonLimits, admit_value, parse_strict_json, position::line_and_column};

mod suite;

fn code_of(text: &str) -> &'static str {
    match parse_strict_json(text.as_bytes(), JsonLimits::METADATA) {
        Ok(_) => "ok",
        Err(error) => error.code(),
    }
}

/// R1.8; attack rows 27, 28, 30
#[test]
fn what_readers_disagree_on_is_refused() {
    for (text, code) in [
        ("{}", "ok"),
        (" [1, \"a\", null, true, -1.5e3] ", "ok"),
        ("{\"a\": {\"a\": 1}, \"b\": [{\"a\": 1}, {\"a\": 2}]}", "ok"),
        ("\"\\ud83d\\ude00\"", "ok"),
        ("9007199254740991", "ok"),
        ("-9007199254740991", "ok"),
        ("9007199254740991.0", "ok"),
        ("1e-400", "ok"),
        ("{\"a\": 1, \"a\": 1}", "DuplicateKey"),
        ("[[{\"x\": {\"\": 1, \"\": 2}}]]", "DuplicateKey"),
        ("{\"a\": 1, \"\\u0061\": 2}", "DuplicateKey"),
        ("{\"/\": 1, \"\\/\": 2}", "DuplicateKey"),
        ("9007199254740992", "NumberOutOfRange"),
        ("9007199254740993", "NumberOutOfRange"),
        ("-9007199254740993", "NumberOutOfRange"),
        ("-9223372036854775809", "NumberOutOfRange"),
        ("18446744073709551615", "NumberOutOfRange"),
        ("18446744073709551616", "NumberOutOfRange"),
        ("{\"9\": [1.5, \"\\\"2\", -123456789012345678901234567890]}", "NumberOutOfRange"),
        ("9007199254740993.0", "ok"),
        ("1e20", "ok"),
        ("[123456789012345678901234567890.0, 1E+300, -1e300]", "ok"),
        ("1e400", "NumberOutOfRange"),
        ("-1e400", "NumberOutOfRange"),
        ("\"\\ud800\"", "MetadataSyntax"),
        ("\"\\udc00\"", "MetadataSyntax"),
        ("\u{feff}{}", "MetadataSyntax"),
        ("{} {}", "MetadataSyntax"),
        ("", "MetadataSyntax"),
        ("[1,]", "MetadataSyntax"),
        ("[1] // c", "MetadataSyntax"),
        ("{a: 1}", "MetadataSyntax"),
        ("0x10", "MetadataSyntax"),
        ("01", "MetadataSyntax"),
        (".5", "MetadataSyntax"),
        ("+1", "MetadataSyntax"),
        ("Infinity", "MetadataSyntax"),
        ("\"a\u{0}b\"", "MetadataSyntax"),
        ("\"a\tb\"", "MetadataSyntax"),
        ("[\u{a0}1]", "MetadataSyntax"),
    ] {
        assert_eq!(code_of(text), code, "{text}");
    }
}

#[test]
fn an_error_names_its_place_and_reads_as_a_sentence() {
    let text = "{\n  \"a/b\": [\n    {\"ü\": 1, \"~\": 0,\n     \"~\"  :  2}]}";
    let error = parse_strict_json(text.as_bytes(), JsonLimits::METADATA).unwrap_err();
    assert_eq!((error.pointer(), error.line(), error.column()), ("/a~1b/0/~0", 4, 6));
    assert!(text[error.offset()..].starts_with("\"~\"  :  2"));
    assert_eq!(error.to_string(), "duplicate key `~` at /a~1b/0/~0 (line 4, column 6)");
    assert!(error.hint().unwrap().starts_with("remove one of the two"));
    let text = "[\"\\\\\\\"{[\", -12345678901234567890]";
    let error = parse_strict_json(text.as_bytes(), JsonLimits::METADATA).unwrap_err();
    assert!(text[error.offset()..].starts_with("-123") && error.pointer() == "/1", "{error}");
    let text = "{\"k\\\"\\\\\": 1, \"k\\\"\\\\\"\n\n:2}";
    let error = parse_strict_json(text.as_bytes(), JsonLimits::METADATA).unwrap_err();
    assert_eq!((error.line(), error.column()), (1, 14), "{error}");
}

/// Attack row 29
#[test]
fn size_and_depth_are_limited_to_the_byte_and_the_level() {
    let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    assert_eq!(code_of(&nested(64)), "ok");
    assert_eq!(code_of(&nested(65)), "MetadataTooDeep");
    assert_eq!(code_of(&"[{\"a\":".repeat(10_000)), "MetadataTooDeep");
    let error = parse_strict_json(nested(65).as_bytes(), JsonLimits::METADATA).unwrap_err();
    assert_eq!((error.offset(), error.pointer().len()), (64, 2 * 64));
    let large = |bytes: usize| format!("\"{}\"", "a".repeat(bytes - 2));
    assert_eq!(code_of(&large(1 << 20)), "ok");
    assert_eq!(code_of(&large((1 << 20) + 1)), "MetadataTooLarge");
    let limits = JsonLimits { max_bytes: 10, max_depth: usize::MAX };
    assert_eq!(parse_strict_json(b"[1,2,3,4,5]", limits).unwrap_err().code(), "MetadataTooLarge");
    let limits = JsonLimits { max_bytes: 1 << 20, max_depth: usize::MAX };
    assert!(parse_strict_json(nested(120).as_bytes(), limits).is_ok());
    assert_eq!(parse_strict_json(nested(121).as_bytes(), limits).unwrap_err().code(), "MetadataTooDeep");
}

#[test]
fn a_value_from_memory_keeps_to_the_same_limits() {
    assert!(admit_value(&json!({"a": [9_007_199_254_740_991_u64, -1, 0.5]}), JsonLimits::METADATA).is_ok());
    let error = admit_value(&json!({"a": [1, {"b/": 9_007_199_254_740_992_u64}]}), JsonLimits::METADATA).unwrap_err();
    assert_eq!((error.code(), error.pointer(), error.line()), ("NumberOutOfRange", "/a/1/b~1", 0));
    assert!(!error.to_string().contains("line"), "{error}");
    let deep = (0..65).fold(json!(1), |inner, _| json!([inner]));
    assert_eq!(admit_value(&deep, JsonLimits::METADATA).unwrap_err().code(), "MetadataTooDeep");
    assert!(admit_value(&deep[0], JsonLimits::METADATA).is_ok());
}

#[test]
fn lines_and_columns_count_characters() {
    let text = "aä\nb😀c\r\n";
    for (offset, place) in [
        (0, (1, 1)),
        (1, (1, 2)),
        (2, (1, 2)),
        (3, (1, 3)),
        (4, (2, 1)),
        (9, (2, 3)),
        (11, (2, 5)),
        (12, (3, 1)),
        (99, (3, 1)),
    ] {
        assert_eq!(line_and_column(text, offset), place, "{offset}");
    }
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-9_007_199_254_740_991_i64..=9_007_199_254_740_991).prop_map(Value::from),
        any::<f64>().prop_filter("JSON has no infinity", |float| float.is_finite()).prop_map(Value::from),
        "\\PC{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 40, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::Array),
            prop::collection::btree_map("\\PC{0,4}", inner, 0..5).prop_map(|members| members.into_iter().collect()),
        ]
    })
}

proptest! {
    #[test]
    fn whatever_is_in_the_limits_reads_as_serde_json_reads_it(value in any_json(), pretty in any::<bool>()) {
        let text = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) }.unwrap();
        prop_assert_eq!(parse_strict_json(text.as_bytes(), JsonLimits::METADATA).unwrap(), value);
    }

    #[test]
    fn it_takes_no_text_that_serde_json_refuses_and_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
        compare(&bytes)?;
    }

    #[test]
    fn it_takes_no_punctuation_that_serde_json_refuses(text in "[\\[\\]{}:,\"\\\\ab1 \nu0e.+-]{0,40}") {
        compare(text.as_bytes())?;
    }

    #[test]
    fn it_takes_no_changed_text_that_serde_json_refuses(
        value in any_json(), changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut bytes = serde_json::to_vec(&value).unwrap();
        for (index, byte) in changes {
            let at = index.index(bytes.len());
            bytes[at] = byte;
        }
        compare(&bytes)?;
    }
}

fn compare(bytes: &[u8]) -> Result<(), TestCaseError> {
    match (parse_strict_json(bytes, JsonLimits::METADATA), serde_json::from_slice::<Value>(bytes)) {
        (Ok(ours), theirs) => prop_assert_eq!(ours, theirs.unwrap()),
        (Err(error), Ok(_)) => prop_assert!(matches!(error.code(), "DuplicateKey" | "NumberOutOfRange"), "{}", error),
        (Err(error), Err(_)) => prop_assert!(error.offset() <= bytes.len() && error.line() >= 1 && error.column() >= 1),
    }
    Ok(())
}
