//! `apex list`: nothing is dropped silently, and no broken plugin hides another.

use std::fs;

use apex_plugins::trust::SigningKey;
use serde_json::{Value, json};

use crate::house::{Ended, House, Proof, find, manifest, seal, write};

/// One good plugin and one of each bad kind, each with the status and code that it must have.
fn zoo(house: &House) -> Vec<(&'static str, &'static str, Option<&'static str>)> {
    let signed = Proof::Signature(house.key());
    house.plant("good", signed, |_| ());
    house.plant("disabled", signed, |manifest| manifest["default_enabled"] = false.into());
    let twin = house.plant("twin", signed, |_| ());
    apex_plugins_tests::copy_tree(&twin, &house.root().join("twin_copy"));
    plant_blocked(house);
    plant_invalid(house);
    vec![
        ("good", "ready", None),
        ("disabled", "disabled", Some("PluginDisabled")),
        ("twin", "ready", None),
        ("twin_copy", "shadowed", Some("Shadowed")),
        ("tampered", "blocked", Some("ChecksumMismatch")),
        ("bare", "blocked", Some("SignatureStripped")),
        ("unchecked", "blocked", Some("MissingChecksum")),
        ("foreign", "blocked", Some("UntrustedKey")),
        ("forged", "blocked", Some("SignatureInvalid")),
        ("linked", "blocked", Some("SymlinkRejected")),
        ("future", "blocked", Some("ApiVersionUnsupported")),
        ("python", "blocked", Some("UnsupportedRuntime")),
        ("empty", "blocked", Some("LibraryMissing")),
        ("dependent", "blocked", Some("DependencyMissing")),
        ("broken", "invalid", Some("MetadataSyntax")),
        ("twice", "invalid", Some("DuplicateKey")),
        ("faulty", "invalid", Some("InvalidVersion")),
        ("hollow", "invalid", Some("NotRegularFile")),
    ]
}

fn plant_blocked(house: &House) {
    let signed = Proof::Signature(house.key());
    let tampered = house.plant("tampered", signed, |_| ());
    write(&tampered.join("added.txt"), "not there when it was signed");
    house.plant("bare", Proof::Checksum, |_| ());
    house.plant("unchecked", Proof::Nothing, |manifest| manifest["id"] = "org.nobody.unchecked".into());
    let stranger = SigningKey::generate().unwrap();
    house.plant("foreign", Proof::Signature(&stranger), |manifest| manifest["id"] = "org.nobody.foreign".into());
    let forged = house.plant("forged", signed, |_| ());
    let text = fs::read_to_string(forged.join("plugin.json")).unwrap();
    write(&forged.join("plugin.json"), &text.replace("A plugin for tests.", "Something else."));
    let linked = house.plant("linked", signed, |_| ());
    std::os::unix::fs::symlink("plugin.json", linked.join("link")).unwrap();
    house.plant("future", signed, |manifest| manifest["api_version"] = ">=99".into());
    house.plant("python", signed, |manifest| manifest["entry_point"] = "planted.module.Planted".into());
    house.plant("dependent", signed, |manifest| {
        manifest["dependencies"] = json!({"plugins": [{"id": "com.acme.absent"}]});
    });
    let empty = house.root().join("empty");
    fs::create_dir(&empty).unwrap();
    seal(&empty, manifest("empty"), signed);
}

fn plant_invalid(house: &House) {
    let plain = |name: &str, text: &str| {
        let directory = house.root().join(name);
        fs::create_dir(&directory).unwrap();
        write(&directory.join("plugin.json"), text);
    };
    plain("broken", "{\"name\": ");
    let valid = manifest("twice").to_string();
    plain("twice", &valid.replacen('{', "{\"id\": \"com.acme.other\", ", 1));
    let mut faulty = manifest("faulty");
    faulty["version"] = "one".into();
    faulty["surprise"] = true.into();
    plain("faulty", &faulty.to_string());
    fs::create_dir_all(house.root().join("hollow/plugin.json")).unwrap();
}

#[test]
fn a_root_with_one_of_each_bad_kind_is_listed_whole_with_reasons() {
    let house = House::new();
    let expected = zoo(&house);
    let listing = house.json(&["list"]);
    let plugins = listing["plugins"].as_array().unwrap();
    assert_eq!(plugins.len(), expected.len(), "{listing:#}");
    for (name, status, code) in expected {
        let plugin = find(&listing, name);
        assert_eq!(plugin["status"], status, "{plugin:#}");
        match code {
            Some(code) => assert_eq!(plugin["reason"]["code"], code, "{plugin:#}"),
            None => assert_eq!(plugin["reason"], Value::Null, "{plugin:#}"),
        }
    }
    assert_eq!(listing["problems"], json!([]));
}

#[test]
fn the_listing_for_people_names_every_find_and_what_to_do() {
    let house = House::new();
    let expected = zoo(&house);
    let ended = house.apex(&["list"]).expect(0);
    for (name, status, code) in expected {
        assert!(ended.stdout.contains(name) && ended.stdout.contains(status), "{name}: {}", ended.stdout);
        assert!(ended.stdout.contains(code.unwrap_or_default()), "{name}: {}", ended.stdout);
    }
    assert!(ended.stdout.contains("help: "), "{}", ended.stdout);
    assert_eq!(ended.stderr, "");
}

#[test]
fn an_entry_has_the_keys_that_scripts_rely_on() {
    let house = House::new();
    let directory = house.plant("good", Proof::Signature(house.key()), |_| ());
    let listing = house.json(&["list"]);
    let expected = json!({
        "id": "com.acme.good", "version": "1.0.0", "status": "ready", "name": "Planted",
        "path": directory.canonicalize().unwrap(), "actions": ["act"], "signer": "acme", "reason": null,
        "placement": "in-process", "warnings": [],
    });
    assert_eq!(listing["plugins"], json!([expected]));
}

#[test]
fn a_missing_root_is_a_problem_and_no_error() {
    let house = House::new();
    let missing = house.path("missing");
    let ended = Ended::of(house.command().arg("--root").arg(&missing).args(["--json", "list"])).expect(0);
    let listing: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(listing["problems"][0]["code"], "RootMissing", "{listing:#}");
    assert_eq!(listing["problems"][0]["path"], json!(missing));
}

/// Row 84 of the attack catalogue.
#[test]
fn terminal_escapes_in_a_name_or_id_are_shown_escaped() {
    let house = House::new();
    house.plant("evil", Proof::Signature(house.key()), |manifest| {
        manifest["name"] = "\u{1b}]0;owned\u{7}\u{9b}2J".into();
        manifest["description"] = "first\nsecond \u{202e}".into();
        manifest["x-\u{1b}"] = "\u{1b}[31m".into();
    });
    for arguments in [&["list"][..], &["inspect", "com.acme.evil"], &["--json", "inspect", "com.acme.evil"]] {
        let ended = house.apex(arguments).expect(0);
        let harmful = |c: char| c.is_control() && c != '\n' || c == '\u{202e}';
        assert!(!ended.stdout.contains(harmful) && !ended.stderr.contains(harmful), "{:?}", ended.stdout);
    }
    let inspected = house.json(&["inspect", "com.acme.evil"]);
    assert_eq!(inspected["name"], "\u{1b}]0;owned\u{7}\u{9b}2J", "what is escaped is still the same value");
}

#[test]
fn the_newest_version_that_is_ready_is_inspected_with_everything_known() {
    let house = House::new();
    let signed = Proof::Signature(house.key());
    house.plant("one", signed, |manifest| manifest["id"] = "com.acme.x".into());
    house.plant("two", signed, |manifest| {
        manifest["id"] = "com.acme.x".into();
        manifest["version"] = "2.0.0".into();
        manifest["permissions_required"] = json!(["fs:read:/tmp"]);
    });
    house.plant("three", Proof::Checksum, |manifest| {
        manifest["id"] = "com.acme.x".into();
        manifest["version"] = "3.0.0".into();
    });
    let inspected = house.json(&["inspect", "com.acme.x"]);
    assert_eq!(inspected["version"], "2.0.0");
    assert_eq!(inspected["manifest"]["entry_point"], "planted::Planted");
    assert_eq!(inspected["permissions_required"], json!(["fs:read:/tmp"]));
    assert_eq!(inspected["grants"], json!([]));
    assert_eq!(inspected["trust"], json!({"trusted": true, "signer": "acme", "placement": "in-process"}));
    assert!(inspected["digest"].as_str().unwrap().starts_with("blake3:"));
    assert_eq!(inspected["state"]["entries"], json!([]));
    let definitions = |inspected: &Value| inspected["definitions"].clone();
    let older = definitions(&house.json(&["inspect", "com.acme.x@^1"]));
    let newer = definitions(&inspected);
    assert!(newer["actions"]["act"].as_str().is_some_and(|digest| digest.starts_with("blake3:")), "{newer:#}");
    assert_eq!(newer["actions"], older["actions"], "the action is the same");
    assert_ne!(newer["permissions"], older["permissions"], "it asks for more");
    let blocked = house.json(&["inspect", "com.acme.x@3"]);
    assert_eq!(blocked["reason"]["code"], "SignatureStripped");
    let text = house.apex(&["inspect", "com.acme.x@^1"]).expect(0).stdout;
    assert!(text.starts_with("com.acme.x 1.0.0\n") && text.contains("action act"), "{text}");
    assert!(!house.path("states").exists(), "looking made a directory");
}

/// R4.7.
#[test]
fn why_tells_of_every_candidate_whether_it_is_chosen_and_why() {
    let house = House::new();
    for (name, version, proof) in [
        ("one", "1.0.0", Proof::Signature(house.key())),
        ("two", "1.1.0", Proof::Signature(house.key())),
        ("three", "2.0.0", Proof::Signature(house.key())),
        ("four", "1.2.0", Proof::Checksum),
        ("five", "1.3.0-rc.1", Proof::Signature(house.key())),
    ] {
        house.plant(name, proof, |manifest| {
            manifest["id"] = "com.acme.x".into();
            manifest["version"] = version.into();
        });
    }
    let why = house.json(&["why", "com.acme.x@^1"]);
    assert_eq!(
        (&why["plugin"], &why["specifier"], &why["chosen"]),
        (&json!("com.acme.x"), &json!("^1"), &json!("1.1.0"))
    );
    let considered = why["considered"].as_array().unwrap();
    let verdict = |version: &str| {
        let found = considered.iter().find(|one| one["version"] == version).unwrap();
        assert!(found["path"].is_string() && found["because"].is_string(), "{found:#}");
        found["verdict"].clone()
    };
    assert_eq!(verdict("1.1.0"), "chosen");
    assert_eq!(verdict("1.0.0"), "lower");
    assert_eq!(verdict("2.0.0"), "not-matching");
    assert_eq!(verdict("1.2.0"), "blocked");
    assert_eq!(verdict("1.3.0-rc.1"), "prerelease");
    let text = house.apex(&["why", "com.acme.x@^1"]).expect(0).stdout;
    assert!(text.contains("SignatureStripped") && text.contains("chosen") && text.contains("help: "), "{text}");
    let error = house.apex(&["--json", "why", "com.acme.absent"]).expect(3).error();
    assert_eq!(error["code"], "PluginNotFound");
}

#[test]
fn why_goes_down_to_what_the_chosen_version_needs_and_ends_at_a_cycle() {
    let house = House::new();
    for (name, needs) in [("top", "com.acme.middle"), ("middle", "com.acme.bottom"), ("bottom", "com.acme.middle")] {
        house.plant(name, Proof::Signature(house.key()), |manifest| {
            manifest["dependencies"] = json!({"plugins": [
                {"id": needs, "version_specifier": "^1"},
                {"id": "com.acme.absent", "optional": true},
            ]});
        });
    }
    let why = house.json(&["why", "com.acme.top"]);
    let needs: Vec<_> = why["dependencies"].as_array().unwrap().iter().collect();
    let row = |plugin: &str, wanted_by: &str| {
        let wanted_by = format!("com.acme.{wanted_by} 1.0.0");
        let found = needs.iter().find(|need| need["plugin"] == plugin && need["wanted_by"] == wanted_by);
        found.unwrap_or_else(|| panic!("{plugin} for {wanted_by}: {why:#}"))["chosen"].clone()
    };
    assert_eq!(row("com.acme.middle", "top"), "1.0.0");
    assert_eq!(row("com.acme.bottom", "middle"), "1.0.0");
    assert_eq!(row("com.acme.middle", "bottom"), "1.0.0");
    assert_eq!(row("com.acme.absent", "top"), Value::Null);
    assert_eq!(needs.len(), 6, "each version is asked once: {why:#}");
    let text = house.apex(&["why", "com.acme.top"]).expect(0).stdout;
    assert!(text.contains("com.acme.bottom@^1") && text.contains("WANTED BY"), "{text}");
}

#[test]
fn verify_gives_a_row_each_and_fails_if_one_fails() {
    let house = House::new();
    house.plant("good", Proof::Signature(house.key()), |_| ());
    let tampered = house.plant("tampered", Proof::Signature(house.key()), |_| ());
    assert_eq!(house.apex(&["verify"]).expect(0).stderr, "");
    write(&tampered.join("more.txt"), "more");
    let ended = house.apex(&["--json", "verify"]).expect(4);
    let rows: Value = serde_json::from_str(&ended.stdout).unwrap();
    let (good, bad) = (find(&rows, "good"), find(&rows, "tampered"));
    assert_eq!(
        (&good["ok"], &good["signer"], &good["placement"]),
        (&json!(true), &json!("acme"), &json!("in-process"))
    );
    assert!(good["digest"].is_string() && good["key_id"].is_string() && good["reason"].is_null());
    assert_eq!((&bad["ok"], &bad["reason"]["code"]), (&json!(false), &json!("ChecksumMismatch")));
    house.apex(&["verify", "com.acme.good@^1"]).expect(0);
    let error = house.apex(&["--json", "verify", "com.acme.good@^2"]).expect(3).error();
    assert_eq!(error["code"], "VersionNotFound");
}
