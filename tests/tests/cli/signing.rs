//! `apex package` and `apex sign`: for a crate anywhere, with keys behind passphrases and keys that live elsewhere.

use std::{
    env, fs,
    io::Write as _,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use apex_plugins::{
    meta::{Document, TARGET_TRIPLE},
    trust::SigningKey,
};
use apex_plugins_tests::minimal_elf::MinimalElf;
use serde_json::{Value, json};

use crate::house::{Ended, House, Proof, find, manifest, write};

/// Writes what nobody else may read.
fn write_secret(path: &Path, text: &str) {
    write(path, text);
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// A house whose trusted key lies in `acme.pem`, and a plugin of that publisher that is not signed yet.
fn author() -> (House, PathBuf) {
    let house = House::new();
    house.key().write_pem(&house.path("acme.pem")).unwrap();
    house.key().public_key().write(&house.path("acme.pub")).unwrap();
    let plugin = house.plant("greeter", Proof::Checksum, |_| ());
    (house, plugin)
}

fn status(house: &House, name: &str) -> Value {
    let listing = house.json(&["list"]);
    let found = find(&listing, name);
    json!([found["status"], found["reason"]["code"]])
}

#[test]
fn a_directory_and_a_package_are_signed_in_place() {
    let (house, plugin) = author();
    assert_eq!(status(&house, "greeter"), json!(["blocked", "SignatureStripped"]));
    let package = house.path("greeter.apexpkg");
    apex_package::pack(&plugin, &package).unwrap();
    let key_id = house.key().public_key().key_id().to_string();

    let signed = house.apex(&["sign", text(&plugin), "--key", "acme.pem"]).expect(0);
    assert_eq!(signed.stdout, format!("signed com.acme.greeter 1.0.0 by key {key_id}\n"));
    assert!(signed.stderr.contains("--pack"), "{}", signed.stderr);
    assert_eq!(status(&house, "greeter"), json!(["ready", null]));

    house.apex(&["check", text(&package)]).expect(4);
    let signed = house.json(&["sign", text(&package), "--key", "acme.pem"]);
    assert_eq!((&signed["id"], &signed["key_id"]), (&json!("com.acme.greeter"), &json!(key_id)));
    house.apex(&["check", text(&package)]).expect(0);
    house.apex(&["sign", text(&plugin), "--key", "acme.pem", "--pack", "again.apexpkg"]).expect(0);
    assert!(fs::read(&package).unwrap() == fs::read(house.path("again.apexpkg")).unwrap(), "one plugin, one package");
}

#[test]
fn a_key_behind_a_passphrase_signs_with_it_alone() {
    let (house, plugin) = author();
    write_secret(&house.path("words"), "four words of it\n");
    write_secret(&house.path("others"), "four other words\n");
    write(&house.path("for-all-to-read"), "four words of it\n");
    fs::set_permissions(house.path("for-all-to-read"), fs::Permissions::from_mode(0o644)).unwrap();
    house.apex(&["keys", "generate", "closed.pem", "--passphrase-file", "words"]).expect(0);
    let pem = fs::read_to_string(house.path("closed.pem")).unwrap();
    assert!(pem.starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----"), "{pem}");
    let sign = |file: &[&str]| house.apex(&[&["--json", "sign", text(&plugin), "--key", "closed.pem"], file].concat());
    for (file, code) in [
        (&["--passphrase-file", "others"][..], "WrongPassphrase"),
        (&["--passphrase-file", "for-all-to-read"], "InsecureKeyFile"),
        (&[], "EncryptedKey"),
    ] {
        let error = sign(file).expect(4).error();
        assert_eq!(error["code"], code, "{error:#}");
        assert!(error["hint"].as_str().is_some_and(|hint| !hint.is_empty()), "{error:#}");
    }
    sign(&["--passphrase-file", "words"]).expect(0);
    let shown = house.json(&["keys", "show", "closed.pem.pub"]);
    let document = Document::parse(&fs::read(plugin.join("plugin.json")).unwrap()).unwrap();
    assert_eq!(shown["key_id"], document.manifest().signature.as_ref().unwrap().key_id.as_str());
}

/// Attack 78.
#[test]
fn a_private_key_that_others_may_read_signs_nothing() {
    let (house, plugin) = author();
    let before = fs::read(plugin.join("plugin.json")).unwrap();
    for mode in [0o640, 0o604, 0o644, 0o620] {
        fs::set_permissions(house.path("acme.pem"), fs::Permissions::from_mode(mode)).unwrap();
        let error = house.apex(&["--json", "sign", text(&plugin), "--key", "acme.pem"]).expect(4).error();
        assert_eq!(error["code"], "InsecureKeyFile", "{mode:o}: {error:#}");
        assert!(error["hint"].as_str().unwrap().contains("chmod 600"), "{error:#}");
    }
    assert!(fs::read(plugin.join("plugin.json")).unwrap() == before);
}

/// R8.4
#[test]
fn a_key_that_lives_elsewhere_signs_a_payload_and_its_signature_is_attached() {
    let (house, plugin) = author();
    write(&plugin.join("notice.txt"), "the checksum is taken anew");
    let told = house.apex(&["sign", text(&plugin), "--payload-out", "payload"]).expect(0);
    assert!(
        told.stdout.contains("not signed yet") && told.stderr.contains("--attach"),
        "{}{}",
        told.stdout,
        told.stderr
    );
    // The service: it gets the payload, which is of this document, and gives 64 bytes in Base64.
    let document = Document::parse(&fs::read(plugin.join("plugin.json")).unwrap()).unwrap();
    assert!(fs::read(house.path("payload")).unwrap() == apex_plugins::trust::signed_payload(&document).unwrap());
    write(&house.path("signature"), &house.key().sign(&document).unwrap().value);

    let attach = |signature: &str, public: &str| -> Ended {
        house.apex(&["--json", "sign", text(&plugin), "--attach", signature, "--public", public])
    };
    let other = SigningKey::generate().unwrap();
    other.public_key().write(&house.path("other.pub")).unwrap();
    assert_eq!(attach("signature", "other.pub").expect(4).error()["code"], "SignatureInvalid");
    assert_eq!(attach("payload", "acme.pub").expect(4).error()["code"], "MalformedSignature");
    write(&plugin.join("more.txt"), "slipped in while the service signed");
    assert_eq!(attach("signature", "acme.pub").expect(4).error()["code"], "ChecksumMismatch");
    fs::remove_file(plugin.join("more.txt")).unwrap();
    attach("signature", "acme.pub").expect(0);
    assert_eq!(status(&house, "greeter"), json!(["ready", null]));
}

#[test]
fn a_command_line_that_says_no_or_two_ways_to_sign_is_refused() {
    let (house, plugin) = author();
    for arguments in [
        &[][..],
        &["--key", "acme.pem", "--payload-out", "payload"],
        &["--attach", "signature"],
        &["--key", "acme.pem", "--public", "acme.pub"],
        &["--payload-out", "payload", "--pack", "x.apexpkg"],
    ] {
        house.apex(&[&["sign", text(&plugin)], arguments].concat()).expect(2);
    }
    house.apex(&["package", text(&plugin), "--lib", "no-path"]).expect(2);
}

/// A plugin's crate that depends on nothing: what it does when it is loaded does not matter here.
fn plant_crate(directory: &Path) {
    fs::create_dir_all(directory.join("src")).unwrap();
    fs::create_dir_all(directory.join("resources")).unwrap();
    write(&directory.join("src/lib.rs"), "#[unsafe(no_mangle)]\npub extern \"C\" fn answer() -> i32 {\n    42\n}\n");
    let cargo = "[package]\nname = \"planted\"\nversion = \"1.0.0\"\nedition = \"2024\"\n\n[lib]\n\
                 crate-type = [\"cdylib\"]\n\n[workspace]\n";
    write(&directory.join("Cargo.toml"), cargo);
    write(&directory.join("resources/words.txt"), "words");
    write(&directory.join("plugin.json"), &manifest("planted").to_string());
}

/// Runs `apex` where cargo finds what it needs.
fn with_cargo(house: &House, arguments: &[&str]) -> Ended {
    let mut command = house.command();
    command.args(arguments);
    for name in ["PATH", "HOME", "CARGO", "CARGO_HOME", "RUSTUP_HOME", "RUSTUP_TOOLCHAIN"] {
        if let Some(value) = env::var_os(name) {
            command.env(name, value);
        }
    }
    Ended::of(&mut command)
}

#[test]
fn a_crate_anywhere_becomes_a_signed_package_and_the_same_one_each_time() {
    let house = House::new();
    house.key().write_pem(&house.path("acme.pem")).unwrap();
    let directory = house.path("somewhere/planted");
    plant_crate(&directory);
    let other = house.path("libplanted.so");
    fs::File::create(&other).unwrap().write_all(&MinimalElf::new().build()).unwrap();
    let lib = format!("riscv64gc-unknown-linux-gnu={}", text(&other));
    let package = |more: &[&str]| {
        let fixed = ["--json", "package", "somewhere/planted", "--sign", "acme.pem", "--profile", "dev", "--lib", &lib];
        let ended = with_cargo(&house, &[&fixed, more].concat()).expect(0);
        // Cargo's lines are objects too.
        for line in ended.stderr.lines() {
            serde_json::from_str::<Value>(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        }
        serde_json::from_str::<Value>(&ended.stdout).unwrap()
    };
    let packaged = package(&[]);
    let archive = directory.join("target/plugins/com.acme.planted-1.0.0.apexpkg");
    assert_eq!(
        (packaged["archive"].as_str(), &packaged["version"]),
        (Some("somewhere/planted/target/plugins/com.acme.planted-1.0.0.apexpkg"), &json!("1.0.0"))
    );
    assert_eq!(packaged["key_id"], house.key().public_key().key_id().to_string());
    house.apex(&["check", text(&archive)]).expect(0);
    let plugin = directory.join("target/plugins/com.acme.planted/1.0.0");
    for file in [
        "plugin.json",
        "resources/words.txt",
        "lib/riscv64gc-unknown-linux-gnu/libplanted.so",
        &format!("lib/{TARGET_TRIPLE}/libplanted.so"),
    ] {
        assert!(plugin.join(file).is_file(), "{file}");
    }
    let first = fs::read(&archive).unwrap();
    package(&[]);
    assert!(fs::read(&archive).unwrap() == first, "the second run gives the same bytes");

    // With this platform's library at hand nothing is built, so that no cargo is needed.
    let own = format!("{TARGET_TRIPLE}={}", text(&other));
    let arguments = ["package", "somewhere/planted", "--lib", &own, "--out", "dist"];
    Ended::of(house.command().env("CARGO", "/nonexistent/cargo").args(arguments)).expect(0);
    assert!(house.path("dist/com.acme.planted-1.0.0.apexpkg").is_file());
}

#[test]
fn what_cannot_be_packaged_is_named() {
    let house = House::new();
    let directory = house.path("planted");
    plant_crate(&directory);
    let error = |arguments: &[&str]| {
        let mut command = house.command();
        let ended = Ended::of(command.env("CARGO", "/nonexistent/cargo").arg("--json").args(arguments));
        ended.error()["code"].as_str().unwrap().to_owned()
    };
    assert_eq!(error(&["package", "planted"]), "BuildFailed");
    assert_eq!(error(&["package", "absent"]), "NotACrate");
    let wrong = format!("{TARGET_TRIPLE}=acme.pem");
    assert_eq!(error(&["package", "planted", "--lib", &wrong]), "LibraryMissing");
    write(&directory.join("plugin.json"), r#"{"id": "com.acme.planted"}"#);
    assert_eq!(error(&["package", "planted"]), "MissingProperty");
}
