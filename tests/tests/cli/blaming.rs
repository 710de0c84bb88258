//! Who did what: a plugin's own log, plugins that hold their worker, and what a run cost (R6.5, R9.6).

use serde_json::{Value, json};

use crate::house::House;

const FAULTY: &str = "com.apexagent.examples.faulty";

/// The log lines of a run, with `-v` as often as `verbosity` says.
fn logs(verbosity: &str, arguments: &[&str]) -> Vec<Value> {
    let house = House::new();
    house.install("faulty");
    let ended = house.apex(&[&["--json", verbosity, "run", FAULTY][..], arguments].concat()).expect(0);
    let lines = ended.stderr.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.filter_map(|line| line.get("log").cloned()).collect()
}

fn find<'a>(logs: &'a [Value], message: &str) -> &'a Value {
    logs.iter().find(|log| log["message"] == message).unwrap_or_else(|| panic!("no `{message}` in {logs:#?}"))
}

#[test]
fn what_a_plugin_logs_by_tracing_is_in_the_hosts_log_with_plugin_action_and_call() {
    let logs = logs("-v", &["trace", "-p", "text=hello"]);
    let hello = find(&logs, "hello");
    assert_eq!(
        (&hello["level"], &hello["plugin"], &hello["action"]),
        (&json!("info"), &json!(FAULTY), &json!("trace"))
    );
    assert_eq!(hello["part"], "faulty::honest", "the target");
    let fields: Value = serde_json::from_str(hello["fields"].as_str().unwrap()).unwrap();
    assert_eq!(fields, json!({"length": 5, "spans": [{"span": "honest", "kind": "span"}]}));
    let call = hello["call"].as_u64().unwrap();
    for other in ["hello from a thread", "not by tracing"] {
        assert_eq!(find(&logs, other)["call"], call, "{other}");
    }
    assert!(!logs.iter().any(|log| log["message"] == "for those who look closely"), "the level holds in the plugin");
}

#[test]
fn more_detail_is_there_for_those_who_ask() {
    assert_eq!(find(&logs("-vv", &["trace"]), "for those who look closely")["level"], "debug");
}

#[test]
fn an_action_that_holds_its_worker_is_named_with_how_long_it_did() {
    let logs = logs("-v", &["spin", "-p", "ms=900"]);
    let named = find(&logs, "an asynchronous action holds its worker: its poll does not return");
    assert_eq!((&named["level"], &named["plugin"], &named["action"]), (&json!("warn"), &json!(FAULTY), &json!("spin")));
    assert!(named["held"].as_str().unwrap().ends_with("ms"), "{named}");
    assert_eq!(find(&logs, "calls of this run")["slow_polls"], 1);
}

#[test]
fn a_run_tells_what_it_cost() {
    let logs = logs("-v", &["echo", "-p", "number=4"]);
    let cost = find(&logs, "calls of this run");
    assert_eq!((&cost["action"], &cost["calls"], &cost["errors"]), (&json!("echo"), &json!(1), &json!(0)));
    assert!(cost["median_below"].is_string(), "{cost}");
}

/// Row 79: the flood is bounded and told of once.
#[test]
fn a_flood_of_log_lines_is_told_of_once() {
    let logs = logs("-v", &["flood_log", "-p", "count=20000"]);
    let told =
        logs.iter().filter(|log| log["message"] == "the plugin logs too much at once; lines are left out").count();
    assert_eq!(told, 1);
    assert!(logs.len() < 15_000, "{} lines", logs.len());
}
