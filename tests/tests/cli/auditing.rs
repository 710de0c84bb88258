//! `apex audit`: what was decided about plugins is recorded, and a change of the record is found.

use std::{fs, os::unix::fs::PermissionsExt as _};

use serde_json::{Value, json};

use crate::house::{House, Proof, write};

const GREETER: &str = "com.apexagent.examples.greeter";

fn records(house: &House) -> Vec<Value> {
    let ended = house.apex(&["--json", "audit"]).expect(0);
    ended.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn kinds(house: &House) -> Vec<String> {
    let of = |record: &Value| {
        let plugin = record["plugin"].as_str().and_then(|id| id.rsplit('.').next()).unwrap_or("-");
        format!("{} {plugin} {}", record["kind"].as_str().unwrap(), record["code"].as_str().unwrap_or("-"))
    };
    records(house).iter().map(of).collect()
}

#[test]
fn verifying_loading_blocking_and_trusting_are_recorded_and_looking_is_not() {
    let house = House::new();
    let greeter = house.install("greeter");
    assert_eq!(house.apex(&["audit"]).expect(0).stdout, "");
    house.apex(&["list"]).expect(0);
    house.apex(&["inspect", GREETER]).expect(0);
    assert!(!house.path("store/audit.jsonl").exists(), "looking is not recorded");
    let secret = "correct horse battery staple";
    house.apex(&["run", GREETER, "greet", "-p", &format!("name={secret}")]).expect(0);
    write(&greeter.join("more.txt"), "more");
    house.apex(&["run", GREETER, "greet", "-p", "name=Ada"]).expect(4);
    house.apex(&["verify"]).expect(4);
    let key = house.key().public_key().key_id().to_string();
    house.apex(&["trust", "revoke", &key, "--reason", "lost"]).expect(0);
    assert_eq!(
        kinds(&house),
        [
            "verify greeter -",
            "load greeter -",
            "call greeter -",
            "block greeter ChecksumMismatch",
            "block greeter ChecksumMismatch",
            "trust_change - -"
        ]
    );
    let records = records(&house);
    assert_eq!((&records[0]["publisher"], &records[0]["key_id"]), (&json!("acme"), &json!(key)));
    assert_eq!((&records[1]["placement"], &records[1]["seq"]), (&json!("in-process"), &json!(2)));
    let log = fs::read_to_string(house.path("store/audit.jsonl")).unwrap();
    assert!(!log.contains("correct horse"), "no value of a parameter is recorded");
    let text = house.apex(&["audit"]).expect(0).stdout;
    assert!(text.lines().count() == records.len() && text.contains("ChecksumMismatch"), "{text}");
}

#[test]
fn a_changed_or_shortened_log_is_found() {
    let house = House::new();
    house.plant("x", Proof::Signature(house.key()), |_| ());
    for _ in 0..3 {
        house.apex(&["verify"]).expect(0);
    }
    let log = house.path("store/audit.jsonl");
    assert_eq!(fs::metadata(&log).unwrap().permissions().mode() & 0o777, 0o600);
    let summary = house.json(&["audit", "--verify"]);
    assert_eq!((&summary["ok"], &summary["lines"]), (&json!(true), &json!(3)));
    let head = format!("{}:{}", summary["head"]["seq"], summary["head"]["hash"].as_str().unwrap());
    let shown = house.apex(&["audit", "--verify"]).expect(0).stdout;
    assert!(shown.contains(&head), "{shown}");
    house.apex(&["audit", "--verify", "--head", &head]).expect(0);

    let text = fs::read_to_string(&log).unwrap();
    let shortened: String = text.lines().take(2).map(|line| format!("{line}\n")).collect();
    write(&log, &shortened);
    house.apex(&["audit", "--verify"]).expect(0);
    let error = house.apex(&["--json", "audit", "--verify", "--head", &head]).expect(7).error();
    assert_eq!((&error["code"], &error["details"]["line"]), (&json!("AuditBroken"), &json!(3)));

    write(&log, &text.replacen("1.0.0", "9.9.9", 1));
    for arguments in [&["--json", "audit", "--verify"][..], &["--json", "audit"]] {
        let error = house.apex(arguments).expect(7).error();
        assert_eq!((&error["code"], &error["details"]["line"]), (&json!("AuditBroken"), &json!(1)));
    }
    house.apex(&["audit", "--verify", "--head", "x"]).expect(2);
}

#[test]
fn a_log_that_cannot_be_written_stops_nothing_and_is_told_of() {
    let house = House::new();
    house.install("greeter");
    fs::create_dir_all(house.path("store/audit.jsonl")).unwrap();
    let ended = house.apex(&["run", GREETER, "greet", "-p", "name=Ada"]).expect(0);
    assert!(ended.stdout.contains("Ada"), "{}", ended.stdout);
    assert!(ended.stderr.contains("audit"), "{}", ended.stderr);
}
