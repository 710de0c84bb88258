//! R4.5, rule by rule.

use apex_meta::ErrorKind;
use apex_resolve::{Preference, Release, Releases, Request, Solution, Unsolvable, solve};

use crate::worlds::{blocked, disabled, id, release, request, signed, world};

fn solved(releases: &Releases, requests: &[&str]) -> Solution {
    let requests: Vec<Request> = requests.iter().map(|text| request(text)).collect();
    solve(releases, &requests).unwrap_or_else(|error| panic!("{error}"))
}

/// `id version` of all that was chosen, in load order.
fn names(solution: &Solution) -> Vec<String> {
    solution.chosen.iter().map(|chosen| format!("{} {}", chosen.plugin, chosen.version)).collect()
}

#[test]
fn the_highest_versions_that_go_together_are_chosen_and_dependencies_load_first() {
    let releases = world([
        ("app", release("1.0.0", &["base ^1", "tool"])),
        ("base", release("1.0.0", &[])),
        ("base", release("1.2.0", &[])),
        ("base", release("2.0.0", &[])),
        ("tool", release("1.0.0", &["base"])),
        ("other", release("1.0.0", &[])),
    ]);
    assert_eq!(names(&solved(&releases, &["app"])), ["base 1.2.0", "tool 1.0.0", "app 1.0.0"]);
    assert_eq!(names(&solved(&releases, &["app", "base <1.2"])), ["base 1.0.0", "tool 1.0.0", "app 1.0.0"]);
    assert_eq!(names(&solved(&releases, &[])), Vec::<String>::new());
}

#[test]
fn an_earlier_request_is_not_made_worse_by_a_later_one() {
    let releases = world([
        ("one", release("1.0.0", &[])),
        ("one", release("2.0.0", &["base ==1"])),
        ("two", release("1.0.0", &[])),
        ("two", release("2.0.0", &["base ==2"])),
        ("base", release("1.0.0", &[])),
        ("base", release("2.0.0", &[])),
    ]);
    assert_eq!(names(&solved(&releases, &["one", "two"])), ["base 1.0.0", "one 2.0.0", "two 1.0.0"]);
    assert_eq!(names(&solved(&releases, &["two", "one"])), ["base 2.0.0", "two 2.0.0", "one 1.0.0"]);
}

#[test]
fn what_is_locked_pinned_or_in_use_is_preferred_in_this_order_and_gives_way_to_a_request() {
    let preferred = |preference, version| Release { preference, ..release(version, &[]) };
    let releases = |preferences: [Preference; 3]| {
        let [a, b, c] = preferences;
        world([("base", preferred(a, "1.0.0")), ("base", preferred(b, "2.0.0")), ("base", preferred(c, "3.0.0"))])
    };
    use Preference::{Active, Locked, Ordinary, Pinned};
    for (preferences, expected) in [
        ([Ordinary, Ordinary, Ordinary], "base 3.0.0"),
        ([Ordinary, Active, Ordinary], "base 2.0.0"),
        ([Pinned, Active, Ordinary], "base 1.0.0"),
        ([Pinned, Active, Locked], "base 3.0.0"),
        ([Locked, Pinned, Active], "base 1.0.0"),
    ] {
        assert_eq!(names(&solved(&releases(preferences), &["base"])), [expected], "{preferences:?}");
    }
    assert_eq!(names(&solved(&releases([Locked, Ordinary, Ordinary]), &["base ^2"])), ["base 2.0.0"]);
}

#[test]
fn an_optional_dependency_is_taken_where_it_fits_and_changes_nothing_else() {
    let mut releases = world([
        ("app", release("2.0.0", &["extra? ^1", "base"])),
        ("extra", release("1.0.0", &[])),
        ("extra", release("1.1.0", &["base <2"])),
        ("extra", release("2.0.0", &[])),
        ("base", release("1.0.0", &[])),
        ("base", release("2.0.0", &[])),
    ]);
    // 1.1.0 would need an older base.
    assert_eq!(names(&solved(&releases, &["app"])), ["extra 1.0.0", "base 2.0.0", "app 2.0.0"]);
    // Where others want it, it must suit whoever can use it, or be something else.
    let error = solve(&releases, &[request("app"), request("extra ^2")]).unwrap_err();
    assert_eq!((error.code(), error.kind()), ("DependencyConflict", ErrorKind::Dependency));
    releases.add(id("app"), release("1.0.0", &[]));
    assert_eq!(names(&solved(&releases, &["app", "extra ^2"])), ["app 1.0.0", "extra 2.0.0"]);
}

#[test]
fn an_optional_dependency_that_is_missing_blocked_or_in_the_way_is_left_out_and_said() {
    let releases = world([
        ("app", release("1.0.0", &["absent?", "broken?", "greedy?", "base"])),
        ("broken", blocked("1.0.0")),
        ("greedy", release("1.0.0", &["base ^1"])),
        ("base", release("1.0.0", &[])),
        ("base", release("2.0.0", &[])),
    ]);
    let solution = solved(&releases, &["app"]);
    assert_eq!(names(&solution), ["base 2.0.0", "app 1.0.0"]);
    let left_out: Vec<_> = solution.left_out.iter().map(|left| format!("{}: {}", left.plugin, left.because)).collect();
    assert_eq!(
        left_out,
        [
            "broken: no version of it is ready",
            "greedy: no version of it goes together with the rest",
            "absent: it is not there",
        ]
    );
}

#[test]
fn what_is_blocked_or_disabled_is_never_chosen_and_the_reason_is_told() {
    let releases = world([
        ("base", release("1.0.0", &[])),
        ("base", disabled("1.1.0")),
        ("base", blocked("1.2.0")),
        ("app", release("1.0.0", &["base"])),
    ]);
    let solution = solved(&releases, &["app"]);
    assert_eq!(names(&solution), ["base 1.0.0", "app 1.0.0"]);
    let passed_over = &solution.get(&id("base")).unwrap().passed_over;
    let told: Vec<_> = passed_over.iter().map(|passed| format!("{} {}", passed.version, passed.because)).collect();
    assert_eq!(
        told,
        [
            "1.2.0 blocked: ChecksumMismatch: a file was changed",
            "1.1.0 disabled: Disabled: switched off by the operator",
        ]
    );
}

#[test]
fn a_request_that_nothing_satisfies_by_itself_says_what_a_selection_would_say() {
    let releases = world([("base", blocked("1.0.0")), ("idle", disabled("1.0.0")), ("tool", release("1.0.0", &[]))]);
    for (wanted, code) in [
        ("absent", "PluginNotFound"),
        ("tool ^2", "VersionNotFound"),
        ("base", "PluginBlocked"),
        ("idle", "PluginDisabled"),
    ] {
        let error = solve(&releases, &[request("tool"), request(wanted)]).unwrap_err();
        assert!(matches!(error, Unsolvable::Request(_)), "{wanted}");
        assert_eq!(error.code(), code, "{wanted}");
    }
}

#[test]
fn pre_releases_are_the_last_resort_unless_a_request_names_one() {
    let releases = world([
        ("app", release("1.0.0", &["base >=1"])),
        ("late", release("1.0.0", &["base >=2.0.0-rc.1"])),
        ("base", release("1.0.0", &[])),
        ("base", release("2.0.0-rc.1", &[])),
        ("base", release("2.0.0-rc.2", &[])),
    ]);
    assert_eq!(names(&solved(&releases, &["app"])), ["base 1.0.0", "app 1.0.0"]);
    assert_eq!(names(&solved(&releases, &["late", "app"])), ["base 2.0.0-rc.2", "late 1.0.0", "app 1.0.0"]);
    assert_eq!(names(&solved(&releases, &["app", "base >=1.0.0-0"])), ["base 2.0.0-rc.2", "app 1.0.0"]);
}

#[test]
fn what_is_signed_depends_only_on_what_is_signed_or_pinned_by_its_digest() {
    let unsigned = || release("2.0.0", &[]);
    let mut releases =
        world([("app", signed("1.0.0", &["base"])), ("base", signed("1.0.0", &[])), ("base", unsigned())]);
    let solution = solved(&releases, &["app"]);
    assert_eq!(names(&solution), ["base 1.0.0", "app 1.0.0"]);
    assert_eq!(
        solution.get(&id("base")).unwrap().passed_over[0].because,
        "no trusted publisher signed it, and app 1.0.0 is signed"
    );
    // An unsigned one may depend on anything.
    releases.add(id("tool"), release("1.0.0", &["base"]));
    assert_eq!(names(&solved(&releases, &["tool"])), ["base 2.0.0", "tool 1.0.0"]);
    let pinned = Release { pinned: true, ..unsigned() };
    let releases = world([("app", signed("1.0.0", &["base"])), ("base", pinned)]);
    assert_eq!(names(&solved(&releases, &["app"])), ["base 2.0.0", "app 1.0.0"]);
}

#[test]
fn plugins_that_need_each_other_are_chosen_together_and_the_circle_is_named() {
    let releases = world([
        ("app", release("1.0.0", &["left", "self ^1"])),
        ("left", release("1.0.0", &["right"])),
        ("right", release("1.0.0", &["left", "base"])),
        ("base", release("1.0.0", &[])),
        ("self", release("1.0.0", &["self"])),
        ("self", release("1.1.0", &["self ==1.0.0"])),
    ]);
    let solution = solved(&releases, &["app"]);
    assert_eq!(names(&solution), ["base 1.0.0", "left 1.0.0", "right 1.0.0", "self 1.0.0", "app 1.0.0"]);
    assert_eq!(solution.cycles, [[id("left"), id("right")]]);
}

#[test]
fn a_chain_of_many_plugins_resolves_and_its_missing_end_is_explained_without_a_deep_stack() {
    const LENGTH: usize = 3_000;
    let link = |number: usize| format!("p{number}");
    let mut releases: Releases =
        (0..LENGTH).map(|number| (id(&link(number)), release("1.0.0", &[&link(number + 1)]))).collect();
    let Unsolvable::Conflict(conflict) = solve(&releases, &[request("p0")]).unwrap_err() else { panic!("no conflict") };
    assert_eq!(conflict.plugins.len(), LENGTH + 1);
    assert!(conflict.to_string().len() < 5_000, "{}", conflict.to_string().len());
    releases.add(id(&link(LENGTH)), release("1.0.0", &[]));
    let solution = solved(&releases, &["p0"]);
    assert_eq!((solution.chosen.len(), solution.chosen[0].plugin.clone()), (LENGTH + 1, id(&link(LENGTH))));
}
