//! The operator's word: stored, bound to an owner, outliving the manifest's (R2.5; attack catalogue, row 86).

use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    thread,
};

use apex_discover::{DecidedBy, IntendedState, Override, Overrides, OverridesError, Quarantine};
use apex_meta::{Digest, DigestAlgorithm, Owner, Reason, Status, VersionSpecifier};
use proptest::prelude::*;
use serde_json::json;

use crate::plant::{Plugin, Roots, assert_outcome, entry_at};

fn decision(id: &str, versions: Option<&str>, publisher: &str, enabled: bool) -> Override {
    let versions = versions.map(|versions| versions.parse().unwrap());
    Override { id: id.parse().unwrap(), versions, owner: Owner::Publisher(publisher.to_owned()), enabled }
}

fn word(roots: &Roots, name: &str, enabled: bool) -> Override {
    Override::for_entry(entry_at(&roots.discover(), &roots.at(name)), None, enabled).unwrap()
}

#[test]
fn the_operators_word_outlives_what_the_manifest_says() {
    let roots = Roots::new(1);
    Plugin::new("com.acme.on", "1.0.0").signed_by("acme").plant(&roots.at("on"));
    Plugin::new("com.acme.off", "1.0.0")
        .signed_by("acme")
        .with("default_enabled", json!(false))
        .plant(&roots.at("off"));
    let catalogue = roots.discover();
    let by_manifest = |enabled| Some(IntendedState { enabled, decided_by: DecidedBy::Manifest });
    assert_eq!(entry_at(&catalogue, &roots.at("on")).intended_state(), by_manifest(true));
    assert_eq!(entry_at(&catalogue, &roots.at("off")).intended_state(), by_manifest(false));

    let mut overrides = Overrides::empty();
    overrides.set(word(&roots, "on", false));
    overrides.set(word(&roots, "off", true));
    let check = || {
        let catalogue = roots.discover_with(&overrides);
        assert_outcome(&catalogue, &roots.at("on"), Status::Disabled, "PluginDisabled");
        assert_outcome(&catalogue, &roots.at("off"), Status::Ready, None);
        let intended = entry_at(&catalogue, &roots.at("off")).intended_state();
        assert_eq!(intended, Some(IntendedState { enabled: true, decided_by: DecidedBy::Operator }));
    };
    check();
    // An update by the same publisher, which changes its mind on the default.
    let update = Plugin::new("com.acme.on", "1.1.0").signed_by("acme").containing("new");
    update.with("default_enabled", json!(true)).plant(&roots.at("on"));
    check();
}

/// Row 77 of the attack catalogue, as far as a scan goes.
#[test]
fn what_crashed_too_often_is_blocked_until_it_is_lifted_or_changed() {
    let roots = Roots::new(1);
    let plugin = Plugin::new("com.acme.x", "1.0.0");
    plugin.clone().signed_by("acme").plant(&roots.at("x"));
    let digest = *entry_at(&roots.discover(), &roots.at("x")).digest().unwrap();
    let quarantine = |message: &str| Quarantine {
        id: "com.acme.x".parse().unwrap(),
        version: "1.0.0".parse().unwrap(),
        digest,
        message: message.to_owned(),
    };
    let mut overrides = Overrides::empty();
    overrides.quarantine(quarantine("crashed"));
    overrides.quarantine(quarantine("crashed again"));
    assert_eq!(overrides.quarantined().count(), 1);
    let mut read = Overrides::parse(&overrides.to_bytes().unwrap()).unwrap();
    assert_eq!(read, overrides);
    let catalogue = roots.discover_with(&read);
    assert_outcome(&catalogue, &roots.at("x"), Status::Blocked, "PluginQuarantined");
    let reason = entry_at(&catalogue, &roots.at("x")).reason().unwrap();
    assert_eq!(reason.message, "crashed again");
    assert!(reason.hint.as_deref().unwrap().contains("apex enable com.acme.x"), "{reason:?}");

    let (id, versions) = ("com.acme.x".parse().unwrap(), |text: &str| text.parse::<VersionSpecifier>().unwrap());
    assert_eq!(read.lift(&id, Some(&versions(">=2"))), 0);
    assert_eq!(read.lift(&id, Some(&versions("^1"))), 1);
    assert_outcome(&roots.discover_with(&read), &roots.at("x"), Status::Ready, None);
    // Other bytes of the same version did not crash.
    plugin.signed_by("acme").containing("mended").plant(&roots.at("x"));
    assert_outcome(&roots.discover_with(&overrides), &roots.at("x"), Status::Ready, None);
}

#[test]
fn a_word_does_not_follow_an_id_to_another_owner() {
    let roots = Roots::new(1);
    let plugin = Plugin::new("com.acme.x", "1.0.0").with("default_enabled", json!(false));
    plugin.clone().signed_by("acme").plant(&roots.at("signed"));
    let mut overrides = Overrides::empty();
    overrides.set(word(&roots, "signed", true));
    assert_outcome(&roots.discover_with(&overrides), &roots.at("signed"), Status::Ready, None);
    fs::remove_dir_all(roots.at("signed")).unwrap();

    plugin.clone().signed_by("mallory").plant(&roots.at("squatter"));
    let catalogue = roots.discover_with(&overrides);
    assert_outcome(&catalogue, &roots.at("squatter"), Status::Disabled, "PluginDisabled");
    assert_eq!(entry_at(&catalogue, &roots.at("squatter")).warnings()[0].code, "OverrideOwnerMismatch");
    fs::remove_dir_all(roots.at("squatter")).unwrap();

    plugin.plant(&roots.at("unsigned"));
    assert_outcome(&roots.discover_with(&overrides), &roots.at("unsigned"), Status::Disabled, "PluginDisabled");
    overrides.set(word(&roots, "unsigned", true));
    assert_outcome(&roots.discover_with(&overrides), &roots.at("unsigned"), Status::Ready, None);
    plugin.containing("changed").plant(&roots.at("unsigned"));
    assert_outcome(&roots.discover_with(&overrides), &roots.at("unsigned"), Status::Disabled, "PluginDisabled");
}

#[test]
fn the_last_word_that_concerns_a_version_counts() {
    let mut overrides = Overrides::empty();
    let owner = Owner::Publisher("acme".to_owned());
    let says = |overrides: &Overrides, version: &str| {
        overrides.decision(&"x".parse().unwrap(), &version.parse().unwrap(), &owner)
    };
    overrides.set(decision("x", None, "acme", false));
    overrides.set(decision("x", Some("^1"), "acme", true));
    assert_eq!((says(&overrides, "1.2.0"), says(&overrides, "2.0.0")), (Some(true), Some(false)));
    overrides.set(decision("x", None, "other", true));
    assert_eq!(says(&overrides, "2.0.0"), Some(false));
    overrides.set(decision("x", None, "acme", false));
    assert_eq!(says(&overrides, "1.2.0"), Some(false), "a word on all versions makes those on some moot");
    assert_eq!(overrides.iter().count(), 2);
    overrides.set(decision("x", Some("^1"), "acme", true));
    let one: VersionSpecifier = "^1".parse().unwrap();
    assert_eq!(overrides.clear(&"x".parse().unwrap(), Some(&one)), 1);
    assert_eq!(overrides.clear(&"x".parse().unwrap(), None), 2);
    assert_eq!(says(&overrides, "1.2.0"), None);
}

#[test]
fn stored_words_come_back_and_only_the_owner_reads_them() {
    let temp = tempfile::tempdir().unwrap();
    let path = temp.path().join("new/overrides.json");
    assert_eq!(Overrides::load(&path).unwrap(), Overrides::empty());
    let mut overrides = Overrides::empty();
    overrides.set(decision("com.acme.x", Some("^1"), "acme", false));
    overrides.save(&path).unwrap();
    assert_eq!(Overrides::load(&path).unwrap(), overrides);
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::metadata(path.parent().unwrap()).unwrap().permissions().mode() & 0o777, 0o700);

    let removed = Overrides::edit(&path, |stored| stored.clear(&"com.acme.x".parse().unwrap(), None)).unwrap();
    assert_eq!(removed, 1);
    assert_eq!(Overrides::load(&path).unwrap(), Overrides::empty());
}

#[test]
fn writers_at_the_same_time_lose_nothing() {
    let temp = tempfile::tempdir().unwrap();
    let path = temp.path().join("overrides.json");
    thread::scope(|scope| {
        for writer in 0..4 {
            let path = &path;
            scope.spawn(move || {
                for number in 0..8 {
                    let id = format!("w{writer}.n{number}");
                    Overrides::edit(path, |overrides| overrides.set(decision(&id, None, "acme", true))).unwrap();
                }
            });
        }
    });
    assert_eq!(Overrides::load(&path).unwrap().iter().count(), 32);
}

#[test]
fn what_a_dead_writer_left_behind_does_no_harm() {
    let temp = tempfile::tempdir().unwrap();
    let path = temp.path().join("overrides.json");
    let mut overrides = Overrides::empty();
    overrides.set(decision("com.acme.x", None, "acme", false));
    overrides.save(&path).unwrap();
    fs::write(temp.path().join(".overrides.json.new"), b"{\"form").unwrap();
    assert_eq!(Overrides::load(&path).unwrap(), overrides);
    overrides.set(decision("com.acme.y", None, "acme", false));
    overrides.save(&path).unwrap();
    assert_eq!(Overrides::load(&path).unwrap(), overrides);
}

#[test]
fn a_file_that_cannot_be_relied_on_is_refused_by_name() {
    let temp = tempfile::tempdir().unwrap();
    let path = temp.path().join("overrides.json");
    let code = || Overrides::load(&path).map_err(|error| error.code()).unwrap_err();
    Overrides::empty().save(&path).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).unwrap();
    assert_eq!(code(), "InsecurePermissions");
    fs::remove_file(&path).unwrap();
    symlink("elsewhere", &path).unwrap();
    assert_eq!(code(), "SymlinkRejected");
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    assert_eq!(code(), "NotRegularFile");
    let below_a_file = temp.path().join("file/overrides.json");
    fs::write(temp.path().join("file"), "").unwrap();
    assert_eq!(Overrides::empty().save(&below_a_file).unwrap_err().code(), "OverridesIo");
    let of_a_later_release = json!({"code": "OfALaterRelease", "message": "what this one cannot name", "hint": null});
    let reason: Reason = serde_json::from_value(of_a_later_release).unwrap();
    assert_eq!(OverridesError::Refused { reason }.code(), "OverridesRefused");
}

#[test]
fn more_than_would_be_read_again_is_not_written() {
    let temp = tempfile::tempdir().unwrap();
    let path = temp.path().join("overrides.json");
    let owner = Owner::Publisher("x".repeat(17 << 20));
    let mut overrides = Overrides::empty();
    overrides.set(Override { id: "x".parse().unwrap(), versions: None, owner, enabled: true });
    assert_eq!(overrides.save(&path).unwrap_err().code(), "OverridesTooLarge");
    assert!(!path.exists());
}

#[test]
fn a_form_that_is_not_known_is_refused() {
    let rows = [
        (r#"{"format": "apex-overrides/1", "overrides": []}"#, None),
        (r#"{"format": "apex-overrides/2", "overrides": []}"#, Some("OverridesInvalid")),
        (r#"{"format": "apex-overrides/1", "overrides": [], "more": 1}"#, Some("OverridesInvalid")),
        (r#"{"format": "apex-overrides/1"}"#, Some("OverridesInvalid")),
        (r#"{"format": "apex-overrides/1", "format": "apex-overrides/1", "overrides": []}"#, Some("DuplicateKey")),
        (
            r#"{"format": "apex-overrides/1", "overrides": [{"id": "../x", "owner": "linked", "enabled": true}]}"#,
            Some("OverridesInvalid"),
        ),
        (r#"{"format": "apex-overrides/1", "overrides": [{"id": "x", "enabled": true}]}"#, Some("OverridesInvalid")),
        (
            r#"{"format": "apex-overrides/1", "overrides": [{"id": "x", "owner": {"publisher": "a"}, "enabled": true}]}"#,
            None,
        ),
        ("", Some("MetadataSyntax")),
    ];
    for (text, code) in rows {
        assert_eq!(Overrides::parse(text.as_bytes()).err().as_ref().map(OverridesError::code), code, "{text}");
    }
}

fn any_override() -> impl Strategy<Value = Override> {
    let owner = prop_oneof![
        ".{0,12}".prop_map(Owner::Publisher),
        any::<[u8; 32]>().prop_map(|bytes| Owner::Digest(Digest::new(DigestAlgorithm::Sha256, bytes))),
        Just(Owner::Linked),
    ];
    let versions = proptest::option::of(prop_oneof![Just("^1"), Just(">=1.0.0"), Just("==1.2.*")]);
    ("[a-c]\\.[a-z0-9]{1,4}", versions, owner, any::<bool>()).prop_map(|(id, versions, owner, enabled)| Override {
        id: id.parse().unwrap(),
        versions: versions.map(|versions| versions.parse().unwrap()),
        owner,
        enabled,
    })
}

proptest! {
    #[test]
    fn overrides_survive_their_stored_form(decisions in proptest::collection::vec(any_override(), 0..8)) {
        let mut overrides = Overrides::empty();
        for decision in decisions {
            overrides.set(decision);
        }
        prop_assert_eq!(Overrides::parse(&overrides.to_bytes().unwrap()).unwrap(), overrides);
    }

    #[test]
    fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = Overrides::parse(&bytes);
    }
}
