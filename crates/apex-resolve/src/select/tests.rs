//! Selection: its semantics in tables, and a naive model that it must agree with.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

use apex_meta::{ErrorKind, Reason};
use proptest::prelude::*;
use serde_json::json;

use super::*;

fn id() -> PluginId {
    "com.acme.greeter".parse().unwrap()
}

fn version(text: &str) -> PluginVersion {
    text.parse().unwrap()
}

/// `1.0.0` is ready; `1.0.0:blocked` and the like are what they say, with a reason.
fn candidate(text: &str) -> Candidate {
    let (text, status) = text.split_once(':').unwrap_or((text, "ready"));
    let status = [Status::Invalid, Status::Blocked, Status::Shadowed, Status::Disabled, Status::Ready]
        .into_iter()
        .find(|known| known.as_str() == status)
        .unwrap();
    let candidate = Candidate::new(version(text), status);
    let reason = |code| Reason::new(code, format!("{text} has a reason")).with_hint("do something");
    match status {
        Status::Ready => candidate,
        Status::Blocked => candidate.with_reason(reason("ChecksumMismatch")),
        Status::Disabled => candidate.with_reason(Reason::new("PluginDisabled", "switched off by the operator")),
        Status::Invalid => candidate.with_reason(reason("InvalidId")),
        Status::Shadowed => candidate.with_reason(reason("Shadowed")),
    }
}

fn choose(specifier: Option<&str>, found: &[&str]) -> Result<Selection, NoCandidate> {
    let specifier = specifier.map(|text| text.parse::<VersionSpecifier>().unwrap());
    select(&id(), specifier.as_ref(), found.iter().map(|text| candidate(text)))
}

#[test]
fn the_highest_ready_version_that_satisfies_is_chosen() {
    // R4.2, R4.3: specifier, candidates in the order found, the one to choose.
    let table: &[(Option<&str>, &[&str], &str)] = &[
        (None, &["1.0.0"], "1.0.0"),
        (None, &["1.9.0", "1.10.0", "1.2.0"], "1.10.0"),
        (None, &["1.0.0", "2.0.0:blocked", "3.0.0:disabled", "4.0.0:invalid"], "1.0.0"),
        (None, &["1.0.0:shadowed", "1.0.0"], "1.0.0"),
        (None, &["1.0.0+linux", "0.9.0+zzz"], "1.0.0+linux"),
        (Some("<2"), &["1.0.0", "1.5.0", "2.0.0"], "1.5.0"),
        (Some("^1"), &["1.0.0", "1.5.0", "2.0.0"], "1.5.0"),
        (Some("==1.0.0"), &["1.0.0+build", "1.5.0"], "1.0.0+build"),
        (Some("^1"), &["1.0.0", "1.5.0:blocked"], "1.0.0"),
        (Some("!=1.5.0"), &["1.0.0", "1.5.0"], "1.0.0"),
        // A pre-release comes last unless it is named, or nothing stable would do.
        (None, &["1.0.0", "2.0.0-rc.1"], "1.0.0"),
        (None, &["2.0.0-rc.1", "2.0.0-rc.2"], "2.0.0-rc.2"),
        (None, &["1.0.0:blocked", "2.0.0-rc.1"], "2.0.0-rc.1"),
        (Some(">=1"), &["1.0.0", "2.0.0-rc.1"], "1.0.0"),
        (Some(">1"), &["1.0.0", "2.0.0-rc.1"], "2.0.0-rc.1"),
        (Some(">=1, <3"), &["0.9.0", "2.0.0-rc.1", "2.0.0-beta.9"], "2.0.0-rc.1"),
        (Some(">=2.0.0-beta.1"), &["1.0.0", "2.0.0-rc.1", "2.0.0"], "2.0.0"),
        (Some(">=2.0.0-beta.1"), &["2.0.0", "2.1.0-beta.1"], "2.1.0-beta.1"),
        (Some("==2.0.0-rc.1"), &["2.0.0-rc.1", "2.0.0"], "2.0.0-rc.1"),
        (Some("!=2.0.0-rc.1"), &["1.0.0", "2.0.0-rc.2"], "1.0.0"),
        (Some("<2"), &["1.0.0", "2.0.0-rc.1"], "1.0.0"),
    ];
    for (specifier, found, expected) in table {
        let selection = choose(*specifier, found).unwrap();
        assert_eq!(selection.version.to_string(), *expected, "{specifier:?} of {found:?}");
        assert_eq!(candidate(found[selection.index]).version.unwrap().to_string(), *expected);
        assert_eq!(selection.explanation.chosen.as_ref(), Some(&selection.version));
        assert_eq!(selection.explanation.chosen().unwrap().index, selection.index);
    }
}

#[test]
fn among_ready_candidates_of_one_version_the_first_is_chosen() {
    let selection = choose(None, &["1.0.0+a", "1.0.0+b", "1.0.0"]).unwrap();
    assert_eq!((selection.index, selection.version.to_string().as_str()), (0, "1.0.0+a"));
    let verdicts: Vec<_> = selection.explanation.considered.iter().map(|considered| considered.verdict).collect();
    assert_eq!(verdicts, [Verdict::Chosen, Verdict::SameVersion, Verdict::SameVersion]);
}

#[test]
fn a_version_on_standby_serves_only_whoever_asks_for_it() {
    let found =
        || [candidate("1.0.0"), candidate("1.1.0").on_standby(true), candidate("0.9.0:blocked").on_standby(true)];
    let selection = select(&id(), None, found()).unwrap();
    assert_eq!(selection.version, version("1.0.0"));
    let told: Vec<_> = selection.explanation.considered.iter().map(|one| (one.verdict, one.because.as_str())).collect();
    assert_eq!(
        told,
        [
            (Verdict::Standby, "installed, but another version is active: ask for it by its version"),
            (Verdict::Chosen, "the highest version that is ready and active"),
            (Verdict::Blocked, "blocked: ChecksumMismatch: 0.9.0 has a reason"),
        ]
    );
    assert_eq!(select(&id(), Some(&"^1".parse().unwrap()), found()).unwrap().version, version("1.1.0"));
    // An active version that is blocked is not replaced by one on standby.
    let found = [candidate("1.0.0:blocked"), candidate("1.1.0").on_standby(true)];
    let error = select(&id(), None, found).unwrap_err();
    assert_eq!(
        (error.kind(), error.nearest().unwrap().version.clone()),
        (ErrorKind::PluginBlocked, Some(version("1.0.0")))
    );
}

#[test]
fn each_candidate_is_explained() {
    // R4.4, R4.7
    let found =
        ["0.1.0", "1.0.0", "1.1.0", "1.2.0-rc.1", "1.3.0:blocked", "1.1.0:shadowed", "1.4.0:disabled", "2.0.0:blocked"];
    let selection = choose(Some("^1"), &found).unwrap();
    let explained: Vec<_> = selection
        .explanation
        .considered
        .iter()
        .map(|one| (one.version.as_ref().unwrap().to_string(), one.verdict, one.because.as_str()))
        .collect();
    let expected = [
        ("2.0.0", Verdict::NotMatching, "does not satisfy `^1`"),
        ("1.4.0", Verdict::Disabled, "disabled: switched off by the operator"),
        ("1.3.0", Verdict::Blocked, "blocked: ChecksumMismatch: 1.3.0 has a reason"),
        ("1.2.0-rc.1", Verdict::Prerelease, "a pre-release: stable versions go first unless the specifier names one"),
        ("1.1.0", Verdict::Chosen, "the highest version that is ready and satisfies `^1`"),
        ("1.1.0", Verdict::Shadowed, "shadowed: 1.1.0 has a reason"),
        ("1.0.0", Verdict::Lower, "lower than 1.1.0"),
        ("0.1.0", Verdict::NotMatching, "does not satisfy `^1`"),
    ];
    assert_eq!(explained, expected.map(|(version, verdict, because)| (version.to_owned(), verdict, because)));
}

#[test]
fn a_pre_release_that_nobody_asked_for_says_why_it_was_taken() {
    let selection = choose(None, &["2.0.0-rc.1", "1.0.0:disabled"]).unwrap();
    assert_eq!(
        selection.explanation.chosen().unwrap().because,
        "the highest version that is ready; a pre-release, since no stable version would do"
    );
}

#[test]
fn an_explanation_is_data() {
    let explanation = explain(&id(), Some(&"^1".parse().unwrap()), [candidate("1.0.0:blocked"), candidate("2.0.0")]);
    assert_eq!(
        serde_json::to_value(&explanation).unwrap(),
        json!({
            "plugin": "com.acme.greeter", "specifier": "^1", "chosen": null,
            "considered": [
                {"version": "2.0.0", "status": "ready", "verdict": "not-matching",
                 "because": "does not satisfy `^1`", "reason": null},
                {"version": "1.0.0", "status": "blocked", "verdict": "blocked",
                 "because": "blocked: ChecksumMismatch: 1.0.0 has a reason",
                 "reason": {"code": "ChecksumMismatch", "message": "1.0.0 has a reason", "hint": "do something"}},
            ],
        })
    );
}

#[test]
fn what_cannot_be_had_is_told_apart() {
    // R4.4: specifier, candidates, kind, message.
    use ErrorKind::{PluginBlocked, PluginDisabled, PluginInvalid, PluginNotFound, VersionNotFound};
    let table: &[(Option<&str>, &[&str], ErrorKind, &str)] = &[
        (None, &[], PluginNotFound, "plugin `com.acme.greeter` was not found"),
        (Some("^1"), &[], PluginNotFound, "plugin `com.acme.greeter` was not found"),
        (
            Some("^2"),
            &["1.0.0", "1.1.0:blocked"],
            VersionNotFound,
            "no version of plugin `com.acme.greeter` satisfies `^2`; passed over: 1.1.0 (does not satisfy `^2`), 1.0.0 (does not satisfy `^2`)",
        ),
        (
            Some("^1"),
            &["1.1.0:blocked", "2.0.0"],
            PluginBlocked,
            "plugin `com.acme.greeter 1.1.0` is blocked: ChecksumMismatch: 1.1.0 has a reason; passed over: 2.0.0 (does not satisfy `^1`)",
        ),
        (
            None,
            &["1.0.0:disabled"],
            PluginDisabled,
            "plugin `com.acme.greeter 1.0.0` is disabled: switched off by the operator",
        ),
        (
            None,
            &["1.0.0:invalid"],
            PluginInvalid,
            "plugin `com.acme.greeter 1.0.0` is invalid: InvalidId: 1.0.0 has a reason",
        ),
    ];
    for (specifier, found, kind, message) in table {
        let error = choose(*specifier, found).unwrap_err();
        assert_eq!((error.kind(), error.code(), error.to_string().as_str()), (*kind, kind.code(), *message));
        assert!(error.hint().is_some(), "{error}");
    }
}

#[test]
fn the_reason_told_is_that_of_the_version_that_would_have_been_taken() {
    let table: &[(Option<&str>, &[&str], ErrorKind, &str)] = &[
        (None, &["1.0.0:disabled", "2.0.0:blocked"], ErrorKind::PluginBlocked, "2.0.0"),
        (None, &["2.0.0:disabled", "1.0.0:blocked"], ErrorKind::PluginDisabled, "2.0.0"),
        (None, &["1.0.0:disabled", "2.0.0-rc.1:blocked"], ErrorKind::PluginDisabled, "1.0.0"),
        (Some("<2"), &["1.0.0:disabled", "2.0.0:blocked"], ErrorKind::PluginDisabled, "1.0.0"),
        // Of one version, the loser of a conflict says less than its winner.
        (None, &["1.0.0:blocked", "1.0.0:disabled", "1.0.0:shadowed"], ErrorKind::PluginDisabled, "1.0.0"),
    ];
    for (specifier, found, kind, expected) in table {
        let error = choose(*specifier, found).unwrap_err();
        assert_eq!(error.kind(), *kind, "{found:?}");
        assert_eq!(error.nearest().unwrap().version, Some(version(expected)));
        assert_eq!(error.explanation().considered.len(), found.len());
    }
    let blocked = choose(None, &["1.0.0:blocked"]).unwrap_err();
    assert_eq!(blocked.reason().unwrap().code, "ChecksumMismatch");
    assert_eq!(blocked.hint().as_deref(), Some("do something"));
    let disabled = choose(None, &["1.0.0:disabled"]).unwrap_err();
    assert_eq!(disabled.hint().as_deref(), Some("switch it on: `apex enable com.acme.greeter@==1.0.0`"));
}

#[test]
fn a_find_without_a_version_is_invalid_not_absent() {
    let broken = || Candidate::without_version(Reason::new("InvalidVersion", "`one` is not a version"));
    for specifier in [None, Some("^1".parse().unwrap())] {
        let error = select(&id(), specifier.as_ref(), [broken()]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::PluginInvalid);
        assert_eq!(error.to_string(), "plugin `com.acme.greeter` is invalid: InvalidVersion: `one` is not a version");
    }
    let selection = select(&id(), None, [broken(), candidate("1.0.0")]).unwrap();
    assert_eq!((selection.index, selection.explanation.considered[1].verdict), (1, Verdict::Invalid));
    let error = select(&id(), Some(&"^2".parse().unwrap()), [broken(), candidate("1.0.0")]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::VersionNotFound);
    assert!(error.to_string().contains("one without a version (invalid: InvalidVersion"), "{error}");
}

#[test]
fn an_error_about_a_thousand_versions_stays_readable() {
    let found = (0..1000).map(|minor| candidate(&format!("1.{minor}.0")));
    let error = select(&id(), Some(&"^2".parse().unwrap()), found).unwrap_err();
    assert!(error.to_string().ends_with(" and 980 more"), "{error}");
    assert_eq!(error.explanation().considered.len(), 1000);
}

fn any_candidate() -> impl Strategy<Value = Candidate> {
    let parts = (0..3u64, 0..3u64, prop::option::of(0..2u64), prop::option::of(0..2u64));
    let status = prop_oneof![
        4 => Just(Status::Ready), 1 => Just(Status::Blocked), 1 => Just(Status::Disabled),
        1 => Just(Status::Invalid), 1 => Just(Status::Shadowed),
    ];
    (parts, status).prop_map(|((major, minor, pre, build), status)| {
        let pre = pre.map(|pre| format!("-rc.{pre}")).unwrap_or_default();
        let build = build.map(|build| format!("+b{build}")).unwrap_or_default();
        Candidate::new(version(&format!("{major}.{minor}.0{pre}{build}")), status)
    })
}

fn any_specifier() -> impl Strategy<Value = Option<VersionSpecifier>> {
    let operator = prop::sample::select(vec!["==", "!=", ">=", "<=", ">", "<", "^", "~", "~="]);
    let clause = (operator, 0..3u64, 0..3u64, prop::option::of(0..2u64)).prop_map(|(operator, major, minor, pre)| {
        let pre = pre.map(|pre| format!("-rc.{pre}")).unwrap_or_default();
        format!("{operator}{major}.{minor}.0{pre}")
    });
    prop::option::of(prop::collection::vec(clause, 1..3).prop_map(|clauses| clauses.join(", ").parse().unwrap()))
}

/// R4.2 and R4.3 word by word, without a thought of speed.
fn naive(specifier: Option<&VersionSpecifier>, candidates: &[Candidate]) -> Option<PluginVersion> {
    let mut versions: Vec<PluginVersion> = candidates
        .iter()
        .filter(|candidate| candidate.status == Status::Ready)
        .filter_map(|candidate| candidate.version.clone())
        .filter(|version| specifier.is_none_or(|specifier| specifier.matches(version.as_semver())))
        .collect();
    versions.sort();
    let stable = versions.iter().rfind(|version| !version.is_prerelease()).cloned();
    let highest = versions.last().cloned();
    if specifier.is_some_and(VersionSpecifier::allows_prereleases) { highest } else { stable.or(highest) }
}

proptest! {
    #[test]
    fn selection_agrees_with_the_naive_model(
        specifier in any_specifier(), candidates in prop::collection::vec(any_candidate(), 0..12),
    ) {
        let expected = naive(specifier.as_ref(), &candidates);
        let chosen = select(&id(), specifier.as_ref(), candidates.clone());
        prop_assert_eq!(chosen.as_ref().ok().map(|selection| selection.version.clone()), expected);
        if let Ok(selection) = &chosen {
            let candidate = &candidates[selection.index];
            prop_assert_eq!(candidate.status, Status::Ready);
            prop_assert_eq!(candidate.version.as_ref(), Some(&selection.version));
        }
    }

    #[test]
    fn every_candidate_is_explained_once_and_at_most_one_is_chosen(
        specifier in any_specifier(), candidates in prop::collection::vec(any_candidate(), 0..12),
    ) {
        let explanation = explain(&id(), specifier.as_ref(), candidates.clone());
        let mut indices: Vec<_> = explanation.considered.iter().map(|considered| considered.index).collect();
        indices.sort_unstable();
        prop_assert_eq!(indices, (0..candidates.len()).collect::<Vec<_>>());
        let chosen = explanation.considered.iter().filter(|considered| considered.verdict == Verdict::Chosen).count();
        prop_assert_eq!(chosen, usize::from(explanation.chosen.is_some()));
        prop_assert!(explanation.considered.is_sorted_by(|a, b| a.version >= b.version));
    }

    #[test]
    fn the_order_of_finds_does_not_matter_to_the_version(
        specifier in any_specifier(), mut candidates in prop::collection::vec(any_candidate(), 0..8),
    ) {
        let version = |candidates: &[Candidate]| explain(&id(), specifier.as_ref(), candidates.to_vec()).chosen;
        let forward = version(&candidates);
        candidates.reverse();
        prop_assert_eq!(forward, version(&candidates));
    }
}
