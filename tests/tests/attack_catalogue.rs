//! Every test that `attacks.md` names for an attack is there.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

use std::fs;

use apex_plugins_tests::workspace_root;

#[test]
fn every_test_that_is_named_for_an_attack_exists() {
    let catalogue = fs::read_to_string(workspace_root().join("tests/attacks.md")).unwrap();
    let mut named = 0;
    for row in catalogue.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| #")) {
        let tests = row.trim_end_matches('|').rsplit_once('|').unwrap().1;
        for test in tests.split(';') {
            let quoted: Vec<_> = test.split('`').collect();
            let [_, path, _, name, _] = quoted[..] else { panic!("{test} is no path and name") };
            let source =
                fs::read_to_string(workspace_root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
            assert!(source.contains(&format!("fn {name}(")), "{path} has no test {name}");
            named += 1;
        }
    }
    assert!(named > 40, "{named} tests");
}
