//! What the examination of a store finds, each with a remedy that mends it.

use std::fs;

use super::fixture::{Workshop, active, assert_clean, request, steps};
use crate::{
    Severity, examine,
    journal::{Journal, Place},
};

/// Code and remedy of each finding.
fn found(store: &crate::Store) -> Vec<(String, String)> {
    let findings = examine(store).into_iter();
    findings.map(|found| (found.reason.code.into_owned(), found.reason.hint.unwrap())).collect()
}

#[test]
fn missing_files_are_brought_back_in_the_version_that_is_active_even_if_it_is_not_the_highest() {
    let shop = Workshop::new();
    for version in ["1.0.0", "1.1.0"] {
        shop.publish("app", version, &[]);
    }
    let store = shop.store("store");
    shop.install(&store, &["app ==1.1.0"]).unwrap();
    let plan = shop.plan_by(&store, &["app ==1.0.0"], |planner| planner.allow_downgrade(true)).unwrap();
    shop.apply(&store, &plan).unwrap();
    shop.publish("other", "1.0.0", &[]);
    fs::remove_dir_all(store.plugins().join("com.acme.app/1.0.0")).unwrap();
    assert_eq!(found(&store), [("TreeMissing".to_owned(), "apex install 'com.acme.app@==1.0.0'".to_owned())]);
    // Whatever is installed next brings them back as well, and nothing newer.
    let plan = shop.plan(&store, &["other"]).unwrap();
    assert_eq!(steps(&plan), ["install other 1.0.0", "reinstall app 1.0.0"]);
    let plan = shop.plan(&store, &["app ==1.0.0"]).unwrap();
    assert_eq!(steps(&plan), ["reinstall app 1.0.0"]);
    let updates = plan.updates(&store, &store.ledger().unwrap(), &shop.path("")).unwrap();
    assert_eq!(updates, [], "nobody has to agree to what was there before");
    assert_eq!(active(&shop.apply(&store, &plan).unwrap()), ["app 1.0.0"]);
    assert_clean(&store, "brought back");
}

#[test]
fn changed_files_and_manifests_are_replaced_and_versions_that_nobody_uses_are_let_go() {
    let shop = Workshop::new();
    for version in ["1.0.0", "1.1.0"] {
        shop.publish("app", version, &[]);
    }
    let store = shop.store("store");
    shop.install(&store, &["app ==1.0.0"]).unwrap();
    shop.install(&store, &["app ==1.1.0"]).unwrap();
    let tree = |version: &str| store.plugins().join("com.acme.app").join(version);
    fs::write(tree("1.0.0").join("extra"), "x").unwrap();
    fs::write(tree("1.1.0").join("extra"), "x").unwrap();
    let again = format!("rm -rf {} && apex install 'com.acme.app@==1.1.0'", tree("1.1.0").display());
    let let_go = "apex remove 'com.acme.app@==1.0.0'";
    let changed = |hint: &str| ("ChecksumMismatch".to_owned(), hint.to_owned());
    assert_eq!(found(&store), [changed(let_go), changed(&again)]);
    shop.remove(&store, &["app ==1.0.0"], false).unwrap();
    fs::remove_dir_all(tree("1.1.0")).unwrap();
    shop.install(&store, &["app ==1.1.0"]).unwrap();
    assert_clean(&store, "replaced");

    let manifest = tree("1.1.0").join("plugin.json");
    let text = fs::read_to_string(&manifest).unwrap().replace("Does.", "Does more.");
    fs::remove_file(&manifest).unwrap();
    fs::write(&manifest, text).unwrap();
    assert_eq!(found(&store), [("ManifestChanged".to_owned(), "apex install 'com.acme.app@==1.1.0'".to_owned())]);
    shop.install(&store, &["app ==1.1.0"]).unwrap();
    assert_clean(&store, "with its manifest");
}

#[test]
fn what_a_dead_process_left_is_told_from_what_somebody_put_there() {
    let shop = Workshop::new();
    shop.publish("app", "1.0.0", &[]);
    let store = shop.store("store");
    shop.install(&store, &["app"]).unwrap();
    let trees = store.plugins();
    for name in ["com.acme.app/0.9.0", "com.acme.app/0.8.0", "not an id/x"] {
        fs::create_dir_all(trees.join(name)).unwrap();
    }
    fs::create_dir_all(store.staging().join("new-0")).unwrap();
    let place = Place { plugin: request("app").plugin, version: "0.9.0".parse().unwrap() };
    let journal = Journal { trees: vec![place] };
    fs::write(store.journal_file(), journal.to_bytes(&store.journal_file()).unwrap()).unwrap();
    let stray = |name: &str| {
        let path = trees.join(name).display().to_string();
        let word = if path.contains(' ') { format!("'{path}'") } else { path };
        ("Leftover".to_owned(), format!("rm -rf {word}"))
    };
    let clean = || ("Leftover".to_owned(), "apex clean".to_owned());
    assert_eq!(
        found(&store),
        [clean(), stray("com.acme.app/0.8.0"), clean(), stray("not an id/x"), clean()],
        "journal, strays, what the journal notes, staging"
    );
    store.collect(9).unwrap();
    assert_eq!(found(&store), [stray("com.acme.app/0.8.0"), stray("not an id/x")], "nobody else's is touched");
}

#[test]
fn a_journal_that_cannot_be_read_keeps_every_change_from_its_work_and_is_a_problem_with_a_remedy() {
    let shop = Workshop::new();
    shop.publish("app", "1.0.0", &[]);
    let store = shop.store("store");
    shop.install(&store, &["app"]).unwrap();
    fs::write(store.journal_file(), "{").unwrap();
    assert_eq!(shop.remove(&store, &["app"], false).unwrap_err().code(), "JournalInvalid");
    let findings = examine(&store);
    assert_eq!((findings.len(), findings[0].severity), (1, Severity::Problem));
    let hint = format!("rm {}", store.journal_file().display());
    assert_eq!(found(&store), [("JournalInvalid".to_owned(), hint)]);
    fs::remove_file(store.journal_file()).unwrap();
    shop.remove(&store, &["app"], false).unwrap();
    assert_clean(&store, "without the journal");
}
