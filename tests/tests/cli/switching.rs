//! `apex enable` and `apex disable`: the operator's word outlives the manifest's (R2.5).

use serde_json::json;

use crate::house::{House, Proof, find, manifest, seal, write};

const GREETER: &str = "com.apexagent.examples.greeter";

#[test]
fn the_operators_word_is_stored_and_wins_over_the_manifest() {
    let house = House::new();
    house.plant("on", Proof::Signature(house.key()), |_| ());
    house.plant("off", Proof::Signature(house.key()), |manifest| manifest["default_enabled"] = false.into());
    let disabled = house.json(&["disable", "com.acme.on"]);
    assert_eq!(disabled["plugins"][0]["status"], "disabled", "{disabled:#}");
    let enabled = house.json(&["enable", "com.acme.off"]);
    assert_eq!(enabled["plugins"][0]["status"], "ready", "{enabled:#}");
    let listing = house.json(&["list"]);
    assert_eq!(find(&listing, "on")["status"], "disabled");
    assert_eq!(find(&listing, "off")["status"], "ready");
    let error = house.apex(&["--json", "run", "com.acme.on", "act"]).expect(4).error();
    assert_eq!(error["code"], "PluginDisabled");
    assert!(error["hint"].as_str().unwrap().contains("apex enable"), "{error:#}");
    let text = house.apex(&["enable", "com.acme.on"]).expect(0).stdout;
    assert!(text.contains("com.acme.on") && text.contains("ready"), "{text}");
    assert_eq!(house.json(&["inspect", "com.acme.on"])["enabled"], true);
}

/// Row 77 of the attack catalogue: who noted it was a host that is gone.
#[test]
fn what_crashed_too_often_is_shown_refused_and_let_run_again() {
    let house = House::new();
    house.install("greeter");
    let listed = &house.json(&["inspect", GREETER]);
    let quarantined = json!({"format": "apex-overrides/1", "overrides": [], "quarantined": [{
        "id": GREETER, "version": listed["version"], "digest": listed["manifest"]["checksum"], "message": "crashed 6 times",
    }]});
    std::fs::create_dir(house.path("store")).unwrap();
    write(&house.path("store/overrides.json"), &quarantined.to_string());
    let listed = &house.json(&["list"])["plugins"][0];
    assert_eq!((&listed["status"], &listed["reason"]["code"]), (&json!("blocked"), &json!("PluginQuarantined")));
    let error = house.apex(&["--json", "run", GREETER, "greet", "-p", "name=Ada"]).expect(6).error();
    assert_eq!(error["code"], "PluginQuarantined", "{error:#}");
    assert!(error["hint"].as_str().unwrap().contains("apex enable"), "{error:#}");
    assert_eq!(house.json(&["enable", GREETER])["plugins"][0]["status"], "ready");
    house.apex(&["run", GREETER, "greet", "-p", "name=Ada"]).expect(0);
}

#[test]
fn a_decision_may_be_for_some_versions_alone() {
    let house = House::new();
    for (name, version) in [("one", "1.0.0"), ("two", "2.0.0")] {
        house.plant(name, Proof::Signature(house.key()), |manifest| {
            manifest["id"] = "com.acme.x".into();
            manifest["version"] = version.into();
        });
    }
    house.apex(&["disable", "com.acme.x@>=2"]).expect(0);
    assert_eq!(house.json(&["why", "com.acme.x"])["chosen"], json!("1.0.0"));
    house.apex(&["--json", "disable", "com.acme.x@>=3"]).expect(3);
}

/// Row 86 of the attack catalogue, as far as the switch goes.
#[test]
fn a_squatter_does_not_inherit_the_operators_word() {
    let house = House::new();
    let mut off = manifest("x");
    off["id"] = "org.nobody.x".into();
    off["default_enabled"] = false.into();
    let directory = house.plant("x", Proof::Checksum, |planted| *planted = off.clone());
    assert_eq!(house.json(&["enable", "org.nobody.x"])["plugins"][0]["status"], "ready");
    assert_eq!(find(&house.json(&["list"]), "x")["status"], "ready");
    // The same id and version with other files is somebody else's plugin.
    write(&directory.join("other.txt"), "other bytes");
    seal(&directory, off, Proof::Checksum);
    assert_eq!(find(&house.json(&["list"]), "x")["status"], "disabled");
}

#[test]
fn a_broken_file_of_decisions_is_an_error_and_not_ignored() {
    let house = House::new();
    house.plant("x", Proof::Signature(house.key()), |_| ());
    std::fs::create_dir(house.path("store")).unwrap();
    write(&house.path("store/overrides.json"), "{");
    let error = house.apex(&["--json", "list"]).expect(7).error();
    assert!(error["hint"].is_string(), "{error:#}");
}
