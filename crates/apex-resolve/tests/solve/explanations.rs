//! Conflicts as a reader sees them; each text was read by somebody.

use apex_resolve::{Conflict, Release, Releases, Request, Unsolvable, solve};

use crate::worlds::{blocked, id, release, request, signed, world};

fn conflict(releases: &Releases, requests: &[&str]) -> Conflict {
    let requests: Vec<Request> = requests.iter().map(|text| request(text)).collect();
    match solve(releases, &requests) {
        Err(Unsolvable::Conflict(conflict)) => *conflict,
        other => panic!("expected a conflict: {other:?}"),
    }
}

#[track_caller]
fn check(releases: &Releases, requests: &[&str], plugins: &[&str], expected: &[&str]) {
    let conflict = conflict(releases, requests);
    assert_eq!(conflict.derivation, expected);
    assert_eq!(conflict.plugins, plugins.iter().map(|name| id(name)).collect::<Vec<_>>());
    assert!(!conflict.facts.is_empty());
}

#[test]
fn a_dependency_that_is_not_there() {
    let releases = world([("app", release("1.0.0", &["absent ^1"])), ("other", release("1.0.0", &[]))]);
    check(
        &releases,
        &["app", "other"],
        &["absent", "app"],
        &["Because app 1.0.0 needs absent ^1 (which is not there) and you ask for app, there is no solution."],
    );
}

#[test]
fn a_dependency_that_is_there_in_other_versions_only() {
    let releases = world([
        ("app", release("1.0.0", &["base ^2"])),
        ("base", release("1.0.0", &[])),
        ("base", release("1.1.0", &[])),
    ]);
    check(
        &releases,
        &["app"],
        &["app", "base"],
        &[
            "Because app 1.0.0 needs base ^2 (but there is only 1.0.0, 1.1.0) and you ask for app, there is no solution.",
        ],
    );
}

#[test]
fn a_dependency_that_is_blocked() {
    let releases =
        world([("app", release("1.0.0", &["base ^1"])), ("base", blocked("1.2.0")), ("base", release("2.0.0", &[]))]);
    check(
        &releases,
        &["app"],
        &["app", "base"],
        &[
            "Because app 1.0.0 needs base ^1 (1.2.0 is blocked: ChecksumMismatch: a file was changed) and you ask for app, there is no solution.",
        ],
    );
}

#[test]
fn two_plugins_that_want_different_versions_of_a_third() {
    let releases = world([
        ("mail", release("1.0.0", &["base ^1"])),
        ("calendar", release("1.0.0", &["base ^2"])),
        ("base", release("1.0.0", &[])),
        ("base", release("2.0.0", &[])),
        ("unrelated", release("1.0.0", &[])),
    ]);
    check(
        &releases,
        &["mail", "unrelated", "calendar"],
        &["base", "calendar", "mail"],
        &[
            "Because mail 1.0.0 needs base ^1 (1.0.0) and calendar 1.0.0 needs base ^2 (2.0.0), calendar 1.0.0 and mail 1.0.0 do not go together.",
            "And because you ask for mail, calendar 1.0.0 cannot be had.",
            "And because you ask for calendar, there is no solution.",
        ],
    );
}

#[test]
fn a_signed_plugin_that_would_need_an_unsigned_one() {
    let releases = world([("app", signed("1.0.0", &["base"])), ("base", release("1.0.0", &[]))]);
    check(
        &releases,
        &["app"],
        &["app", "base"],
        &[
            "Because app 1.0.0 needs base (1.0.0 will not do, since no trusted publisher signed it) and you ask for app, there is no solution.",
        ],
    );
}

#[test]
fn an_optional_dependency_that_others_need_in_another_version() {
    let releases = world([
        ("app", release("1.0.0", &["extra? ^1"])),
        ("tool", release("1.0.0", &["extra ^2"])),
        ("extra", release("1.0.0", &[])),
        ("extra", release("2.0.0", &[])),
    ]);
    check(
        &releases,
        &["app", "tool"],
        &["app", "extra", "tool"],
        &[
            "Because app 1.0.0 can use only extra ^1 (1.0.0) and tool 1.0.0 needs extra ^2 (2.0.0), app 1.0.0 and tool 1.0.0 do not go together.",
            "And because you ask for app, tool 1.0.0 cannot be had.",
            "And because you ask for tool, there is no solution.",
        ],
    );
}

#[test]
fn a_plugin_that_needs_another_version_of_itself() {
    let releases = world([("app", release("1.0.0", &["app ^2"]))]);
    check(
        &releases,
        &["app"],
        &["app"],
        &["Because app 1.0.0 needs another version of itself and you ask for app, there is no solution."],
    );
}

#[test]
fn a_conflict_through_several_versions_and_steps() {
    let releases = world([
        ("app", release("1.0.0", &["left", "right"])),
        ("left", release("1.0.0", &["shared ^1"])),
        ("left", release("1.1.0", &["shared ^1"])),
        ("right", release("1.0.0", &["middle"])),
        ("right", release("2.0.0", &["shared ^2"])),
        ("middle", release("1.0.0", &["shared ^3"])),
        ("shared", release("1.0.0", &[])),
        ("shared", release("2.0.0", &[])),
        ("shared", Release { publisher: Some("acme".into()), ..release("3.0.0", &[]) }),
    ]);
    check(
        &releases,
        &["app"],
        &["app", "left", "middle", "right", "shared"],
        &[
            "Because middle 1.0.0 needs shared ^3 (3.0.0) and right 1.0.0 needs middle (1.0.0), right 1.0.0 needs shared 3.0.0.",
            "And because right 2.0.0 needs shared ^2 (2.0.0), every version of right needs shared 2.0.0, 3.0.0.",
            "And because every version of left needs shared ^1 (1.0.0), every version of left and every version of right do not go together.",
            "And because app 1.0.0 needs left (1.0.0, 1.1.0), app 1.0.0 and every version of right do not go together.",
            "And because app 1.0.0 needs right (1.0.0, 2.0.0), app 1.0.0 cannot be had.",
            "And because you ask for app, there is no solution.",
        ],
    );
}

#[test]
fn the_message_begins_with_what_was_asked_for_and_its_data_is_stable() {
    let releases = world([("app", release("1.0.0", &["absent"]))]);
    let conflict = conflict(&releases, &["app ^1"]);
    assert!(conflict.to_string().starts_with("no versions go together that satisfy app ^1: "), "{conflict}");
    let value = serde_json::to_value(&conflict).unwrap();
    assert_eq!(value["plugins"], serde_json::json!(["absent", "app"]));
    assert!(value["facts"].is_array() && value["derivation"].is_array() && value["requests"].is_array());
}
