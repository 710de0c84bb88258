//! Attacks on the signature itself, by whoever has the file or even the key (17, 22, 23, 25, 26).

use apex_plugins::{meta::Document, trust::signed_payload};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use ed25519_dalek::{Signer as _, pkcs8::DecodePrivateKey as _};
use serde_json::json;

use crate::{Attack, Scene, withstands};

/// The order of the base point, 2^252 + 27742317777372353535851937790883648493, little-endian.
const ORDER: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

/// Puts other bytes in the place of the signature's.
fn change(scene: &Scene, change: impl FnOnce(&mut Vec<u8>)) {
    scene.edit(|metadata| {
        let value = metadata["signature"]["value"].as_str().unwrap();
        let mut bytes = BASE64_STANDARD.decode(value).unwrap();
        change(&mut bytes);
        metadata["signature"]["value"] = json!(BASE64_STANDARD.encode(bytes));
    });
}

/// Puts another text in the place of the signature's.
fn rewrite(scene: &Scene, rewrite: impl FnOnce(&str) -> String) {
    scene.edit(|metadata| {
        let value = rewrite(metadata["signature"]["value"].as_str().unwrap());
        metadata["signature"]["value"] = json!(value);
    });
}

/// The publisher's key signs the same manifest, but as something else.
fn sign_as_another_type(scene: &mut Scene) {
    let pem = scene.directory.path().join("key.pem");
    scene.publisher.key.write_pem(&pem).unwrap();
    let key = ed25519_dalek::SigningKey::from_pkcs8_pem(&std::fs::read_to_string(pem).unwrap()).unwrap();
    let document = Document::parse(scene.text().as_bytes()).unwrap();
    let payload = String::from_utf8(signed_payload(&document).unwrap()).unwrap();
    // The very bytes give the genuine signature: only the type makes the difference.
    let genuine = BASE64_STANDARD.encode(key.sign(payload.as_bytes()).to_bytes());
    assert_eq!(document.value()["signature"]["value"], genuine);
    let other = payload.replacen("vnd.apex.plugin.v1", "vnd.apex.config.v1", 1);
    assert_ne!(other, payload);
    rewrite(scene, |_| BASE64_STANDARD.encode(key.sign(other.as_bytes()).to_bytes()));
}

fn add_order(bytes: &mut [u8]) {
    let mut carry = 0;
    for (byte, add) in bytes[32..].iter_mut().zip(ORDER) {
        let sum = u16::from(*byte) + u16::from(add) + carry;
        *byte = sum.to_le_bytes()[0];
        carry = sum >> 8;
    }
}

/// R becomes a point that is written as `first`, then `middle` thirty times, then `last`.
fn set_r(bytes: &mut [u8], first: u8, middle: u8, last: u8) {
    bytes[..32].fill(middle);
    (bytes[0], bytes[31]) = (first, last);
}

#[test]
fn signatures_over_something_else_or_in_another_form_are_named() {
    let attacks: &[Attack] = &[
        (17, "the key's signature over another payload type", sign_as_another_type, "SignatureInvalid"),
        (22, "S plus the order", |scene| change(scene, |bytes| add_order(bytes)), "SignatureInvalid"),
        (
            23,
            "R is the neutral point, and S zero",
            |scene| {
                change(scene, |bytes| {
                    bytes.fill(0);
                    bytes[0] = 1;
                });
            },
            "SignatureInvalid",
        ),
        (23, "R is of order four", |scene| change(scene, |bytes| set_r(bytes, 0, 0, 0)), "SignatureInvalid"),
        (25, "R is not canonical", |scene| change(scene, |bytes| set_r(bytes, 0xee, 0xff, 0x7f)), "SignatureInvalid"),
        (26, "a byte less", |scene| change(scene, |bytes| bytes.truncate(63)), "MalformedSignature"),
        (26, "a byte more", |scene| change(scene, |bytes| bytes.push(0)), "MalformedSignature"),
        (
            26,
            "no padding",
            |scene| {
                rewrite(scene, |value| value.trim_end_matches('=').to_owned());
            },
            "MalformedSignature",
        ),
        (26, "a line feed", |scene| rewrite(scene, |value| format!("{value}\n")), "MalformedSignature"),
        (
            26,
            "the alphabet of URLs",
            |scene| rewrite(scene, |value| format!("-_{}", &value[2..])),
            "MalformedSignature",
        ),
        (26, "bits that nothing needs", |scene| rewrite(scene, loosen), "MalformedSignature"),
    ];
    withstands(attacks);
}

/// The last character before the padding has four bits to spare, which must be zero.
fn loosen(value: &str) -> String {
    let mut value = value.to_owned().into_bytes();
    // Among the four that are possible, A, Q, g and w, none is followed by another one.
    value[85] += 1;
    String::from_utf8(value).unwrap()
}
