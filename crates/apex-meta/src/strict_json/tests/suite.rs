//! A table of the reach of JSONTestSuite's parsing part (RFC 8259): texts that are JSON, that are not, and those that the
//! standard leaves to the reader, with what we decided.

use super::super::{JsonLimits, parse_strict_json};

fn code_of(bytes: &[u8]) -> &'static str {
    parse_strict_json(bytes, JsonLimits::METADATA).map_or_else(|error| error.code(), |_| "ok")
}

/// Every one of these is JSON.
#[rustfmt::skip]
const ACCEPTED: &[&[u8]] = &[
    // Arrays.
    b"[]", b"[ ]", b" [] ", b"[[]   ]", b"[\"\"]", b"[\"a\"]", b"[false]", b"[null, 1, \"1\", {}]", b"[null]", b"[1\n]", b" [1]",
    b"[1,null,null,null,2]", b"[2] ", b"[[[[[]]]]]", b"[[],{}]",
    // Numbers.
    b"[0e+1]", b"[0e1]", b"[ 4]", b"[-0.000000000000000000000000000000000000000000000000000000000000000000000000000001]",
    b"[20e1]", b"[-0]", b"[-123]", b"[-1]", b"[-0.0]", b"[1E2]", b"[1E-2]", b"[1E+2]", b"[123e5]", b"[123.456e7]", b"[1e-2]", b"[1e+2]", b"[123]", b"[123.456789]",
    b"[0.5]", b"[0]", b"[-0e-0]", b"[1.0]", b"[10.0000000000000000000000000000000000000000000000000000]", b"[0.1e1]", b"[1E22]", b"[123e45]", b"[123.456e78]", b"[123e65]", b"[-1.0e+28]",
    // Objects.
    b"{}", b"{ }", b"{\"asd\":\"sdf\", \"dfg\":\"fgh\"}", b"{\"asd\":\"sdf\"}", b"{\"\":0}", b"{\"foo\\u0000bar\": 42}", b"{ \"min\": -1.0e+28, \"max\": 1.0e+28 }",
    b"{\"x\":[{\"id\": \"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"}], \"id\": \"x\"}", b"{\"a\":[]}",
    b"{\"title\":\"\\u041f\\u043e\\u043b\\u0442\\u043e\\u0440\\u0430 \\u0417\\u0435\\u043c\\u043b\\u0435\\u043a\\u043e\\u043f\\u0430\" }", b"{\n\"a\": \"b\"\n}",
    b"{\"a\":{\"a\":{\"a\":1}}}", b"{\"a\":1,\"A\":2}", b"{\"a\":1,\"a \":2}",
    // Strings.
    b"[\"\\u0060\\u012a\\u12AB\"]", b"[\"\\uD801\\udc37\"]", b"[\"\\ud83d\\ude39\\ud83d\\udc8d\"]", b"[\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"]", b"[\"\\\\u0000\"]", b"[\"\\\"\"]",
    b"[\"a/*b*/c/*d//e\"]", b"[\"\\\\a\"]", b"[\"\\\\n\"]", b"[\"\\u0012\"]", b"[\"\\uFFFF\"]", b"[\"asd\"]", b"[ \"asd\"]", b"[\"\\uDBFF\\uDFFF\"]", b"[\"new\\u00A0line\"]",
    b"[\"\xf4\x8f\xbf\xbf\"]", b"[\"\xef\xbf\xbf\"]", b"[\"\\u0000\"]", b"[\"\\u002c\"]", b"[\"\xcf\x80\"]", b"[\"\xf0\x9b\xbf\xbf\"]", b"[\"asd \"]", b"\" \"",
    b"[\"\\uD834\\uDd1e\"]", b"[\"\\u0821\"]", b"[\"\\u0123\"]", b"[\"\xe2\x80\xa8\"]", b"[\"\xe2\x80\xa9\"]", b"[\"\\u0061\\u30af\\u30EA\\u30b9\"]", b"[\"new\\u000Aline\"]",
    b"[\"\x7f\"]", b"[\"\\uA66D\"]", b"[\"\\u005C\"]", b"[\"\xe2\x8d\x82\xe3\x88\xb4\xe2\x8d\x82\"]", b"[\"\\u200B\"]", b"[\"\\u2064\"]", b"[\"\\uFDD0\"]", b"[\"\\uFFFE\"]",
    b"[\"\\uD83F\\uDFFE\"]", b"[\"\\uDBFF\\uDFFE\"]", b"[\"\\u0022\"]", b"[\"\xe2\x82\xac\xf0\x9d\x84\x9e\"]", b"[\"a\x7fa\"]", b"\"\"", b"\"\\u00e9\"",
    // What stands alone, and white space.
    b"false", b"42", b"-0.1", b"null", b"\"asd\"", b"true", b"[\"a\"]\n", b"[true]", b" [] ", b"\t\r\n [\t\r\n 1 \t\r\n, 2\t]\r\n", b"{\"a\" :\t1\r\n}",
];

/// Every one of these is refused as broken JSON.
#[rustfmt::skip]
const REFUSED: &[&[u8]] = &[
    // Arrays.
    b"[1 true]", b"[a\xe5]", b"[\"\": 1]", b"[\"\"],", b"[,1]", b"[1,,2]", b"[\"x\",,]", b"[\"x\"]]", b"[\"\",]", b"[\"x\"", b"[x", b"[3[4]]", b"[\xff]", b"[1:2]", b"[,]", b"[-]",
    b"[   , \"\"]", b"[\"a\",\n4\n,1,", b"[1,]", b"[1,,]", b"[\"\x0ba\"\\f]", b"[*]", b"[\"\"", b"[1,", b"[1,\n1\n,1", b"[{}", b"[1}", b"[(1)]", b"[1;2]", b"[1 2]", b"[\"a\" \"b\"]",
    // Literals cut or in other spellings.
    b"[fals]", b"[nul]", b"[tru]", b"[True]", b"[FALSE]", b"[None]", b"[nil]", b"[undefined]", b"[truee]", b"[nulll]", b"tRUE",
    // Numbers.
    b"[++1234]", b"[+1]", b"[+Inf]", b"[-01]", b"[-1.0.]", b"[-2.]", b"[-NaN]", b"[.-1]", b"[.2e-3]", b"[0.1.2]", b"[0.3e+]", b"[0.3e]", b"[0.e1]", b"[0E+]", b"[0E]", b"[0e+]", b"[0e]",
    b"[1.0e+]", b"[1.0e-]", b"[1.0e]", b"[1 000.0]", b"[1eE2]", b"[2.e+3]", b"[2.e-3]", b"[2.e3]", b"[9.e+]", b"[Inf]", b"[NaN]", b"[\xef\xbc\x91]", b"[1+2]", b"[0x1]", b"[0x42]", b"[Infinity]",
    b"[0e+-1]", b"[-123.123foo]", b"[123\xe5]", b"[1e1\xe5]", b"[0\xe5]", b"[-Infinity]", b"[-foo]", b"[- 1]", b"[-012]", b"[-.123]", b"[-1x]", b"[1ea]", b"[1e\xe5]", b"[1.]", b"[.123]",
    b"[1.2a-3]", b"[1.8011670033376514H-308]", b"[012]", b"[00]", b"[1_000]", b"[0b1]", b"[0o7]", b"[1f]", b"[1n]", b"[1e 5]", b"[1. 5]", b"[--1]", b"[\xc2\xbd]", b"123\x00",
    // Objects.
    b"[\"x\", truth]", b"{[: \"x\"}\n", b"{\"x\", null}", b"{\"x\"::\"b\"}", b"{\xf0\x9f\x87\xa8\xf0\x9f\x87\xad}", b"{\"a\":\"a\" 123}", b"{key: 'value'}", b"{\"\xb9\":\"0\",}", b"{\"a\" b}", b"{:\"b\"}", b"{\"a\" \"b\"}",
    b"{\"a\":", b"{\"a\"", b"{1:1}", b"{9999E9999:1}", b"{null:null,null:null}", b"{\"id\":0,,,,,}", b"{'a':0}", b"{\"id\":0,}", b"{\"a\":\"b\"}/**/", b"{\"a\":\"b\"}/**//", b"{\"a\":\"b\"}//", b"{\"a\":\"b\"}/",
    b"{\"a\":\"b\",,\"c\":\"d\"}", b"{a: \"b\"}", b"{\"a\":\"a", b"{ \"foo\" : \"bar\", \"a\" }", b"{\"a\":\"b\"}#", b"{\"a\":/*comment*/\"b\"}", b"{\"a\":'b'}", b"{true: 1}", b"{\"a\": 1; \"b\": 2}", b"{\"a\" = 1}", b"{\"a\" => 1}",
    b"{,}", b"{\"a\":}", b"{\"a\"}", b"{{}}", b"{\"a\":1]",
    // Strings.
    b"[\"\\uD800\\\"]", b"[\"\\uD800\\u\"]", b"[\"\\uD800\\u1\"]", b"[\"\\uD800\\u1x\"]", b"[\xc3\xa9]", b"[\"\\\x00\"]", b"[\"\\\\\\\"]", b"[\"\\x00\"]", b"[\"\\\t\"]", b"[\"\\\xf0\x9f\x8c\x80\"]",
    b"[\"\\\"]", b"[\"\\u00A\"]", b"[\"\\uD834\\uDd\"]", b"[\"\\uD800\\uD800\\x\"]", b"[\"\\a\"]", b"[\"\\uqqqq\"]", b"[\"\\\xe5\"]", b"[\"\\u\xe5\"]", b"[\\u0020\"asd\"]", b"[\\n]", b"\"", b"['single quote']", b"abc",
    b"[\"a\x00a\"]", b"[\"new\nline\"]", b"[\"\t\"]", b"\"\\UA66D\"", b"\"\"x", b"[\"\\u{41}\"]", b"[\"\\0\"]", b"[\"\\'\"]", b"[\"a\x1fa\"]", b"[\"a\rb\"]", b"[`a`]", b"[\"\\\n\"]", b"[\"\\u 041\"]", b"[\"\\u-041\"]", b"[\"\\u+041\"]",
    // Structure.
    b"", b" ", b"<.>", b"[<null>]", b"[1]x", b"[1]]", b"[\"asd]", b"a\xc3\xa5", b"[True]", b"1]", b"{\"x\": true,", b"[][]", b"]", b"\xef\xbb{}", b"\xe5", b"[", b"2@", b"{}}", b"{\"\":", b"{\"a\":/*comment*/\"b\"}",
    b"{\"a\": true} \"x\"", b"['", b"[,", b"[{", b"[\"a", b"[\"a\"", b"{", b"{]", b"{,", b"{[", b"{\"a", b"{'a'", b"[\"\\{[\"\\{[\"\\{[\"\\{", b"[\"\\", b"\xef\xbb\xbf", b"[\x00]", b"\xc3\xa9", b"*", b"{\"a\":\"b\"}#{}", b"[\\u000A\"\"]", b"[1", b"[ false, nul", b"[ true, fals",
    b"[ false, tru", b"{\"asd\":\"asd\"", b"\xc3\xa5", b"[\xe2\x81\xa0]", b"[\x0c]", b"\xc2\xa0[]", b"[]\x00", b"\x00[]", b"[\x0b1]", b"\xe2\x80\xa8[]", b"//a\n[]", b"[] []", b"1 2", b"null null", b"(1)", b"&b", b"\x1e[]",
];

/// What RFC 8259 leaves open, and what is done about it.
#[rustfmt::skip]
const DECIDED: &[(&[u8], &str)] = &[
    // Integers beyond ±(2^53 - 1) are refused, and what no float holds; what is too small to tell from zero is zero.
    (b"[0.4e00669999999999999999999999999999999999999999999999999999999999999999999]", "NumberOutOfRange"),
    (b"[-1e+9999]", "NumberOutOfRange"), (b"[1.5e+9999]", "NumberOutOfRange"), (b"[-123123e100000]", "NumberOutOfRange"), (b"[123123e100000]", "NumberOutOfRange"),
    (b"[-123123123123123123123123123123]", "NumberOutOfRange"), (b"[100000000000000000000]", "NumberOutOfRange"), (b"[-237462374673276894279832749832423479823246327846]", "NumberOutOfRange"),
    (b"[9007199254740993]", "NumberOutOfRange"), (b"[18446744073709551616]", "NumberOutOfRange"),
    (b"[123.456e-789]", "ok"), (b"[123e-10000000]", "ok"), (b"[9007199254740993.0]", "ok"), (b"[1e-400]", "ok"), (b"[9007199254740991]", "ok"), (b"[-9007199254740991]", "ok"),
    // Half of a surrogate pair is no character.
    (b"{\"\\uDFAA\":0}", "MetadataSyntax"), (b"[\"\\uDADA\"]", "MetadataSyntax"), (b"[\"\\uD888\\u1234\"]", "MetadataSyntax"), (b"[\"\\uD800\\n\"]", "MetadataSyntax"),
    (b"[\"\\uDd1ea\"]", "MetadataSyntax"), (b"[\"\\uD800\\uD800\\n\"]", "MetadataSyntax"), (b"[\"\\ud800\"]", "MetadataSyntax"), (b"[\"\\ud800abc\"]", "MetadataSyntax"),
    (b"[\"\\uDd1e\\uD834\"]", "MetadataSyntax"), (b"[\"\\uDFAA\"]", "MetadataSyntax"),
    // UTF-8 without a byte order mark is the only encoding, and it is not repaired.
    (b"\xff\xfe[\x00\"\x00\xe9\x00\"\x00]\x00", "MetadataSyntax"), (b"[\"\xff\"]", "MetadataSyntax"), (b"[\"\xe6\x97\xa5\xd1\x88\xfa\"]", "MetadataSyntax"), (b"[\"\xf4\xbf\xbf\xbf\"]", "MetadataSyntax"),
    (b"[\"\xe0\xff\"]", "MetadataSyntax"), (b"[\"\xfc\x80\x80\x80\x80\x80\"]", "MetadataSyntax"), (b"[\"\xc0\xaf\"]", "MetadataSyntax"), (b"[\"\xfc\x83\xbf\xbf\xbf\xbf\"]", "MetadataSyntax"),
    (b"[\"\x81\"]", "MetadataSyntax"), (b"[\"\xed\xa0\x80\"]", "MetadataSyntax"), (b"[\"\xe9\"]", "MetadataSyntax"), (b"\xfe\xff\x00[\x00\"", "MetadataSyntax"),
    (b"[\x00\"\x00\xe9\x00\"\x00]\x00", "MetadataSyntax"), (b"\x00[\x00\"\x00\xe9\x00\"\x00]", "MetadataSyntax"), (b"\xef\xbb\xbf{}", "MetadataSyntax"),
    // Readers disagree on which of equal keys counts; both of the suite's accepted texts with them are refused.
    (b"{\"a\":\"b\",\"a\":\"c\"}", "DuplicateKey"), (b"{\"a\":\"b\",\"a\":\"b\"}", "DuplicateKey"), (b"{\"a\":1,\"\\u0061\":2}", "DuplicateKey"),
];

/// R1.8
#[test]
fn whatever_is_json_is_accepted() {
    for text in ACCEPTED {
        assert_eq!(code_of(text), "ok", "{}", String::from_utf8_lossy(text));
    }
}

/// R1.8
#[test]
fn whatever_is_not_json_is_refused_with_its_place() {
    for text in REFUSED {
        let error = parse_strict_json(text, JsonLimits::METADATA)
            .expect_err(&format!("accepted: {}", String::from_utf8_lossy(text)));
        assert_eq!(error.code(), "MetadataSyntax", "{}", String::from_utf8_lossy(text));
        assert!(error.line() >= 1 && error.column() >= 1 && error.offset() <= text.len());
    }
    for (open, times) in [("[", 100_000), ("[{\"\":", 50_000)] {
        assert_eq!(code_of(open.repeat(times).as_bytes()), "MetadataTooDeep");
    }
}

/// R1.8, attack rows 27 to 30
#[test]
fn what_the_standard_leaves_open_is_decided() {
    for (text, code) in DECIDED {
        assert_eq!(code_of(text), *code, "{}", String::from_utf8_lossy(text));
    }
    let nested = format!("{}{}", "[".repeat(500), "]".repeat(500));
    assert_eq!(code_of(nested.as_bytes()), "MetadataTooDeep");
}
