//! Attacks 63 to 65, and what else the ledger, the index and the lock do not let pass.

use std::fs;

use apex_trust::{Grants, SigningKey};
use serde_json::json;

use super::fixture::{Workshop, active, assert_clean, request, steps};
use crate::{Index, InstallError, Lock, Package, bundle, unbundle};

#[test]
fn an_older_version_is_refused_even_after_a_removal_unless_the_operator_means_it() {
    let shop = Workshop::new();
    shop.publish("app", "1.0.0", &[]);
    shop.publish("app", "1.1.0", &[]);
    let store = shop.store("store");
    shop.install(&store, &["app"]).unwrap();
    for round in ["installed", "removed"] {
        let error = shop.plan(&store, &["app ==1.0.0"]).unwrap_err();
        let InstallError::RollbackRefused { offered, highest, .. } = &error else { panic!("{round}: {error}") };
        assert_eq!((offered.to_string(), highest.to_string()), ("1.0.0".to_owned(), "1.1.0".to_owned()));
        if round == "installed" {
            shop.remove(&store, &["app"], false).unwrap();
        }
    }
    // The tree of an older version in the store is no excuse either.
    let other = shop.store("other");
    for wanted in ["app ==1.0.0", "app ==1.1.0"] {
        shop.install(&other, &[wanted]).unwrap();
    }
    assert_eq!(shop.plan(&other, &["app ==1.0.0"]).unwrap_err().code(), "RollbackRefused");
    let plan = shop.plan_by(&store, &["app ==1.0.0"], |planner| planner.allow_downgrade(true)).unwrap();
    assert_eq!(steps(&plan), ["downgrade app 1.0.0"]);
    let ledger = shop.apply(&store, &plan).unwrap();
    assert_eq!(active(&ledger), ["app 1.0.0"]);
    assert_eq!(ledger.get(&request("app").plugin).unwrap().highest.as_ref().unwrap().to_string(), "1.1.0");
}

#[test]
fn a_version_with_other_files_or_another_manifest_is_refused_even_after_a_removal() {
    let shop = Workshop::new();
    shop.publish("app", "1.0.0", &[]);
    let store = shop.store("store");
    shop.install(&store, &["app"]).unwrap();
    shop.remove(&store, &["app"], false).unwrap();
    let manifest = |permissions: &[&str]| {
        json!({
            "id": "com.acme.app", "name": "app", "version": "1.0.0", "description": "Does.", "author": "Acme",
            "entry_point": "app::Plugin", "actions": [], "dependencies": {"plugins": []},
            "permissions_required": permissions,
        })
    };
    let key = SigningKey::generate().unwrap();
    for (manifest, content) in [(manifest(&[]), "other files"), (manifest(&["net:example.com"]), "app 1.0.0")] {
        shop.build(manifest, content, None);
        let package = shop.read(&shop.path("source/com.acme.app-1.0.0.apexpkg")).unwrap();
        let error = shop.plan(&store, &["app"]).unwrap_err();
        assert_eq!(error.code(), "VersionRepublished", "{error}");
        assert!(package.signer.is_none());
    }
    drop(key);
}

#[test]
fn a_plan_that_lies_about_a_version_is_refused_when_it_is_carried_out() {
    let shop = Workshop::new();
    shop.publish("app", "1.0.0", &[]);
    shop.publish("app", "1.1.0", &[]);
    let (store, other) = (shop.store("store"), shop.store("other"));
    shop.install(&store, &["app"]).unwrap();
    // Made for another store, which knows nothing of the higher version; the generation is made to fit.
    let plan = shop.plan(&other, &["app ==1.0.0"]).unwrap();
    assert_eq!(shop.apply(&store, &plan).unwrap_err().code(), "PlanOutdated");
    let mut forged = plan;
    forged.generation = store.ledger().unwrap().generation();
    assert_eq!(shop.apply(&store, &forged).unwrap_err().code(), "RollbackRefused");
    assert_clean(&store, "refused");
    assert_eq!(active(&store.ledger().unwrap()), ["app 1.1.0"]);
}

#[test]
fn an_index_that_names_an_absurd_version_or_a_file_elsewhere_is_refused() {
    let shop = Workshop::new();
    shop.publish("app", "1.0.0", &[]);
    let (_, index) = shop.source();
    let path = shop.path("index.json");
    let good: serde_json::Value = serde_json::from_slice(&index.to_bytes(&path).unwrap()).unwrap();
    for (member, value, code) in [
        ("version", "18446744073709551615.0.0", "VersionOutOfRange"),
        ("version", "1", "IndexInvalid"),
        ("id", "../x", "IndexInvalid"),
        ("file", "../../etc/passwd", "IndexInvalid"),
        ("file", "/etc/passwd", "IndexInvalid"),
        ("digest", "md5:00", "IndexInvalid"),
    ] {
        let mut bad = good.clone();
        bad["packages"][0][member] = value.into();
        let error = Index::parse(&path, &serde_json::to_vec(&bad).unwrap()).unwrap_err();
        assert_eq!(error.code(), code, "{member} {value}: {error}");
    }
    let mut twice = good;
    let again = twice["packages"][0].clone();
    twice["packages"].as_array_mut().unwrap().push(again);
    assert_eq!(Index::parse(&path, &serde_json::to_vec(&twice).unwrap()).unwrap_err().code(), "IndexInvalid");
}

#[test]
fn a_package_of_an_absurd_version_is_refused() {
    let shop = Workshop::new();
    let archive = shop.publish("app", "1.0.0", &[]);
    let tree = shop.path("tree");
    apex_package::unpack(&archive, &tree).unwrap();
    let manifest = fs::read_to_string(tree.join("plugin.json")).unwrap();
    fs::write(tree.join("plugin.json"), manifest.replace("\"1.0.0\"", "\"18446744073709551615.0.0\"")).unwrap();
    let bad = shop.path("bad.apexpkg");
    apex_package::pack(&tree, &bad).unwrap();
    let error = shop.read(&bad).unwrap_err();
    assert_eq!(error.code(), "VersionOutOfRange", "{error}");
}

#[test]
fn a_package_that_is_not_what_its_index_says_is_refused_and_nothing_is_changed() {
    let shop = Workshop::new();
    shop.publish("app", "1.0.0", &[]);
    shop.publish("app", "1.1.0", &[]);
    let store = shop.store("store");
    let plan = shop.plan(&store, &["app ==1.0.0"]).unwrap();
    fs::copy(shop.path("source/com.acme.app-1.1.0.apexpkg"), shop.path("source/com.acme.app-1.0.0.apexpkg")).unwrap();
    let error = shop.apply(&store, &plan).unwrap_err();
    assert_eq!(error.code(), "IndexMismatch", "{error}");
    assert_eq!(active(&store.ledger().unwrap()), Vec::<String>::new());
    assert_clean(&store, "refused");
}

#[test]
fn unsigned_packages_of_a_publishers_id_and_packages_of_unknown_keys_are_refused() {
    let shop = Workshop::new();
    let store = shop.store("store");
    let manifest = |id: &str| {
        json!({"id": id, "name": "x", "version": "1.0.0", "description": "Does.", "author": "X",
            "entry_point": "x::Plugin", "actions": []})
    };
    let stranger = SigningKey::generate().unwrap();
    for (id, key, code) in [
        ("com.acme.stripped", None, "SignatureStripped"),
        ("com.acme.foreign", Some(&stranger), "UntrustedKey"),
        ("org.unknown.signed", Some(&stranger), "UntrustedKey"),
    ] {
        let package = shop.read(&shop.build(manifest(id), id, key)).unwrap();
        let ledger = store.ledger().unwrap();
        let planner = crate::Planner::new(&store, &ledger, &shop.trust, apex_trust::Policy::standard());
        let error = planner.package(&package).plan(&[apex_resolve::Request::any(id.parse().unwrap())]).unwrap_err();
        assert!(error.to_string().contains(code), "{id}: {error}");
    }
    let free = shop.read(&shop.build(manifest("org.free.x"), "free", None)).unwrap();
    let ledger = store.ledger().unwrap();
    let planner = crate::Planner::new(&store, &ledger, &shop.trust, apex_trust::Policy::standard()).package(&free);
    let plan = planner.plan(&[apex_resolve::Request::any("org.free.x".parse().unwrap())]).unwrap();
    shop.apply(&store, &plan).unwrap();
    let strict = crate::Planner::new(&store, &ledger, &shop.trust, apex_trust::Policy::strict()).package(&free);
    let error = strict.plan(&[apex_resolve::Request::any("org.free.x".parse().unwrap())]).unwrap_err();
    assert!(error.to_string().contains("SignatureMissing"), "{error}");
}

#[test]
fn what_a_lock_names_with_other_files_is_refused() {
    let shop = Workshop::new();
    shop.publish("app", "1.0.0", &[]);
    let store = shop.store("store");
    let mut lock = Lock::of(&shop.install(&store, &["app"]).unwrap(), &Grants::empty());
    lock.plugins[0].digest = format!("blake3:{}", "0".repeat(64)).parse().unwrap();
    let other = shop.store("other");
    let error = shop.plan_by(&other, &["app"], |planner| planner.locked(lock.clone())).unwrap_err();
    assert_eq!(error.code(), "LockMismatch", "{error}");
}

#[test]
fn what_was_taken_back_is_not_installed_unless_a_lock_names_it() {
    let shop = Workshop::new();
    shop.publish("app", "1.0.0", &[]);
    shop.publish("app", "1.1.0", &[]);
    let store = shop.store("store");
    let lock = Lock::of(&shop.install(&store, &["app"]).unwrap(), &Grants::empty());
    let (source, mut index) = shop.source();
    index.packages[0].yanked = Some("it loses mail".to_owned());
    let path = source.location.join("index.json");
    fs::write(&path, index.to_bytes(&path).unwrap()).unwrap();
    shop.forget_index();
    let other = shop.store("other");
    assert_eq!(steps(&shop.plan(&other, &["app"]).unwrap()), ["install app 1.0.0"]);
    let plan = shop.plan_by(&other, &["app"], |planner| planner.locked(lock)).unwrap();
    assert_eq!(steps(&plan), ["install app 1.1.0"]);
    let error = shop.plan(&other, &["app ==1.1.0"]).unwrap_err();
    assert!(error.to_string().contains("Yanked") && error.to_string().contains("it loses mail"), "{error}");
}

#[test]
fn a_ledger_that_others_could_change_is_not_read() {
    use std::os::unix::fs::PermissionsExt as _;
    let shop = Workshop::new();
    shop.publish("app", "1.0.0", &[]);
    let store = shop.store("store");
    shop.install(&store, &["app"]).unwrap();
    let chmod = |name: &str, mode| {
        fs::set_permissions(store.root().join(name), fs::Permissions::from_mode(mode)).unwrap();
    };
    chmod("ledger.json", 0o666);
    assert_eq!(store.ledger().unwrap_err().code(), "InsecurePermissions");
    chmod("ledger.json", 0o600);
    chmod("", 0o777);
    assert_eq!(shop.install(&store, &["app"]).unwrap_err().code(), "InsecurePermissions");
    chmod("", 0o700);
    store.ledger().unwrap();
}

#[test]
fn a_package_that_brings_the_installers_files_is_refused() {
    let shop = Workshop::new();
    let archive = shop.publish("app", "1.0.0", &[]);
    let tree = shop.path("tree");
    apex_package::unpack(&archive, &tree).unwrap();
    fs::write(tree.join("ledger.json"), "{}").unwrap();
    let bad = shop.path("bad.apexpkg");
    let error = apex_package::pack(&tree, &bad).unwrap_err();
    assert_eq!(error.code(), "ForbiddenEntry");
    let error = Package::read(&tree.join("plugin.json"), &shop.path("")).unwrap_err();
    assert!(matches!(error, InstallError::Archive { .. }), "{error}");
}

#[test]
fn a_fifo_in_place_of_an_index_a_lock_or_a_package_hangs_nobody() {
    let shop = Workshop::new();
    let fifo = shop.path("fifo");
    let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
    rustix::fs::mknodat(rustix::fs::CWD, &fifo, rustix::fs::FileType::Fifo, mode, 0).unwrap();
    assert_eq!(Index::load(&fifo).unwrap_err().code(), "IndexInvalid");
    assert_eq!(Lock::load(&fifo).unwrap_err().code(), "LockInvalid");
    assert_eq!(shop.read(&fifo).unwrap_err().code(), "Unreadable");
}

#[test]
fn a_bundle_that_was_cut_or_changed_anywhere_is_refused_or_says_the_same() {
    let shop = Workshop::new();
    shop.publish("app", "1.0.0", &[]);
    let store = shop.store("store");
    let (ledger, file) = (shop.install(&store, &["app"]).unwrap(), shop.path("all.apexbundle"));
    let lock = bundle(&store, &ledger, &Grants::empty(), &file, &shop.path("")).unwrap();
    let bytes = fs::read(&file).unwrap();
    let opened = |bytes: &[u8]| {
        let (room, changed) = (tempfile::tempdir().unwrap(), shop.path("changed.apexbundle"));
        fs::write(&changed, bytes).unwrap();
        unbundle(&changed, room.path())
    };
    for end in (0..bytes.len()).step_by(17) {
        assert_eq!(opened(&bytes[..end]).unwrap_err().code(), "BundleInvalid", "cut at {end}");
    }
    assert_eq!(opened(&[&bytes[..], b"x"].concat()).unwrap_err().code(), "BundleInvalid", "something follows");
    for at in (0..bytes.len()).step_by(13) {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        // A package's name is its own affair: what it holds is compared with the lock when it is installed.
        assert!(opened(&changed).map_or(true, |told| told == lock), "byte {at}");
    }
}
