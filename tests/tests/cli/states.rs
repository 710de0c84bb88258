//! `state show`, `export`, `import` and `clear` (R7.7).

use serde_json::{Value, json};

use crate::house::{House, write};

const COUNTER: &str = "com.apexagent.examples.counter";

/// A house in which a counter has counted to seven.
fn counted() -> House {
    let house = House::new();
    house.install("counter");
    house.apex(&["run", COUNTER, "add", "-p", "by=7"]).expect(0);
    house
}

#[test]
fn a_state_is_shown_exported_cleared_and_imported_again() {
    let house = counted();
    let shown = house.json(&["state", "show", COUNTER]);
    let state = &shown["states"][0];
    assert_eq!((&state["version"], &state["scope"], &state["generation"]), (&json!("1.0.0"), &json!({}), &json!(1)));
    assert_eq!((&state["data"], &state["owner"]), (&json!({"value": 7}), &json!({"publisher": "acme"})));
    let people = house.apex(&["state", "show", COUNTER]).expect(0).stdout;
    assert!(people.contains("1.0.0 global: save 1") && people.contains("\"value\": 7"), "{people}");

    house.apex(&["state", "export", COUNTER, "--out", "counter.json"]).expect(0);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(house.path("counter.json")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "it may hold secrets");
    }
    let exported: Value = serde_json::from_str(&house.apex(&["state", "export", COUNTER]).expect(0).stdout).unwrap();
    assert_eq!(exported["states"][0]["data"], json!({"value": 7}));
    let error = house.apex(&["--json", "state", "import", COUNTER, "counter.json"]).expect(7).error();
    assert_eq!(error["code"], "StateExists");

    assert_eq!(house.apex(&["--json", "state", "clear", COUNTER]).expect(4).error()["code"], "NotConfirmed");
    assert_eq!(house.json(&["state", "clear", &format!("{COUNTER}@>=2"), "--yes"])["cleared"], 0);
    assert_eq!(house.json(&["state", "clear", COUNTER, "--yes"]), json!({"id": COUNTER, "cleared": 1}));
    assert_eq!(house.json(&["state", "show", COUNTER])["states"], json!([]));
    assert_eq!(house.json(&["run", COUNTER, "get"]), 0);

    assert_eq!(house.json(&["state", "import", COUNTER, "counter.json"]), json!({"id": COUNTER, "imported": 1}));
    assert_eq!(house.json(&["run", COUNTER, "get"]), 7);
    assert_eq!(house.json(&["run", COUNTER, "add", "-p", "by=1"]), 8);
    house.json(&["state", "import", COUNTER, "counter.json", "--replace"]);
    assert_eq!(house.json(&["run", COUNTER, "get"]), 7);
}

/// Rows 73 and 83 of the attack catalogue: an id is no path, and one plugin's export is not another's.
#[test]
fn what_is_no_state_of_that_plugin_is_refused_by_name() {
    let house = counted();
    for command in ["show", "export", "clear"] {
        house.apex(&["--json", "state", command, "../x"]).expect(2);
    }
    house.apex(&["state", "export", COUNTER, "--out", "counter.json"]).expect(0);
    let refused = |arguments: &[&str], exit: i32, code: &str| {
        let error = house.apex(&[&["--json", "state"], arguments].concat()).expect(exit).error();
        assert_eq!(error["code"], code, "{error:#}");
        assert!(error["hint"].is_string(), "{error:#}");
    };
    refused(&["import", "com.acme.other", "counter.json"], 5, "StateExportInvalid");
    write(&house.path("other.json"), "{\"format\": \"apex-states/1\", \"plugin\": \"../x\", \"states\": []}");
    refused(&["import", COUNTER, "other.json"], 5, "StateExportInvalid");
    refused(&["import", COUNTER, "absent.json"], 7, "Io");
    refused(&["export", COUNTER, "--out", "counter.json"], 7, "Io");
    refused(&["export", "com.acme.other"], 3, "NotListed");
}

/// Row 70: what is damaged is mended from its backup and said so, or a clear error; and others are shown.
#[test]
fn a_damaged_state_is_told_of_and_hides_no_other() {
    let house = counted();
    let state = house.path("states").join(COUNTER).join("state_v1.0.0.json");
    write(&house.path("states").join(COUNTER).join("state_v9.9.9.json"), "{");
    let shown = house.json(&["state", "show", COUNTER]);
    assert_eq!(shown["states"].as_array().unwrap().len(), 1, "{shown:#}");
    assert_eq!(shown["unreadable"][0]["code"], "StateCorrupt");
    std::fs::remove_file(house.path("states").join(COUNTER).join("state_v9.9.9.json")).unwrap();
    house.apex(&["run", COUNTER, "add", "-p", "by=1"]).expect(0);
    write(&state, "{");
    let recovered = house.apex(&["state", "show", COUNTER]).expect(0);
    assert!(recovered.stderr.contains("replaced by its backup"), "{}", recovered.stderr);
    assert_eq!(house.json(&["run", COUNTER, "get"]), 7);
}
