//! Tests of signing elsewhere (R8.4).
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::{
    fs::{self, File},
    io::Write as _,
    path::PathBuf,
    process::Command,
};

use apex_trust::SigningKey;
use base64::{Engine as _, prelude::BASE64_STANDARD};

use super::*;
use crate::{SignatureCheck, check_directory, minimal_elf::MinimalElf};

/// A plugin that is laid out, and not yet signed.
struct Plugin(tempfile::TempDir);

impl Plugin {
    fn new() -> Self {
        let plugin = Self(tempfile::tempdir().unwrap());
        let manifest = br#"{"name": "Greeter", "id": "com.acme.greeter", "version": "1.0.0", "description": "Greets.",
            "author": "Acme", "entry_point": "greeter::Greeter", "actions": []}"#;
        plugin.write("plugin.json", manifest);
        plugin.write("libgreeter.so", &MinimalElf::with_content(b"machine code"));
        plugin
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join("plugin").join(name)
    }

    fn write(&self, name: &str, content: &[u8]) {
        fs::create_dir_all(self.path("")).unwrap();
        File::create(self.path(name)).unwrap().write_all(content).unwrap();
    }

    /// What the key would have made, had it been here: its signature over a copy.
    fn signed_elsewhere(&self, key: &SigningKey) -> Vec<u8> {
        let document = read_document(&self.path("")).unwrap();
        BASE64_STANDARD.decode(key.sign(&document).unwrap().value).unwrap()
    }
}

#[test]
fn a_signature_made_elsewhere_is_as_good_as_one_made_here() {
    let (plugin, key) = (Plugin::new(), SigningKey::generate().unwrap());
    let (document, payload) = signing_payload(&plugin.path("")).unwrap();
    assert_eq!(payload, signed_payload(&document).unwrap());
    assert!(payload.starts_with(b"DSSEv1 35 application/vnd.apex.plugin.v1+json "));
    let raw = plugin.signed_elsewhere(&key);
    let text = format!("{}\n", BASE64_STANDARD.encode(&raw)).into_bytes();
    for signature in [raw, text] {
        let attached = attach_signature(&plugin.path(""), &key.public_key(), &signature).unwrap();
        let checked = check_directory(&plugin.path(""), Some(&key.public_key())).unwrap();
        assert_eq!(checked.document, attached);
        assert_eq!(checked.signature, SignatureCheck::Holds { key_id: key.public_key().key_id() });
        assert_eq!(attached, seal_directory(&plugin.path(""), Some(&key)).unwrap(), "Ed25519 is deterministic");
    }
}

#[test]
fn what_does_not_belong_together_is_refused_and_changes_nothing() {
    let (plugin, key) = (Plugin::new(), SigningKey::generate().unwrap());
    let attach = |key: &SigningKey, signature: &[u8]| {
        attach_signature(&plugin.path(""), &key.public_key(), signature).unwrap_err().code()
    };
    assert_eq!(attach(&key, &[0; 64]), "MissingChecksum", "there is nothing yet that it could bind");
    signing_payload(&plugin.path("")).unwrap();
    let signature = plugin.signed_elsewhere(&key);
    let before = fs::read(plugin.path("plugin.json")).unwrap();
    let mut flipped = signature.clone();
    flipped[3] ^= 1;
    let other = SigningKey::generate().unwrap();
    let hex: String = signature.iter().map(|byte| format!("{byte:02x}")).collect();
    for (what, key, signature, code) in [
        ("another key", &other, &signature[..], "SignatureInvalid"),
        ("a flipped bit", &key, &flipped[..], "SignatureInvalid"),
        ("too short", &key, &signature[..63], "MalformedSignature"),
        ("too long", &key, &[0xff; 65], "MalformedSignature"),
        ("nothing", &key, b"", "MalformedSignature"),
        ("hexadecimal", &key, hex.as_bytes(), "MalformedSignature"),
    ] {
        assert_eq!(attach(key, signature), code, "{what}");
    }
    assert_eq!(fs::read(plugin.path("plugin.json")).unwrap(), before);
    plugin.write("notice.txt", b"put there while the service signed");
    assert_eq!(attach(&key, &signature), "ChecksumMismatch");
}

/// OpenSSL stands for any service that signs with plain Ed25519.
#[test]
#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn openssl_signs_the_payload() {
    let (plugin, key) = (Plugin::new(), SigningKey::generate().unwrap());
    let at = |name: &str| plugin.0.path().join(name);
    key.write_pem(&at("key.pem")).unwrap();
    let (_, payload) = signing_payload(&plugin.path("")).unwrap();
    File::create(at("payload")).unwrap().write_all(&payload).unwrap();
    let mut command = Command::new("openssl");
    command.args(["pkeyutl", "-sign", "-rawin", "-inkey"]).arg(at("key.pem"));
    match command.arg("-in").arg(at("payload")).arg("-out").arg(at("signature")).output() {
        Ok(output) if output.status.success() => {}
        other => {
            eprintln!("skipped: no openssl here that signs with Ed25519: {other:?}");
            return;
        }
    }
    attach_signature(&plugin.path(""), &key.public_key(), &fs::read(at("signature")).unwrap()).unwrap();
    check_directory(&plugin.path(""), Some(&key.public_key())).unwrap();
}
