//! Tests of the trust store and its file (R3.3, attack 21).
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::{fs, io};

use serde_json::{Value, json};

use super::*;
use crate::SigningKey;

fn key() -> PublicKey {
    SigningKey::generate().unwrap().public_key()
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn key_json(key: &PublicKey) -> Value {
    json!({
        "id": key.key_id().to_string(), "alg": "ed25519", "public": key.to_base64(),
        "not_before": null, "not_after": null, "revoked": null,
    })
}

fn store_json(key: &PublicKey) -> Value {
    json!({
        "format": "apex-trust/1", "version": 7,
        "publishers": {"acme": {"prefixes": ["com.acme"], "placement": "in-process", "keys": [key_json(key)]}},
        "deny": [], "roots": [], "dev_roots": [],
    })
}

fn parse(value: &Value) -> Result<TrustStore, TrustStoreError> {
    TrustStore::parse(value.to_string().as_bytes())
}

#[test]
fn every_member_of_the_format_is_read() {
    let key = key();
    let mut json = store_json(&key);
    let digest = format!("blake3:{}", "ab".repeat(32));
    json["deny"] = json!([digest]);
    json["roots"] = json!(["/srv/project/plugins"]);
    json["dev_roots"] = json!(["/home/ada/plugins"]);
    json["publishers"]["acme"]["keys"][0]["not_before"] = json!("2026-01-01T00:00:00Z");
    json["publishers"]["acme"]["keys"][0]["not_after"] = json!("2027-01-01T00:00:00Z");
    json["publishers"]["acme"]["keys"][0]["revoked"] = json!({"at": "2026-06-01T00:00:00Z", "reason": "lost"});
    let store = parse(&json).unwrap();
    assert_eq!(store.version(), 7);
    assert!(store.is_denied(&digest.parse().unwrap()));
    assert_eq!(store.roots(), [PathBuf::from("/srv/project/plugins")]);
    assert_eq!(store.dev_roots(), [PathBuf::from("/home/ada/plugins")]);
    let (name, publisher, trusted) = store.key(&key.key_id()).unwrap();
    assert_eq!((name, publisher.placement()), ("acme", Placement::InProcess));
    assert_eq!(trusted.not_before, Some(at("2026-01-01T00:00:00Z")));
    assert_eq!(trusted.not_after, Some(at("2027-01-01T00:00:00Z")));
    assert_eq!(trusted.revoked, Some(Revocation { at: at("2026-06-01T00:00:00Z"), reason: "lost".into() }));
}

#[test]
fn placement_defaults_to_a_child_process() {
    let mut json = store_json(&key());
    json["publishers"]["acme"].as_object_mut().unwrap().remove("placement");
    assert_eq!(parse(&json).unwrap().publisher("acme").unwrap().placement(), Placement::Process);
}

#[test]
fn anything_wrong_with_a_store_is_trust_store_invalid() {
    let (key, other) = (key(), key());
    type Edit<'a> = &'a dyn Fn(&mut Value);
    let edits: &[(&str, Edit<'_>)] = &[
        ("unknown member", &|json| json["extra"] = json!(1)),
        ("reserved root", &|json| json["root"] = json!({})),
        ("unknown member of a publisher", &|json| json["publishers"]["acme"]["trusted"] = json!(true)),
        ("unknown member of a key", &|json| json["publishers"]["acme"]["keys"][0]["note"] = json!("")),
        ("unknown member of a revocation", &|json| {
            json["publishers"]["acme"]["keys"][0]["revoked"] =
                json!({"at": "2026-06-01T00:00:00Z", "reason": "", "by": ""});
        }),
        ("no format", &|json| drop(json.as_object_mut().unwrap().remove("format"))),
        ("another format", &|json| json["format"] = json!("apex-trust/2")),
        ("no version", &|json| drop(json.as_object_mut().unwrap().remove("version"))),
        ("negative version", &|json| json["version"] = json!(-1)),
        ("wrong key id", &|json| json["publishers"]["acme"]["keys"][0]["id"] = json!(other.key_id().to_string())),
        ("malformed key id", &|json| json["publishers"]["acme"]["keys"][0]["id"] = json!("ab")),
        ("unknown algorithm", &|json| json["publishers"]["acme"]["keys"][0]["alg"] = json!("rsa")),
        ("loose Base64", &|json| {
            json["publishers"]["acme"]["keys"][0]["public"] = json!(key.to_base64().trim_end_matches('='));
        }),
        ("weak key", &|json| {
            json["publishers"]["acme"]["keys"][0]["public"] = json!("AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=");
        }),
        ("local time", &|json| json["publishers"]["acme"]["keys"][0]["not_after"] = json!("2026-06-01T00:00:00+01:00")),
        ("the same key twice", &|json| {
            json["publishers"]["acme"]["keys"].as_array_mut().unwrap().push(key_json(&key));
        }),
        ("a key of two publishers", &|json| {
            json["publishers"]["evil"] = json!({"prefixes": ["com.evil"], "keys": [key_json(&key)]});
        }),
        ("the same prefix twice", &|json| {
            json["publishers"]["evil"] = json!({"prefixes": ["com.acme"], "keys": [key_json(&other)]});
        }),
        ("a prefix above", &|json| {
            json["publishers"]["evil"] = json!({"prefixes": ["com"], "keys": [key_json(&other)]});
        }),
        ("a prefix below in other case", &|json| {
            json["publishers"]["evil"] = json!({"prefixes": ["COM.ACME.x"], "keys": [key_json(&other)]});
        }),
        ("a prefix that is no id", &|json| json["publishers"]["acme"]["prefixes"] = json!(["com.acme."])),
        ("an empty prefix", &|json| json["publishers"]["acme"]["prefixes"] = json!([""])),
        ("a key whose time ends before it begins", &|json| {
            json["publishers"]["acme"]["keys"][0]["not_before"] = json!("2027-01-01T00:00:00Z");
            json["publishers"]["acme"]["keys"][0]["not_after"] = json!("2026-12-31T23:59:59Z");
        }),
        ("a root that depends on the working directory", &|json| json["roots"] = json!(["plugins"])),
        ("a development root that depends on the working directory", &|json| json["dev_roots"] = json!(["./plugins"])),
        ("an empty root", &|json| json["roots"] = json!([""])),
        ("linked placement", &|json| json["publishers"]["acme"]["placement"] = json!("linked")),
        ("a nameless publisher", &|json| json["publishers"][""] = json!({"prefixes": ["com.evil"], "keys": []})),
        ("escapes in a name", &|json| json["publishers"]["\u{1b}[2J"] = json!({"prefixes": ["com.evil"], "keys": []})),
        ("upper-case digest", &|json| json["deny"] = json!([format!("blake3:{}", "AB".repeat(32))])),
        ("unknown digest", &|json| json["deny"] = json!(["md5:d41d8cd98f00b204e9800998ecf8427e"])),
        ("not an object", &|json| *json = json!([])),
    ];
    for (what, edit) in edits {
        let mut json = store_json(&key);
        edit(&mut json);
        let error = parse(&json).map(|store| panic!("{what}: {store:?}")).unwrap_err();
        assert_eq!(error.code(), "TrustStoreInvalid", "{what}: {error}");
    }
    for text in ["", "{", "{\"format\": \"apex-trust/1\", \"format\": \"apex-trust/1\"}", "\u{feff}{}"] {
        assert_eq!(TrustStore::parse(text.as_bytes()).unwrap_err().code(), "TrustStoreInvalid", "{text:?}");
    }
}

#[test]
fn neighbouring_prefixes_do_not_overlap() {
    let mut json = store_json(&key());
    json["publishers"]["evil"] = json!({"prefixes": ["com.acmeevil"], "keys": [key_json(&key())]});
    let store = parse(&json).unwrap();
    let owner = |id: &str| store.publisher_of_id(&id.parse().unwrap()).map(|(name, _)| name.to_owned());
    assert_eq!(owner("com.acme.greeter").as_deref(), Some("acme"));
    assert_eq!(owner("Com.Acme.greeter").as_deref(), Some("acme"));
    assert_eq!(owner("com.acme").as_deref(), Some("acme"));
    assert_eq!(owner("com.acmeevil.greeter").as_deref(), Some("evil"));
    assert_eq!(owner("com.acm"), None);
}

#[test]
fn publishers_are_added_to_changed_and_removed() {
    let (first, second) = (key(), key());
    let mut store = TrustStore::empty();
    store.add_publisher("acme", first, &["com.acme"], Placement::Process).unwrap();
    let once = store.clone();
    store.add_publisher("acme", first, &["com.acme"], Placement::Process).unwrap();
    assert_eq!(store, once, "adding the same again changes nothing");
    store.add_publisher("acme", second, &["org.acme"], Placement::InProcess).unwrap();
    let acme = store.publisher("acme").unwrap();
    assert_eq!((acme.keys().len(), acme.prefixes().len(), acme.placement()), (2, 2, Placement::InProcess));
    for (name, key, prefix) in
        [("evil", key(), "com.acme.x"), ("evil", first, "com.evil"), ("a b", key(), "a"), ("evil", key(), "a..b")]
    {
        let before = store.clone();
        assert!(store.add_publisher(name, key, &[prefix], Placement::Process).is_err());
        assert_eq!(store, before, "a refused change leaves nothing behind");
    }
    assert!(store.add_publisher("acme", first, &["com.acme"], Placement::Linked).is_err());
    store.remove_publisher("acme").unwrap();
    assert_eq!(store.remove_publisher("acme").unwrap_err().code(), "UnknownPublisher");
    assert_eq!(store, TrustStore::empty());
}

#[test]
fn a_key_stays_revoked() {
    let key = key();
    let mut store = TrustStore::empty();
    store.add_publisher("acme", key, &["com.acme"], Placement::Process).unwrap();
    store.revoke(&key.key_id(), at("2026-06-01T00:00:00Z"), "lost").unwrap();
    store.revoke(&key.key_id(), at("2027-06-01T00:00:00Z"), "again").unwrap();
    store.add_publisher("acme", key, &["com.acme"], Placement::Process).unwrap();
    let revoked = store.key(&key.key_id()).unwrap().2.revoked.clone().unwrap();
    assert_eq!(revoked.reason, "lost");
    let unknown = SigningKey::generate().unwrap().public_key().key_id();
    assert_eq!(store.revoke(&unknown, at("2026-06-01T00:00:00Z"), "").unwrap_err().code(), "UnknownKey");
}

#[test]
fn a_saved_store_is_read_again_and_counts_up() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("trust.json");
    let key = key();
    let mut store = TrustStore::empty();
    store.add_publisher("acme", key, &["com.acme"], Placement::InProcess).unwrap();
    store.set_validity(&key.key_id(), Some(at("2026-01-01T00:00:00Z")), Some(at("2027-01-01T00:00:00Z"))).unwrap();
    store.revoke(&key.key_id(), at("2026-06-01T00:00:00Z"), "lost").unwrap();
    store.deny(format!("sha256:{}", "cd".repeat(32)).parse().unwrap());
    store.add_root("/srv/plugins");
    store.add_dev_root("/home/ada/plugins");
    store.save(&path).unwrap();
    assert_eq!(store.version(), 1);
    assert_eq!(TrustStore::load(&path).unwrap(), store);
    store.save(&path).unwrap();
    assert_eq!(TrustStore::load(&path).unwrap().version(), 2);
    let mut names: Vec<_> = fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, [".trust.json.lock", "trust.json"], "no temporary file is left");
}

#[cfg(unix)]
#[test]
fn the_file_is_for_its_owner_and_is_refused_if_others_can_write_it() {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("trust.json");
    TrustStore::empty().save(&path).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o606)).unwrap();
    let error = TrustStore::load(&path).unwrap_err();
    assert_eq!(error.code(), "InsecurePermissions");
    assert!(error.hint().unwrap().contains("chmod go-w"));
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(TrustStore::load(&path).unwrap().version(), 1);
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o757)).unwrap();
    let error = TrustStore::load(&path).unwrap_err();
    assert_eq!(error.code(), "InsecurePermissions", "whoever can write the directory can put another file there");
}

#[cfg(unix)]
#[test]
fn a_link_to_the_file_is_followed_once_and_a_fifo_in_its_place_hangs_nobody() {
    let directory = tempfile::tempdir().unwrap();
    let (path, link) = (directory.path().join("trust.json"), directory.path().join("link.json"));
    std::os::unix::fs::symlink("trust.json", &link).unwrap();
    TrustStore::empty().save(&path).unwrap();
    assert_eq!(TrustStore::load(&link).unwrap().version(), 1);
    fs::remove_file(&path).unwrap();
    let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
    rustix::fs::mknodat(rustix::fs::CWD, &path, rustix::fs::FileType::Fifo, mode, 0).unwrap();
    assert_eq!(TrustStore::load(&path).unwrap_err().code(), "Unreadable");
}

#[test]
fn a_store_that_cannot_be_read_is_not_an_empty_one() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("trust.json");
    let missing = TrustStore::load(&path).unwrap_err();
    assert!(missing.is_not_found());
    assert_eq!(TrustStore::load(directory.path()).unwrap_err().code(), "Unreadable");
    io::Write::write_all(&mut fs::File::create_new(&path).unwrap(), b"{").unwrap();
    assert_eq!(TrustStore::load(&path).unwrap_err().code(), "TrustStoreInvalid");
    let update = TrustStore::update(&path, |_| Ok::<_, TrustStoreError>(()));
    assert_eq!(update.unwrap_err().code(), "TrustStoreInvalid");
    assert_eq!(fs::read(&path).unwrap(), b"{", "a broken store is not overwritten");
}

#[test]
fn no_update_is_lost_to_another() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("trust.json");
    std::thread::scope(|scope| {
        for at in 0..8u8 {
            let path = &path;
            scope.spawn(move || {
                TrustStore::update(path, |store| {
                    store.deny(Digest::new(apex_meta::DigestAlgorithm::Blake3, [at; 32]));
                    Ok::<_, TrustStoreError>(())
                })
                .unwrap();
            });
        }
    });
    let store = TrustStore::load(&path).unwrap();
    assert_eq!((store.denied().count(), store.version()), (8, 8));
}

#[test]
fn what_could_not_be_read_again_is_not_saved() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("trust.json");
    let mut store = TrustStore::empty();
    store.add_dev_root("plugins");
    assert_eq!(store.save(&path).unwrap_err().code(), "TrustStoreInvalid");
    assert!(!path.exists());
    assert_eq!(store.version(), 0);
    let (key, mut store) = (key(), TrustStore::empty());
    store.add_publisher("acme", key, &["com.acme"], Placement::Process).unwrap();
    let before = store.clone();
    let inverted = (Some(at("2027-01-01T00:00:00Z")), Some(at("2026-01-01T00:00:00Z")));
    assert_eq!(store.set_validity(&key.key_id(), inverted.0, inverted.1).unwrap_err().code(), "TrustStoreInvalid");
    assert_eq!(store, before);
}

#[test]
fn a_change_that_fails_saves_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("trust.json");
    let failed = TrustStore::update(&path, |store| {
        store.add_root("/srv/plugins");
        store.remove_publisher("nobody").map(drop)
    });
    assert!(failed.is_err());
    assert!(TrustStore::load(&path).unwrap_err().is_not_found());
}

proptest::proptest! {
    #[test]
    fn no_bytes_make_the_parser_panic(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..64)) {
        let _ = TrustStore::parse(&bytes);
    }
}
