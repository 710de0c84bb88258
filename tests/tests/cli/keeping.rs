//! What is granted with an install, what of a store is recorded, and what `apex doctor` finds there (R5.7, R9.8).

use std::fs;

use serde_json::{Value, json};

use crate::{
    guide::shell,
    house::{self, House},
    installing::{json, package, package_asking, run},
};

/// A house with a source of `mail`, which asks for two permissions and needs `base`, which asks for one.
fn furnished() -> House {
    let house = House::new();
    package_asking(&house, "mail", "1.0.0", &["com.acme.base"], &["net.connect:587", "execute_shell_commands"]);
    package_asking(&house, "base", "1.0.0", &[], &["fs.read:${workspace}"]);
    run(&house, &["index", "packages"], 0);
    run(&house, &["source", "add", "shop", "packages"], 0);
    house
}

fn kinds(house: &House) -> Vec<String> {
    let log = run(house, &["--json", "audit"], 0).stdout;
    let lines = log.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.map(|line| format!("{} {}", line["kind"].as_str().unwrap(), line["plugin"].as_str().unwrap())).collect()
}

#[test]
fn what_is_granted_with_an_install_counts_from_then_on_and_what_is_not_is_told() {
    let house = furnished();
    let install = ["install", "com.acme.mail", "--grant", "net.connect:587"];
    let shown = run(&house, &[&install[..], &["--dry-run"]].concat(), 0).stdout;
    for said in [
        "grant net.connect:587 to com.acme.mail of publisher `acme`",
        "com.acme.mail is not granted process.spawn, which it asks for",
        "com.acme.base is not granted fs.read:${workspace}, which it asks for",
    ] {
        assert!(shown.contains(said), "{said}: {shown}");
    }
    assert!(!house.path("grants.json").exists(), "a plan grants nothing");
    let done = run(&house, &[&install[..], &["--yes"]].concat(), 0);
    assert!(done.stderr.contains("`apex grant com.acme.mail 'process.spawn'`"), "{}", done.stderr);
    let granted = json(&house, &["grant", "com.acme.mail"]);
    assert_eq!(granted["grants"], json!([{"permission": "net.connect:587", "owner": {"publisher": "acme"}}]));
    assert_eq!(kinds(&house), ["install com.acme.base", "install com.acme.mail", "grant com.acme.mail"]);

    // What comes with it is granted by its name; what is there already, too.
    let plan = json(&house, &["install", "com.acme.mail", "--grant", "com.acme.base=fs.read:${workspace}", "--yes"]);
    assert_eq!((plan["done"].clone(), plan["plan"]["steps"].clone()), (json!(true), json!([])));
    assert_eq!(json(&house, &["grant", "com.acme.base"])["grants"][0]["permission"], "fs.read:${workspace}");
    run(&house, &["remove", "com.acme.mail", "com.acme.base", "--yes"], 0);
    assert_eq!(kinds(&house)[4..], ["remove com.acme.base", "remove com.acme.mail"]);
    run(&house, &["audit", "--verify"], 0);
    assert_eq!(json(&house, &["grant", "com.acme.mail"])["grants"].as_array().unwrap().len(), 1, "grants stay");
}

#[test]
fn grants_that_are_too_wide_or_for_nobody_are_refused_before_anything_is_done() {
    let house = furnished();
    let too_wide = format!("fs.write:{}", house.path("store").display());
    for (arguments, exit, code) in [
        (vec!["install", "com.acme.mail", "--grant", too_wide.as_str()], 4, "GrantTooWide"),
        (vec!["install", "com.acme.mail", "--grant", "file_system_write_all"], 4, "GrantTooWide"),
        (vec!["install", "com.acme.mail", "com.acme.base", "--grant", "process.spawn"], 2, "Usage"),
        (vec!["install", "com.acme.mail", "--grant", "com.acme.absent=process.spawn"], 3, "NotInstalled"),
        (vec!["sync", "--grant", "process.spawn"], 7, "StoreIo"),
    ] {
        let error = run(&house, &[&["--json"], &arguments[..], &["--yes"]].concat(), exit).error();
        assert_eq!(error["code"], code, "{arguments:?}: {error:#}");
    }
    run(&house, &["install", "com.acme.mail", "--grant", "net.connect:*", "--yes"], 2);
    assert!(!house.path("store/ledger.json").exists() && !house.path("grants.json").exists());
}

/// A lock is a project's file and not the operator's word.
#[test]
fn a_lock_grants_nothing_and_is_refused_until_the_operator_says_the_same() {
    let house = furnished();
    run(&house, &["install", "com.acme.mail", "--grant", "net.connect:587", "--yes"], 0);
    let lock = json(&house, &["lock"]);
    assert_eq!(lock["plugins"][1]["grants"], json!(["net.connect:587"]), "{lock:#}");
    run(&house, &["bundle", "all.apexbundle"], 0);

    // Another machine, whose operator trusts the publisher and has granted nothing.
    let there = house.path("there");
    fs::create_dir(&there).unwrap();
    fs::copy(house.path("trust.json"), there.join("trust.json")).unwrap();
    let apex = |arguments: &[&str], exit: i32| {
        let mut command = house.bare();
        command.arg("--trust").arg(there.join("trust.json")).arg("--store").arg(there.join("store"));
        house::Ended::of(command.arg("--json").args(arguments)).expect(exit)
    };
    apex(&["source", "add", "shop", "packages"], 0);
    let sync: &[&str] = &["sync", "--from", "all.apexbundle", "--yes"];
    let locked: &[&str] = &["install", "com.acme.mail", "--locked", "--yes"];
    for arguments in [locked, sync] {
        let error = apex(arguments, 4).error();
        assert_eq!(error["code"], "GrantsDiffer", "{error:#}");
        assert!(error["hint"].as_str().unwrap().contains("--grant 'com.acme.mail=net.connect:587'"), "{error:#}");
        let differs = json!([{"plugin": "com.acme.mail", "missing": ["net.connect:587"], "surplus": []}]);
        assert_eq!(error["details"], differs);
        assert!(!there.join("store/ledger.json").exists() && !there.join("grants.json").exists());
    }
    let error = apex(&[sync, &["--grant", "process.spawn"]].concat(), 2).error();
    assert_eq!(error["code"], "Usage", "a sync names no plugin");
    let agreed = &["--grant", "com.acme.mail=net.connect:587"];
    apex(&[sync, agreed].concat(), 0);
    apex(locked, 0);
    apex(&["grant", "com.acme.mail", "process.spawn"], 0);
    for arguments in [locked, sync] {
        let error = apex(arguments, 4).error();
        assert!(error["hint"].as_str().unwrap().contains("`apex ungrant com.acme.mail 'process.spawn'`"), "{error:#}");
    }
    apex(&["ungrant", "com.acme.mail", "process.spawn"], 0);
    apex(sync, 0);
}

/// Runs `apex doctor` where a user's files are by default; gives path and remedy of all that is wrong.
fn wrong(house: &House) -> Vec<(String, String, String)> {
    let report: Value = serde_json::from_str(&shell(house, "apex --json doctor", "").expect(0).stdout).unwrap();
    let findings = report["findings"].as_array().unwrap().iter().filter(|one| one["ok"] == false);
    let text = |one: &Value, member: &str| one[member].as_str().unwrap_or_default().to_owned();
    findings.map(|one| (text(one, "code"), text(one, "path"), text(one, "hint"))).collect()
}

#[test]
fn what_the_doctor_finds_in_a_store_is_mended_by_the_command_that_it_names() {
    let house = House::new();
    for name in ["changed", "missing", "sound"] {
        package(&house, name, "1.0.0", &[]);
    }
    house.key().public_key().write(&house.path("acme.pem.pub")).unwrap();
    for line in [
        "apex trust add acme --key acme.pem.pub --prefix com.acme",
        "apex index packages",
        "apex source add shop packages",
        "apex install com.acme.changed com.acme.missing com.acme.sound --yes",
    ] {
        shell(&house, line, "").expect(0);
    }
    let store = house.path("home/.local/share/apex/store");
    let tree = |name: &str| store.join("plugins").join(name);
    assert_eq!(wrong(&house), []);
    house::write(&tree("com.acme.changed/1.0.0/extra"), "x");
    fs::remove_dir_all(tree("com.acme.missing/1.0.0")).unwrap();
    fs::create_dir_all(tree("com.acme.sound/0.9.0/lib")).unwrap();
    fs::create_dir_all(store.join("staging/new-0")).unwrap();
    house::write(&store.join("journal.json"), "{");
    let found = wrong(&house);
    let codes: Vec<_> = found.iter().map(|(code, ..)| code.as_str()).collect();
    assert_eq!(codes, ["JournalInvalid", "ChecksumMismatch", "TreeMissing", "Leftover", "Leftover"]);
    for (code, path, hint) in found {
        let line = hint.replace("apex install", "apex install --yes").replace("apex remove", "apex remove --yes");
        shell(&house, &line, "").expect(0);
        assert!(wrong(&house).iter().all(|(_, other, _)| *other != path), "{code} {path}: {line}");
    }
    assert_eq!(wrong(&house), []);
    let plugins = json_at_home(&house, "apex --json list")["plugins"].clone();
    assert!(plugins.as_array().unwrap().iter().all(|plugin| plugin["status"] == "ready"), "{plugins:#}");

    house::write(&store.join("ledger.json"), "{");
    let found = wrong(&house);
    assert_eq!((found.len(), found[0].0.as_str()), (1, "LedgerInvalid"), "{found:?}");
}

fn json_at_home(house: &House, line: &str) -> Value {
    serde_json::from_str(&shell(house, line, "").expect(0).stdout).unwrap()
}
