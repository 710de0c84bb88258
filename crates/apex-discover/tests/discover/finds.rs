//! Every kind of find, good and bad, ends in its own outcome (R2.1, R2.4, R2.8).

use std::{
    fs,
    os::unix::{
        fs::{PermissionsExt, chown, symlink},
        net::UnixListener,
    },
    path::Path,
};

use apex_meta::Status;
use rustix::fs::{CWD, FileType, Mode, mknodat};

use crate::plant::{Plugin, Roots, assert_outcome, entry_at};

fn raw(directory: &Path, bytes: &[u8]) {
    fs::create_dir_all(directory).unwrap();
    fs::write(directory.join("plugin.json"), bytes).unwrap();
}

fn fifo(path: &Path) {
    mknodat(CWD, path, FileType::Fifo, Mode::from_raw_mode(0o600), 0).unwrap();
}

fn chmod(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

#[test]
fn every_bad_kind_is_shown_beside_the_good_one() {
    let roots = Roots::new(1);
    Plugin::new("com.acme.good", "1.0.0").plant(&roots.at("good"));
    Plugin::new("com.acme.nested", "2.0.0").plant(&roots.at("com.acme.nested/2.0.0"));
    Plugin::new("com.acme.off", "1.0.0").with("default_enabled", false.into()).plant(&roots.at("off"));
    Plugin::new("com.acme.tampered", "1.0.0").refused("ChecksumMismatch").plant(&roots.at("tampered"));
    raw(&roots.at("not-json"), b"{");
    raw(&roots.at("bom"), b"\xef\xbb\xbf{}");
    raw(&roots.at("empty"), b"");
    let twice = Plugin::new("com.acme.twice", "1.0.0").text().replacen('{', r#"{"id": "com.acme.other", "#, 1);
    raw(&roots.at("twice"), twice.as_bytes());
    raw(&roots.at("huge"), &vec![b' '; (1 << 20) + 1]);
    raw(&roots.at("deep"), format!("{}{}", "[".repeat(100), "]".repeat(100)).as_bytes());
    fs::create_dir_all(roots.at("directory/plugin.json")).unwrap();
    fs::create_dir(roots.at("fifo")).unwrap();
    fifo(&roots.at("fifo/plugin.json"));
    fs::create_dir(roots.at("socket")).unwrap();
    let _socket = UnixListener::bind(roots.at("socket/plugin.json")).unwrap();
    fs::create_dir(roots.at("linked-file")).unwrap();
    symlink(roots.at("good/plugin.json"), roots.at("linked-file/plugin.json")).unwrap();
    symlink(roots.at("good"), roots.at("linked")).unwrap();
    symlink("nowhere", roots.at("dangling")).unwrap();
    symlink(roots.at("good"), roots.at("com.acme.nested/9.0.0")).unwrap();

    let catalogue = roots.discover();
    let rows = [
        ("good", Status::Ready, None),
        ("com.acme.nested/2.0.0", Status::Ready, None),
        ("off", Status::Disabled, Some("PluginDisabled")),
        ("tampered", Status::Blocked, Some("ChecksumMismatch")),
        ("not-json", Status::Invalid, Some("MetadataSyntax")),
        ("bom", Status::Invalid, Some("MetadataSyntax")),
        ("empty", Status::Invalid, Some("MetadataSyntax")),
        ("twice", Status::Invalid, Some("DuplicateKey")),
        ("huge", Status::Invalid, Some("MetadataTooLarge")),
        ("deep", Status::Invalid, Some("MetadataTooDeep")),
        ("directory", Status::Invalid, Some("NotRegularFile")),
        ("fifo", Status::Invalid, Some("NotRegularFile")),
        ("socket", Status::Invalid, Some("NotRegularFile")),
        ("linked-file", Status::Invalid, Some("SymlinkRejected")),
        ("linked", Status::Invalid, Some("SymlinkRejected")),
        ("dangling", Status::Invalid, Some("SymlinkRejected")),
        ("com.acme.nested/9.0.0", Status::Invalid, Some("SymlinkRejected")),
    ];
    for (path, status, code) in rows {
        assert_outcome(&catalogue, &roots.at(path), status, code);
    }
    assert_eq!(catalogue.entries().len(), rows.len());
    assert!(catalogue.problems().is_empty(), "{:?}", catalogue.problems());
}

#[test]
fn an_invalid_find_shows_its_faults_and_what_is_known_of_it() {
    let roots = Roots::new(1);
    raw(&roots.at("half"), br#"{"id": "com.acme.half", "version": "1.2.3", "name": "Half"}"#);
    let catalogue = roots.discover();
    let entry = entry_at(&catalogue, &roots.at("half"));
    assert_eq!(entry.status(), Status::Invalid);
    assert_eq!(entry.id().unwrap().as_str(), "com.acme.half");
    assert_eq!(entry.version().unwrap().to_string(), "1.2.3");
    assert_eq!(entry.name(), Some("Half"));
    assert_eq!(entry.reason().unwrap().code, entry.faults()[0].code.as_str());
    assert!(entry.document().is_none() && entry.intended_state().is_none());
}

#[test]
fn an_invalid_version_does_not_stand_in_the_way_of_a_valid_one() {
    let roots = Roots::new(2);
    raw(&roots.at("a"), br#"{"id": "com.acme.x", "version": "1.0.0"}"#);
    Plugin::new("com.acme.x", "1.0.0").plant(&roots.in_root(1, "b"));
    let catalogue = roots.discover();
    let (id, version) = ("com.acme.x".parse().unwrap(), "1.0.0".parse().unwrap());
    assert_eq!(catalogue.get(&id, &version).unwrap().path(), Some(roots.in_root(1, "b").as_path()));
    assert_eq!(catalogue.versions(&id).len(), 2);
}

#[test]
fn what_is_no_plugin_and_no_place_for_one_is_passed_over() {
    let roots = Roots::new(1);
    fs::write(roots.at("README"), b"").unwrap();
    fifo(&roots.at("fifo"));
    fs::create_dir_all(roots.at("docs/images")).unwrap();
    Plugin::new("com.acme.deep", "1.0.0").plant(&roots.at("too/deep/down"));
    fs::create_dir(roots.at(".git")).unwrap();
    let catalogue = roots.discover();
    assert!(catalogue.entries().is_empty(), "{:?}", catalogue.entries());
    assert!(catalogue.problems().is_empty());
}

#[test]
fn a_plugin_in_a_hidden_directory_is_reported_and_not_offered() {
    let roots = Roots::new(1);
    Plugin::new("com.acme.x", "1.0.0").plant(&roots.at(".staging"));
    Plugin::new("com.acme.x", "1.0.0").plant(&roots.at("com.acme.x/.staging"));
    let catalogue = roots.discover();
    assert!(catalogue.entries().is_empty());
    let hidden: Vec<_> = catalogue.problems().iter().map(|problem| (problem.code(), problem.path())).collect();
    let paths = [roots.at(".staging"), roots.at("com.acme.x/.staging")];
    assert_eq!(hidden, [("HiddenPlugin", paths[0].as_path()), ("HiddenPlugin", paths[1].as_path())]);
}

#[test]
fn a_stray_manifest_does_not_hide_the_installed_versions_beside_it() {
    let roots = Roots::new(1);
    Plugin::new("com.acme.x", "1.0.0").plant(&roots.at("com.acme.x/1.0.0"));
    Plugin::new("com.acme.x", "2.0.0").plant(&roots.at("com.acme.x/2.0.0"));
    raw(&roots.at("com.acme.x"), b"stray");
    Plugin::new("com.acme.inner", "1.0.0").plant(&roots.at("com.acme.x/templates"));
    let catalogue = roots.discover();
    assert_outcome(&catalogue, &roots.at("com.acme.x/1.0.0"), Status::Ready, None);
    assert_outcome(&catalogue, &roots.at("com.acme.x/2.0.0"), Status::Ready, None);
    assert_outcome(&catalogue, &roots.at("com.acme.x"), Status::Invalid, "MetadataSyntax");
    assert_eq!(catalogue.entries().len(), 3, "what else lies in a plugin is its own");
}

#[test]
fn raw_texts_are_kept_as_they_are() {
    let roots = Roots::new(1);
    Plugin::new("com.acme.x", "1.0.0").with("name", "\u{1b}[31mred".into()).plant(&roots.at("x"));
    assert_eq!(roots.discover().entries()[0].name(), Some("\u{1b}[31mred"));
}

#[test]
fn an_unreadable_find_is_permission_denied() {
    if is_root() {
        eprintln!("skipped: root may read everything");
        return;
    }
    let roots = Roots::new(1);
    Plugin::new("com.acme.x", "1.0.0").plant(&roots.at("file"));
    Plugin::new("com.acme.y", "1.0.0").plant(&roots.at("directory"));
    Plugin::new("com.acme.z", "1.0.0").plant(&roots.at("good"));
    chmod(&roots.at("file/plugin.json"), 0o000);
    chmod(&roots.at("directory"), 0o000);
    let catalogue = roots.discover();
    assert_outcome(&catalogue, &roots.at("file"), Status::Invalid, "PermissionDenied");
    assert_outcome(&catalogue, &roots.at("directory"), Status::Invalid, "PermissionDenied");
    assert_outcome(&catalogue, &roots.at("good"), Status::Ready, None);
    chmod(&roots.at("directory"), 0o755);
}

/// Attack catalogue, row 36.
#[test]
fn what_others_may_write_is_insecure_permissions() {
    let roots = Roots::new(1);
    for name in ["directory", "file", "id/1.0.0", "good"] {
        let id = if name == "id/1.0.0" { "id".to_owned() } else { format!("com.acme.{name}") };
        Plugin::new(&id, "1.0.0").plant(&roots.at(name));
    }
    chmod(&roots.at("directory"), 0o777);
    chmod(&roots.at("file/plugin.json"), 0o666);
    chmod(&roots.at("id"), 0o757);
    let catalogue = roots.discover();
    for name in ["directory", "file", "id/1.0.0"] {
        assert_outcome(&catalogue, &roots.at(name), Status::Blocked, "InsecurePermissions");
    }
    assert_outcome(&catalogue, &roots.at("good"), Status::Ready, None);
}

/// Attack catalogue, row 36.
#[test]
fn nothing_in_a_root_that_others_may_write_is_ready() {
    for exposed in ["root0", "."] {
        let roots = Roots::new(1);
        Plugin::new("com.acme.x", "1.0.0").plant(&roots.at("x"));
        chmod(&roots.base().join(exposed), 0o777);
        let catalogue = roots.discover();
        assert_outcome(&catalogue, &roots.at("x"), Status::Blocked, "InsecurePermissions");
        assert_eq!(catalogue.problems()[0].code(), "InsecurePermissions");
    }
}

/// Attack catalogue, row 37.
#[test]
fn what_belongs_to_somebody_else_is_insecure_owner() {
    if !is_root() {
        eprintln!("skipped: only root can give files away");
        return;
    }
    let roots = Roots::new(1);
    Plugin::new("com.acme.x", "1.0.0").plant(&roots.at("x"));
    Plugin::new("com.acme.y", "1.0.0").plant(&roots.at("y"));
    chown(roots.at("x"), Some(54_321), None).unwrap();
    chown(roots.at("y/plugin.json"), Some(54_321), None).unwrap();
    let catalogue = roots.discover();
    assert_outcome(&catalogue, &roots.at("x"), Status::Blocked, "InsecureOwner");
    assert_outcome(&catalogue, &roots.at("y"), Status::Blocked, "InsecureOwner");
}
