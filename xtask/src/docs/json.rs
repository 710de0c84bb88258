//! The section on what RFC 8259 leaves to the reader of JSON, with what the strict reader makes of each text.

use std::fmt::Write as _;

use apex_meta::{JsonLimits, parse_strict_json};

const HEAD: &str = "\
## JSON

[RFC 8259](https://www.rfc-editor.org/rfc/rfc8259) leaves some texts to whoever reads them, so that two readers may take
one file for two. Here each of them is decided; the table covers whatever
[JSONTestSuite](https://github.com/nst/JSONTestSuite) leaves open, and its two texts with equal keys. Trust stores and the
parameters of actions are read by the same reader, with limits of their own.

| Text | Example | Decision |
|---|---|---|
";

/// Each kind of text with examples, which are all decided alike; the first is shown.
const LEFT_OPEN: [(&str, &[&[u8]]); 10] = [
    (
        "The same key twice in one object, also where one is written with escapes",
        &[br#"{"a": 1, "\u0061": 2}"#, br#"{"a":"b","a":"b"}"#],
    ),
    (
        "An integer beyond ±(2^53 - 1), which some readers round",
        &[b"[9007199254740993]", b"[-123123123123123123123123123123]", b"[100000000000000000000]"],
    ),
    ("A number with fraction or exponent: the nearest float of 64 bits", &[b"[123e45]", b"[9007199254740993.0]"]),
    ("A number that is too large for a float", &[b"[-1e+9999]", b"[123123e100000]"]),
    ("A number that is too close to zero for a float: zero", &[b"[123.456e-789]", b"[123e-10000000]"]),
    ("Half of a surrogate pair", &[br#"["\uD800"]"#, br#"["\uDd1e\uD834"]"#, br#"{"\uDFAA": 0}"#]),
    (
        "Bytes that are not UTF-8, overlong forms and encoded surrogates among them",
        &[b"[\"\xe9\"]", b"[\"\xc0\xaf\"]", b"[\"\xed\xa0\x80\"]"],
    ),
    ("UTF-16", &[b"[\x00\"\x00\xe9\x00\"\x00]\x00", b"\xff\xfe[\x00]\x00"]),
    ("A byte order mark", &[b"\xef\xbb\xbf{}"]),
    ("Arrays and objects nested deeper than 64 levels", &[&[b'['; 65]]),
];

pub(super) fn section(text: &mut String) {
    text.push_str(HEAD);
    for (kind, examples) in LEFT_OPEN {
        let decisions: Vec<_> = examples.iter().map(|example| decision(example)).collect();
        assert!(decisions.iter().all(|decision| *decision == decisions[0]), "{kind}: {decisions:?}");
        _ = writeln!(text, "| {kind} | {} | {} |", shown(examples[0]), decisions[0]);
    }
    text.push('\n');
}

fn decision(text: &[u8]) -> String {
    match parse_strict_json(text, JsonLimits::METADATA) {
        Ok(_) => "read".to_owned(),
        Err(error) => {
            format!("refused, [`{}`](fault_codes.md#{})", error.code(), error.code().to_lowercase())
        }
    }
}

/// Bytes that are no text are shown as escapes.
fn shown(example: &[u8]) -> String {
    const LONGEST: usize = 40;
    let shown = match std::str::from_utf8(example) {
        Ok(text) if text.chars().all(|c| c.is_ascii() && !c.is_control()) => text.to_owned(),
        _ => example.escape_ascii().to_string(),
    };
    if shown.len() > LONGEST { format!("`{}`…", &shown[..LONGEST / 2]) } else { format!("`{shown}`") }
}
