//! Grants: to whom they are bound, how they are stored, and how wide they may be.
#![expect(clippy::disallowed_methods, reason = "files that a test tampers with")]

use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, symlink},
};

use apex_meta::{Digest, DigestAlgorithm};
use proptest::prelude::*;

use super::*;

fn id(name: &str) -> PluginId {
    name.parse().unwrap()
}

fn permission(text: &str) -> Permission {
    text.parse().unwrap()
}

fn publisher(name: &str) -> Owner {
    Owner::Publisher(name.to_owned())
}

fn digest(byte: &str) -> Owner {
    Owner::Digest(Digest::from_parts(DigestAlgorithm::Blake3.as_str(), &byte.repeat(32)).unwrap())
}

/// Attack 86.
#[test]
fn a_grant_does_not_follow_its_id_to_another_owner() {
    let mut grants = Grants::empty();
    assert!(grants.grant(id("com.acme.mail"), publisher("acme"), permission("net.connect:587")));
    assert!(!grants.grant(id("com.acme.mail"), publisher("acme"), permission("net.connect:587")), "the second time");
    assert!(grants.grant(id("tool"), digest("aa"), permission("process.spawn")));
    for (name, owner, count) in [
        ("com.acme.mail", publisher("acme"), 1),
        ("com.acme.mail", publisher("evil"), 0),
        ("com.acme.mail", digest("aa"), 0),
        ("com.acme.mail", Owner::Linked, 0),
        ("com.acme.mails", publisher("acme"), 0),
        ("tool", digest("aa"), 1),
        ("tool", digest("ab"), 0),
    ] {
        assert_eq!(grants.of(&id(name), &owner).count(), count, "{name} of {owner}");
    }
    assert!(grants.are_foreign(&id("tool"), &digest("ab")));
    assert!(!grants.are_foreign(&id("tool"), &digest("aa")));
    assert!(!grants.are_foreign(&id("other"), &digest("aa")));
}

#[test]
fn what_is_taken_back_is_taken_back_from_those_who_are_meant() {
    let mut grants = Grants::empty();
    for owner in [publisher("acme"), digest("aa")] {
        grants.grant(id("tool"), owner, permission("process.spawn"));
    }
    assert_eq!(grants.ungrant(&id("tool"), Some(&digest("aa")), &permission("process.spawn")), [digest("aa")]);
    assert_eq!(grants.ungrant(&id("tool"), None, &permission("net.connect:1")), []);
    assert_eq!(grants.ungrant(&id("tool"), None, &permission("process.spawn")), [publisher("acme")]);
    assert_eq!(grants, Grants::empty());
}

#[test]
fn a_file_holds_what_was_granted_and_one_that_is_missing_grants_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("deep/grants.json");
    assert_eq!(Grants::load(&file).unwrap(), Grants::empty());
    let grant = |grants: &mut Grants| {
        Ok::<_, GrantsError>(grants.grant(id("tool"), publisher("acme"), permission("fs.read:${workspace}")))
    };
    assert!(Grants::edit(&file, grant).unwrap());
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(Grants::load(&file).unwrap().iter().count(), 1);
    let refuse = |grants: &mut Grants| {
        *grants = Grants::empty();
        Err::<(), _>(GrantsError::Format { found: "no".to_owned() })
    };
    assert!(Grants::edit(&file, refuse).is_err());
    assert_eq!(Grants::load(&file).unwrap().iter().count(), 1, "a change that fails changes nothing");
}

#[test]
fn what_others_could_have_changed_grants_nothing_and_is_an_error() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("grants.json");
    fs::write(&file, Grants::empty().to_bytes().unwrap()).unwrap();
    for (mode, code) in [(0o600, None), (0o666, Some("InsecurePermissions")), (0o602, Some("InsecurePermissions"))] {
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        assert_eq!(Grants::load(&file).err().map(|error| error.code()), code, "{mode:o}");
    }
    for text in [
        "",
        "[]",
        r#"{"format": "apex-grants/2", "grants": []}"#,
        r#"{"format": "apex-grants/1", "grants": [], "more": 1}"#,
        r#"{"format": "apex-grants/1", "grants": [{"id": "a", "owner": "anybody", "permissions": []}]}"#,
        r#"{"format": "apex-grants/1", "grants": [{"id": "a", "owner": {"publisher": "b"}, "permissions": ["*"]}]}"#,
        r#"{"format": "apex-grants/1", "format": "apex-grants/1", "grants": []}"#,
    ] {
        let error = Grants::parse(text.as_bytes()).unwrap_err();
        assert_eq!(error.code(), "GrantsInvalid", "{text}");
        assert!(error.hint().is_some() || text.is_empty(), "{text}");
    }
}

/// Attack 90.
#[test]
fn nobody_is_granted_to_write_where_the_operator_decides() {
    let directory = tempfile::tempdir().unwrap();
    let base = directory.path().canonicalize().unwrap();
    for name in ["store/plugins", "states", "workspace/sub", "data"] {
        fs::create_dir_all(base.join(name)).unwrap();
    }
    symlink(base.join("store"), base.join("workspace/link")).unwrap();
    let protected = [base.join("store"), base.join("states"), base.join("config/trust.json")];
    let roots = GrantRoots { plugin_data: Some(base.join("data")), workspace: Some(base.join("workspace")) };
    let at = |path: &str| format!("{}{path}", base.display());
    for (permission, is_too_wide) in [
        ("fs.write:/".to_owned(), true),
        (format!("fs.write:{}", at("")), true),
        (format!("fs.write:{}", at("/store")), true),
        (format!("fs.write:{}", at("/store/plugins/x")), true),
        (format!("fs.write:{}", at("/config")), true),
        (format!("fs.write:{}", at("/config/trust.json")), true),
        (format!("fs.write:{}", at("/config2")), false),
        (format!("fs.read:{}", at("/store")), false),
        ("fs.write:${workspace}".to_owned(), false),
        ("fs.write:${workspace}/link".to_owned(), true),
        ("fs.write:${workspace}/link/plugins".to_owned(), true),
        ("fs.write:${workspace}/sub".to_owned(), false),
        ("fs.write:${plugin_data}".to_owned(), false),
        ("process.spawn".to_owned(), false),
    ] {
        let checked = roots.check_width(&permission.parse().unwrap(), &protected);
        assert_eq!(checked.is_err(), is_too_wide, "{permission}: {checked:?}");
    }
    let inside = GrantRoots { workspace: Some(base.join("store/plugins")), ..roots };
    assert!(inside.check_width(&permission("fs.write:${workspace}"), &protected).is_err());
}

proptest! {
    #[test]
    fn whatever_is_granted_is_read_as_it_was_written(
        rows in proptest::collection::vec(("[a-c]{1,2}", "[a-c]", 1..5_u16), 0..12)
    ) {
        let mut grants = Grants::empty();
        for (name, owner, port) in &rows {
            grants.grant(id(name), publisher(owner), Permission::Connect(*port));
        }
        prop_assert_eq!(&Grants::parse(&grants.to_bytes().unwrap()).unwrap(), &grants);
        for (name, owner, port) in rows {
            prop_assert!(grants.of(&id(&name), &publisher(&owner)).any(|one| *one == Permission::Connect(port)));
        }
    }

    #[test]
    fn no_bytes_make_reading_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = Grants::parse(&bytes);
    }
}

#[test]
fn grants_that_cannot_be_stored_are_an_error_that_names_the_file() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("file"), "").unwrap();
    let file = directory.path().join("file/grants.json");
    let grant = |grants: &mut Grants| {
        Ok::<_, GrantsError>(grants.grant(id("tool"), publisher("acme"), permission("process.spawn")))
    };
    let error = Grants::edit(&file, grant).unwrap_err();
    assert_eq!(error.code(), "GrantsIo");
    assert!(error.to_string().contains("file"), "{error}");
}
