//! `apex keys` and `apex trust`: from a new key to a plugin that runs, and back.

use std::{fs, os::unix::fs::PermissionsExt as _};

use serde_json::{Value, json};

use crate::house::{Ended, House, Proof, find, write};

#[test]
fn a_key_pair_is_made_shown_and_never_overwritten() {
    let house = House::new();
    let made = house.json(&["keys", "generate", "new.pem"]);
    let mode = |name: &str| fs::metadata(house.path(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("new.pem"), mode("new.pem.pub")), (0o600, 0o644));
    for file in ["new.pem", "new.pem.pub"] {
        let shown = house.json(&["keys", "show", file]);
        assert_eq!((&shown["key_id"], &shown["public"]), (&made["key_id"], &made["public"]));
    }
    let before = fs::read(house.path("new.pem")).unwrap();
    let error = house.apex(&["--json", "keys", "generate", "new.pem"]).expect(7).error();
    assert_eq!(error["code"], "FileExists");
    assert_eq!(fs::read(house.path("new.pem")).unwrap(), before);
    fs::set_permissions(house.path("new.pem"), fs::Permissions::from_mode(0o644)).unwrap();
    // Row 78 of the attack catalogue.
    assert_eq!(house.apex(&["--json", "keys", "show", "new.pem"]).expect(4).error()["code"], "InsecureKeyFile");
}

#[test]
fn trusting_revoking_denying_and_forgetting_change_what_is_ready() {
    let house = House::new();
    fs::remove_file(house.path("trust.json")).unwrap();
    house.plant("x", Proof::Signature(house.key()), |_| ());
    house.key().public_key().write(&house.path("acme.pub")).unwrap();
    let status = || find(&house.json(&["list"]), "x").clone();
    let reason = || status()["reason"]["code"].clone();
    assert_eq!(reason(), "UntrustedKey");
    house.apex(&["trust", "add", "acme", "--key", "acme.pub", "--prefix", "com.acme"]).expect(0);
    assert_eq!(status()["status"], "ready");
    let digest = house.json(&["inspect", "com.acme.x"])["digest"].as_str().unwrap().to_owned();
    house.apex(&["trust", "deny", &digest]).expect(0);
    assert_eq!(reason(), "DigestDenied");
    house.apex(&["trust", "deny", &digest, "--remove"]).expect(0);
    assert_eq!(status()["status"], "ready");
    let key = house.key().public_key().key_id().to_string();
    let store = house.json(&["trust", "revoke", &key, "--reason", "lost"]);
    assert_eq!(store["publishers"][0]["keys"][0]["revoked"]["reason"], "lost");
    assert_eq!(reason(), "KeyRevoked");
    house.apex(&["trust", "remove", "acme"]).expect(0);
    assert_eq!(reason(), "UntrustedKey");
    let mode = fs::metadata(house.path("trust.json")).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o600);
}

#[test]
fn the_trust_store_is_listed_with_everything_in_it() {
    let house = House::new();
    let project = house.path("project");
    fs::create_dir(&project).unwrap();
    house.apex(&["trust", "root", "project"]).expect(0);
    let store = house.json(&["trust", "list"]);
    let publisher = &store["publishers"][0];
    assert_eq!((&publisher["name"], &publisher["placement"]), (&json!("acme"), &json!("in-process")));
    assert_eq!(publisher["prefixes"], json!(["com.acme", "com.apexagent.examples"]));
    assert_eq!(publisher["keys"][0]["id"], house.key().public_key().key_id().to_string());
    assert_eq!(store["roots"], json!([project.canonicalize().unwrap()]));
    let text = house.apex(&["trust", "list"]).expect(0).stdout;
    assert!(text.contains("acme") && text.contains("root: "), "{text}");
    house.apex(&["trust", "root", "project", "--remove"]).expect(0);
    assert_eq!(house.apex(&["--json", "trust", "root", "project", "--remove"]).expect(3).error()["code"], "NotListed");
}

#[test]
fn a_publisher_needs_a_prefix_that_is_free_and_a_public_key() {
    let house = House::new();
    house.json(&["keys", "generate", "new.pem"]);
    let add = |arguments: &[&str]| {
        let ended = house.apex(&[&["--json", "trust", "add"], arguments].concat());
        (ended.code, ended.error()["code"].clone())
    };
    assert_eq!(add(&["new", "--key", "new.pem.pub"]), (Some(2), json!("Usage")));
    let overlapping = add(&["new", "--key", "new.pem.pub", "--prefix", "com.acme.sub"]);
    assert_eq!(overlapping, (Some(2), json!("TrustStoreInvalid")));
    write(&house.path("text.pub"), "no key");
    assert_eq!(add(&["new", "--key", "text.pub", "--prefix", "org.new"]), (Some(4), json!("MalformedKey")));
    assert_eq!(add(&["new", "--key", "absent.pub", "--prefix", "org.new"]), (Some(7), json!("Unreadable")));
    // A private key will do: its public half is what is stored.
    let store = house.json(&["trust", "add", "new", "--key", "new.pem", "--prefix", "org.new"]);
    let shown = house.json(&["keys", "show", "new.pem.pub"]);
    assert_eq!(store["publishers"][1]["keys"][0]["public"], shown["public"]);
}

#[test]
fn a_corrupt_trust_store_stops_everything_that_would_rely_on_it() {
    let house = House::new();
    write(&house.path("trust.json"), "{\"format\": \"apex-trust/1\"");
    for arguments in [&["list"][..], &["verify"], &["trust", "list"], &["check", "."]] {
        let ended = house.apex(&[&["--json"], arguments].concat()).expect(7);
        assert_eq!((ended.error()["code"].as_str(), ended.stdout.as_str()), (Some("TrustStoreInvalid"), ""));
    }
}

#[test]
fn a_trust_store_that_is_named_but_not_there_trusts_nobody_and_says_so() {
    let house = House::new();
    fs::remove_file(house.path("trust.json")).unwrap();
    house.plant("x", Proof::Signature(house.key()), |_| ());
    let ended = house.apex(&["--json", "list"]).expect(0);
    let listing: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(find(&listing, "x")["reason"]["code"], "UntrustedKey");
    assert!(ended.stderr.contains("trust add"), "{}", ended.stderr);
    // The default one may be absent without a word.
    let ended = Ended::of(house.bare().arg("--root").arg(house.root()).arg("list")).expect(0);
    assert_eq!(ended.stderr, "");
}
