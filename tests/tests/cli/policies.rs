//! What each outcome of verification leads to, at each level, as every command shows it: the policy's table as a test.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use apex_plugins::trust::{SigningKey, TrustStore, TrustStoreError};
use serde_json::{Value, json};

use crate::house::{Ended, House, Proof, find, write};

/// What becomes of a plugin.
#[derive(Debug, Clone, Copy)]
enum Outcome {
    /// Ready, in process, without a word.
    Ready,
    /// Ready in a child process alone, with this warning.
    Child(&'static str),
    /// Blocked for this reason.
    Blocked(&'static str),
}

use Outcome::{Blocked, Child, Ready};

/// A row: what is found, how the test makes it, and what it leads to under `strict`, `standard` and in a developer's root.
type Row = (&'static str, fn(&House), Outcome, Outcome, Outcome);

/// The plugin that each row is about, in a directory of this name.
const NAME: &str = "subject";

const TABLE: &[Row] = &[
    ("signed by a trusted key for its own id", signed, Ready, Ready, Ready),
    (
        "a checksum alone, of nobody's id",
        |house| plant(house, Proof::Checksum, "org.nobody.x"),
        Blocked("SignatureMissing"),
        Child("SignatureMissing"),
        Child("SignatureMissing"),
    ),
    (
        "neither checksum nor signature",
        |house| plant(house, Proof::Nothing, "org.nobody.x"),
        Blocked("MissingChecksum"),
        Blocked("MissingChecksum"),
        Child("MissingChecksum"),
    ),
    (
        "no signature under a publisher's prefix",
        |house| plant(house, Proof::Checksum, "com.acme.x"),
        Blocked("SignatureStripped"),
        Blocked("SignatureStripped"),
        Child("SignatureStripped"),
    ),
    (
        "no signature beside a signed one of the id",
        beside_a_signed_one,
        Blocked("SignatureStripped"),
        Blocked("SignatureStripped"),
        Child("SignatureStripped"),
    ),
    (
        "signed by an unknown key",
        |house| plant(house, Proof::Signature(&SigningKey::generate().unwrap()), "org.nobody.x"),
        Blocked("UntrustedKey"),
        Blocked("UntrustedKey"),
        Child("UntrustedKey"),
    ),
    (
        "files that do not match the checksum",
        |house| {
            signed(house);
            write(&house.root().join(NAME).join("more.txt"), "more");
        },
        Blocked("ChecksumMismatch"),
        Blocked("ChecksumMismatch"),
        Child("ChecksumMismatch"),
    ),
    (
        "edited after it was signed",
        edited,
        Blocked("SignatureInvalid"),
        Blocked("SignatureInvalid"),
        Blocked("SignatureInvalid"),
    ),
    (
        "signed for an id that is not the publisher's",
        |house| plant(house, Proof::Signature(house.key()), "org.nobody.x"),
        Blocked("PublisherNotAllowed"),
        Blocked("PublisherNotAllowed"),
        Blocked("PublisherNotAllowed"),
    ),
    ("a revoked key", revoked, Blocked("KeyRevoked"), Blocked("KeyRevoked"), Blocked("KeyRevoked")),
    (
        "a key whose time is over",
        |house| valid(house, None, Some("2001-01-01T00:00:00Z")),
        Blocked("KeyExpired"),
        Blocked("KeyExpired"),
        Blocked("KeyExpired"),
    ),
    (
        "a key whose time is to come",
        |house| valid(house, Some("2999-01-01T00:00:00Z"), None),
        Blocked("KeyNotYetValid"),
        Blocked("KeyNotYetValid"),
        Blocked("KeyNotYetValid"),
    ),
    ("a denied digest", denied, Blocked("DigestDenied"), Blocked("DigestDenied"), Blocked("DigestDenied")),
];

fn plant(house: &House, proof: Proof<'_>, id: &str) {
    house.plant(NAME, proof, |manifest| manifest["id"] = id.into());
}

fn signed(house: &House) {
    plant(house, Proof::Signature(house.key()), "com.acme.x");
}

fn beside_a_signed_one(house: &House) {
    plant(house, Proof::Checksum, "org.nobody.x");
    let stranger = SigningKey::generate().unwrap();
    house.plant("other", Proof::Signature(&stranger), |manifest| {
        manifest["id"] = "org.nobody.x".into();
        manifest["version"] = "0.9.0".into();
    });
}

fn edited(house: &House) {
    signed(house);
    let file = house.root().join(NAME).join("plugin.json");
    let text = fs::read_to_string(&file).unwrap();
    write(&file, &text.replace("A plugin for tests.", "Something else."));
}

fn store(house: &House, change: impl FnOnce(&mut TrustStore) -> Result<(), TrustStoreError>) {
    TrustStore::update(&house.path("trust.json"), change).unwrap();
}

fn revoked(house: &House) {
    signed(house);
    let key = house.key().public_key().key_id();
    store(house, |store| store.revoke(&key, "2026-11-22T08:30:00Z".parse().unwrap(), "stolen"));
}

fn valid(house: &House, from: Option<&str>, to: Option<&str>) {
    signed(house);
    let key = house.key().public_key().key_id();
    let time = |text: Option<&str>| text.map(|text| text.parse().unwrap());
    store(house, |store| store.set_validity(&key, time(from), time(to)));
}

fn denied(house: &House) {
    signed(house);
    let digest = house.json(&["inspect", "com.acme.x"])["digest"].as_str().unwrap().parse().unwrap();
    store(house, |store| {
        store.deny(digest);
        Ok(())
    });
}

/// One column of the table: the plugins' root as the operator lists it, and the level.
#[derive(Debug, Clone, Copy)]
struct Column {
    is_dev: bool,
    level: &'static str,
}

impl Column {
    fn apex(self, house: &House, arguments: &[&str]) -> Ended {
        Ended::of(self.command(house).args(arguments))
    }

    fn command(self, house: &House) -> Command {
        let empty: PathBuf = house.path("empty");
        fs::create_dir_all(&empty).unwrap();
        let mut command = house.bare();
        match self.is_dev {
            true => command.arg("--root").arg(empty).arg("--dev-root").arg(house.root()),
            false => command.arg("--root").arg(house.root()),
        };
        let (store, states) = (house.path("store"), house.path("states"));
        command.arg("--trust").arg(house.path("trust.json")).arg("--store").arg(store).arg("--state-dir").arg(states);
        command.args(["--policy", self.level]);
        command
    }

    fn json(self, house: &House, arguments: &[&str]) -> Value {
        let ended = self.apex(house, &[&["--json"], arguments].concat());
        serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{error}: {}", ended.stderr))
    }
}

fn id_of(house: &House) -> String {
    let text = fs::read(house.root().join(NAME).join("plugin.json")).unwrap();
    serde_json::from_slice::<Value>(&text).unwrap()["id"].as_str().unwrap().to_owned()
}

#[test]
fn every_outcome_at_every_level_is_shown_by_every_command_with_what_would_help() {
    for (what, make, strict, standard, dev) in TABLE {
        let house = House::new();
        make(&house);
        let column = |is_dev, level| Column { is_dev, level };
        for (column, expected) in [
            (column(false, "strict"), strict),
            (column(false, "standard"), standard),
            (column(true, "strict"), dev),
            (column(true, "standard"), dev),
        ] {
            let row = format!("{what}, {column:?}");
            as_data(&house, column, *expected, &row);
            for_people(&house, column, *expected, &row);
        }
    }
}

/// `list`, `inspect` and `verify` tell programs the same.
fn as_data(house: &House, column: Column, expected: Outcome, row: &str) {
    let spec = format!("{}@1", id_of(house));
    let listing = column.json(house, &["list"]);
    let inspected = column.json(house, &["inspect", &spec]);
    let verified = column.json(house, &["verify", &spec]);
    let verified = find(&verified, NAME);
    let (status, code, warning, placement) = match expected {
        Ready => ("ready", Value::Null, None, "in-process"),
        Child(warning) => ("ready", Value::Null, Some(warning), "process"),
        Blocked(code) => ("blocked", json!(code), None, ""),
    };
    for shown in [find(&listing, NAME), &inspected] {
        assert_eq!((&shown["status"], &shown["reason"]["code"]), (&json!(status), &code), "{row}: {shown:#}");
        assert_eq!(warning_of(shown), warning, "{row}: {shown:#}");
    }
    assert_eq!(verified["ok"], code.is_null(), "{row}: {verified:#}");
    assert_eq!(verified["reason"]["code"], code, "{row}: {verified:#}");
    if code.is_null() {
        let placements = [&find(&listing, NAME)["placement"], &inspected["trust"]["placement"], &verified["placement"]];
        assert_eq!(placements, [placement; 3], "{row}");
        assert_eq!(warning_of(verified), warning, "{row}: {verified:#}");
    } else {
        assert!(inspected["reason"]["hint"].is_string(), "{row}: {inspected:#}");
    }
}

fn warning_of(shown: &Value) -> Option<&str> {
    assert!(shown["warnings"].as_array().unwrap().len() < 2, "{shown:#}");
    shown["warnings"][0]["code"].as_str()
}

/// Whoever reads it is told of a command that would help.
fn for_people(house: &House, column: Column, expected: Outcome, row: &str) {
    let spec = format!("{}@1", id_of(house));
    for arguments in [&["list"][..], &["inspect", &spec], &["verify", &spec]] {
        let ended = column.apex(house, arguments);
        let exit = matches!((expected, arguments[0]), (Blocked(_), "verify")).then_some(4).or(Some(0));
        assert_eq!(ended.code, exit, "{row}: {}", ended.stderr);
        let text = ended.stdout;
        let (Child(code) | Blocked(code)) = expected else {
            assert!(!text.contains("help: "), "{row}: {text}");
            continue;
        };
        assert!(text.contains(code), "{row}: {text}");
        let helps: Vec<_> = text.lines().filter_map(|line| line.split_once("help: ")).map(|(_, help)| help).collect();
        assert!(!helps.is_empty(), "{row}: {text}");
        assert!(helps.iter().all(|help| help.contains("apex ")), "{row}: {text}");
    }
}

/// Only what the operator lists as a developer's root is one; a directory in it is not made one by its name.
#[test]
fn a_root_is_a_developers_only_if_the_operator_says_so() {
    let house = House::new();
    plant(&house, Proof::Nothing, "org.nobody.x");
    let dev: &Path = &house.path("dev");
    apex_plugins_tests::copy_tree(&house.root(), dev);
    let listing = Ended::of(house.bare().arg("--root").arg(dev).args(["--json", "list"])).expect(0);
    let listing: Value = serde_json::from_str(&listing.stdout).unwrap();
    assert_eq!(find(&listing, NAME)["reason"]["code"], "MissingChecksum");
}
