//! Tests of what is signed and of what a signature must be (R3.2, attacks 17, 22-26; RFC 8785, DSSE).
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::SigningKey;

fn manifest() -> Value {
    json!({
        "name": "Greeter", "id": "com.acme.greeter", "version": "1.0.0", "description": "Greets.", "author": "Acme",
        "entry_point": "greeter::Greeter", "actions": [],
        "checksum": {"algorithm": "blake3", "value": "00".repeat(32)},
    })
}

fn document(value: Value) -> Document {
    Document::from_value(value).unwrap()
}

fn signed(key: &SigningKey) -> Value {
    let mut value = manifest();
    let signature = key.sign(&document(value.clone())).unwrap();
    value["signature"] = serde_json::to_value(signature).unwrap();
    value
}

#[test]
fn the_encoding_is_that_of_the_dsse_specification() {
    // The test vector of the protocol's own document.
    let encoded = pre_authentication_encoding("http://example.com/HelloWorld", b"hello world");
    assert_eq!(encoded, b"DSSEv1 29 http://example.com/HelloWorld 11 hello world");
}

#[test]
fn the_payload_is_the_canonical_manifest_without_its_signature() {
    let key = SigningKey::generate().unwrap();
    let payload = String::from_utf8(signed_payload(&document(signed(&key))).unwrap()).unwrap();
    let body = format!(
        "{{\"actions\":[],\"author\":\"Acme\",\"checksum\":{{\"algorithm\":\"blake3\",\"value\":\"{}\"}},\
         \"description\":\"Greets.\",\"entry_point\":\"greeter::Greeter\",\"id\":\"com.acme.greeter\",\
         \"name\":\"Greeter\",\"version\":\"1.0.0\"}}",
        "00".repeat(32)
    );
    assert_eq!(payload, format!("DSSEv1 {} {PAYLOAD_TYPE} {} {body}", PAYLOAD_TYPE.len(), body.len()));
}

#[test]
fn canonical_json_is_that_of_rfc_8785() {
    let canonical = |text: &str| {
        let value: Value = serde_json::from_str(text).unwrap();
        String::from_utf8(serde_json_canonicalizer::to_vec(&value).unwrap()).unwrap()
    };
    // Section 3.2.2 and 3.2.3: numbers, strings and the order of members by UTF-16 code units.
    assert_eq!(
        canonical(
            r#"{"numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
                "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/", "literals": [null, true, false]}"#
        ),
        "{\"literals\":[null,true,false],\"numbers\":[333333333.3333333,1e+30,4.5,0.002,1e-27],\
         \"string\":\"\u{20ac}$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\"}"
    );
    assert_eq!(
        canonical(
            r#"{"\u20ac": "Euro Sign", "\r": "Carriage Return", "\ufb33": "Hebrew Letter Dalet With Dagesh", "1": "One",
                "\ud83d\ude00": "Emoji: Grinning Face", "\u0080": "Control", "\u00f6": "Latin Small Letter O With Diaeresis"}"#
        ),
        "{\"\\r\":\"Carriage Return\",\"1\":\"One\",\"\u{80}\":\"Control\",\
         \"\u{f6}\":\"Latin Small Letter O With Diaeresis\",\"\u{20ac}\":\"Euro Sign\",\
         \"\u{1f600}\":\"Emoji: Grinning Face\",\"\u{fb33}\":\"Hebrew Letter Dalet With Dagesh\"}"
    );
    // Appendix B, as far as its numbers can be written in JSON.
    for (text, expected) in [
        ("0", "0"),
        ("-0.0", "0"),
        ("5e-324", "5e-324"),
        ("1.7976931348623157e308", "1.7976931348623157e+308"),
        ("9007199254740991", "9007199254740991"),
        ("9007199254740992.0", "9007199254740992"),
        ("295147905179352830000", "295147905179352830000"),
        ("9.999999999999997e22", "9.999999999999997e+22"),
        ("1e23", "1e+23"),
        ("1e21", "1e+21"),
        ("999999999999999700000", "999999999999999700000"),
        ("0.000001", "0.000001"),
        ("0.0000001", "1e-7"),
        ("333333333.33333325", "333333333.33333325"),
    ] {
        assert_eq!(canonical(text), expected);
    }
}

#[test]
fn a_signature_holds_for_its_key_and_manifest_alone() {
    let (key, other) = (SigningKey::generate().unwrap(), SigningKey::generate().unwrap());
    let signed = signed(&key);
    verify_signature(&document(signed.clone()), &key.public_key()).unwrap();
    let foreign = verify_signature(&document(signed), &other.public_key()).unwrap_err();
    assert_eq!(foreign.code(), "SignatureInvalid");
}

#[test]
fn every_member_is_bound() {
    let key = SigningKey::generate().unwrap();
    let edits: [(&str, Value); 9] = [
        ("id", json!("com.acme.other")),
        ("version", json!("1.0.1")),
        ("name", json!("greeter")),
        ("permissions_required", json!(["network:*"])),
        ("actions", json!([{"name": "wipe", "description": "Wipes."}])),
        ("entry_point", json!("evil::Evil")),
        ("checksum", json!({"algorithm": "sha256", "value": "00".repeat(32)})),
        ("x-extension", json!(1)),
        ("default_enabled", json!(true)),
    ];
    for (member, value) in edits {
        let mut edited = signed(&key);
        edited[member] = value;
        let Ok(document) = Document::from_value(edited) else { panic!("{member} is not a manifest's") };
        let error = verify_signature(&document, &key.public_key()).unwrap_err();
        assert_eq!(error.code(), "SignatureInvalid", "{member}");
    }
}

#[test]
fn the_order_of_members_and_white_space_do_not_matter() {
    let key = SigningKey::generate().unwrap();
    let signed = signed(&key);
    let members: Vec<_> =
        signed.as_object().unwrap().iter().rev().map(|(name, value)| format!("\n\t {name:?} :\t{value:#} ")).collect();
    let spaced = format!(" {{{}}}\r\n", members.join(","));
    verify_signature(&Document::parse(spaced.as_bytes()).unwrap(), &key.public_key()).unwrap();
}

#[test]
fn another_payload_type_makes_another_signature() {
    let key = SigningKey::generate().unwrap();
    let document = document(manifest());
    let payload = String::from_utf8(signed_payload(&document).unwrap()).unwrap();
    let genuine = key.sign(&document).unwrap();
    let bytes: [u8; 64] = BASE64_STANDARD.decode(&genuine.value).unwrap().try_into().unwrap();
    assert!(key.public_key().verifies(payload.as_bytes(), &bytes));
    let other = payload.replacen("application/vnd.apex.plugin.v1+json", "application/vnd.apex.config.v1+json", 1);
    assert_ne!(other, payload);
    assert!(!key.public_key().verifies(other.as_bytes(), &bytes));
}

#[test]
fn a_signature_without_a_checksum_is_neither_made_nor_taken() {
    let key = SigningKey::generate().unwrap();
    let mut bare = manifest();
    bare.as_object_mut().unwrap().remove("checksum");
    assert_eq!(key.sign(&document(bare.clone())).unwrap_err().code(), "MissingChecksum");
    bare["signature"] = signed(&key)["signature"].clone();
    let error = verify_signature(&document(bare), &key.public_key()).unwrap_err();
    assert_eq!(error.code(), "MissingChecksum");
}

#[test]
fn the_form_is_strict() {
    let key = SigningKey::generate().unwrap();
    let genuine = signed(&key);
    let value = genuine["signature"]["value"].as_str().unwrap().to_owned();
    let bytes = BASE64_STANDARD.decode(&value).unwrap();
    let loose_bits = {
        // 64 bytes end in a group of one byte and two pads, whose second character has four bits to spare.
        let mut characters = value.clone().into_bytes();
        characters[85] = if characters[85] == b'A' { b'B' } else { characters[85] + 1 };
        String::from_utf8(characters).unwrap()
    };
    for (what, member, replacement, code) in [
        ("63 bytes", "value", BASE64_STANDARD.encode(&bytes[..63]), "MalformedSignature"),
        ("65 bytes", "value", BASE64_STANDARD.encode([&bytes[..], &[0]].concat()), "MalformedSignature"),
        ("no padding", "value", value.trim_end_matches('=').to_owned(), "MalformedSignature"),
        ("white space", "value", format!("{value}\n"), "MalformedSignature"),
        ("loose bits", "value", loose_bits, "MalformedSignature"),
        ("URL alphabet", "value", format!("-_{}", &value[2..]), "MalformedSignature"),
        ("nothing", "value", String::new(), "MalformedSignature"),
        ("short key id", "key_id", "ab".into(), "MalformedSignature"),
        ("upper-case key id", "key_id", "AB".repeat(32), "MalformedSignature"),
        ("unknown method", "method", "rsa".into(), "UnsupportedAlgorithm"),
        ("method in capitals", "method", "Ed25519".into(), "UnsupportedAlgorithm"),
        ("no method", "method", String::new(), "UnsupportedAlgorithm"),
    ] {
        let mut spoiled = genuine.clone();
        spoiled["signature"][member] = replacement.into();
        let error = verify_signature(&document(spoiled), &key.public_key()).unwrap_err();
        assert_eq!(error.code(), code, "{what}: {error}");
    }
}

fn hex<const N: usize>(text: &str) -> [u8; N] {
    let bytes: Vec<u8> =
        (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect();
    bytes.try_into().unwrap()
}

#[test]
fn signatures_of_the_standard_hold() {
    // RFC 8032, section 7.1, tests 1 and 2.
    for (key, message, signature) in [
        (
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
            &b""[..],
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
        ),
        (
            "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
            b"\x72",
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
        ),
    ] {
        assert!(PublicKey::from_bytes(&hex(key)).unwrap().verifies(message, &hex(signature)));
    }
}

#[test]
fn signatures_that_hold_by_looser_rules_alone_are_refused() {
    // Cases 4 to 7 of "Taming the many EdDSAs" (Chalkias, Garillot, Nikolaenko 2020): valid with the cofactor only,
    // twice, and S of at least the group's order, twice.
    for (message, key, signature) in [
        (
            "e47d62c63f830dc7a6851a0b1f33ae4bb2f507fb6cffec4011eaccd55b53f56c",
            "cdb267ce40c5cd45306fa5d2f29731459387dbf9eb933b7bd5aed9a765b88d4d",
            "160a1cb0dc9c0258cd0a7d23e94d8fa878bcb1925f2c64246b2dee1796bed5125ec6bc982a269b723e0668e540911a9a6a58921d6925e434ab10aa7940551a09",
        ),
        (
            "e47d62c63f830dc7a6851a0b1f33ae4bb2f507fb6cffec4011eaccd55b53f56c",
            "cdb267ce40c5cd45306fa5d2f29731459387dbf9eb933b7bd5aed9a765b88d4d",
            "21122a84e0b5fca4052f5b1235c80a537878b38f3142356b2c2384ebad4668b7e40bc836dac0f71076f9abe3a53f9c03c1ceeeddb658d0030494ace586687405",
        ),
        (
            "85e241a07d148b41e47d62c63f830dc7a6851a0b1f33ae4bb2f507fb6cffec40",
            "442aad9f089ad9e14647b1ef9099a1ff4798d78589e66f28eca69c11f582a623",
            "e96f66be976d82e60150baecff9906684aebb1ef181f67a7189ac78ea23b6c0e547f7690a0e2ddcd04d87dbc3490dc19b3b3052f7ff0538cb68afb369ba3a514",
        ),
    ] {
        let key = PublicKey::from_bytes(&hex(key)).unwrap();
        assert!(!key.verifies(&hex::<32>(message), &hex(signature)), "{signature}");
    }
}

/// The order of the base point, 2^252 + 27742317777372353535851937790883648493, little-endian.
const ORDER: &str = "edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010";

#[test]
fn a_signature_with_the_order_added_to_s_is_refused() {
    let key = SigningKey::generate().unwrap();
    let document = document(manifest());
    let mut bytes: [u8; 64] = BASE64_STANDARD.decode(key.sign(&document).unwrap().value).unwrap().try_into().unwrap();
    assert!(key.public_key().verifies(&signed_payload(&document).unwrap(), &bytes));
    let mut carry = 0;
    for (byte, add) in bytes[32..].iter_mut().zip(hex::<32>(ORDER)) {
        let sum = u16::from(*byte) + u16::from(add) + carry;
        *byte = sum.to_le_bytes()[0];
        carry = sum >> 8;
    }
    assert!(!key.public_key().verifies(&signed_payload(&document).unwrap(), &bytes));
}

#[test]
fn an_r_of_small_order_or_another_encoding_is_refused() {
    let key = SigningKey::generate().unwrap();
    let public = key.public_key();
    for r in [
        [0; 32],
        {
            let mut one = [0; 32];
            one[0] = 1;
            one
        },
        hex(&format!("ee{}7f", "ff".repeat(30))),
    ] {
        let mut bytes = [0; 64];
        bytes[..32].copy_from_slice(&r);
        assert!(!public.verifies(b"message", &bytes));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn no_flipped_bit_of_a_signature_goes_unnoticed(at in 0usize..64, bit in 0u8..8) {
        let key = SigningKey::generate().unwrap();
        let document = document(manifest());
        let genuine = key.sign(&document).unwrap();
        let mut bytes: [u8; 64] = BASE64_STANDARD.decode(&genuine.value).unwrap().try_into().unwrap();
        bytes[at] ^= 1 << bit;
        prop_assert!(!key.public_key().verifies(&signed_payload(&document).unwrap(), &bytes));
    }

    #[test]
    fn no_text_makes_decoding_panic(method in "ed25519|\\PC{0,8}", key_id in "[0-9a-f]{64}|\\PC{0,8}", value in "\\PC{0,100}") {
        let _ = Decoded::from_signature(&Signature { method, key_id, value });
    }
}
