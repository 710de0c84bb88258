//! The tables and the example of the versioning guide, run as they stand there.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

use apex_meta::{ErrorKind, PluginVersion, Reason, Status, VersionSpecifier};
use apex_resolve::{Candidate, explain, select};

const GUIDE: &str = include_str!("../../../docs/versioning_guide.md");

/// The rows of the table with this head, each a list of cells.
fn table(head: &str) -> Vec<Vec<&'static str>> {
    let after = GUIDE.split_once(head).unwrap_or_else(|| panic!("the guide has no table `{head}`")).1;
    let rows = after.lines().skip(2).take_while(|line| line.starts_with('|'));
    rows.map(|row| row.trim_matches('|').split('|').map(str::trim).collect()).collect()
}

/// What stands between back-ticks.
fn quoted(cell: &'static str) -> Vec<&'static str> {
    cell.split('`').skip(1).step_by(2).collect()
}

fn specifier(cell: &'static str) -> Option<VersionSpecifier> {
    quoted(cell).first().map(|text| text.parse().unwrap())
}

fn version(text: &str) -> PluginVersion {
    text.parse().unwrap()
}

#[test]
fn specifiers_match_as_the_guide_says() {
    let rows = table("| specifier | holds for | not for |");
    assert!(rows.len() > 10);
    for row in rows {
        let specifier = specifier(row[0]).unwrap();
        for (cell, expected) in [(row[1], true), (row[2], false)] {
            for text in quoted(cell) {
                assert_eq!(specifier.matches(version(text).as_semver()), expected, "{specifier} and {text}");
            }
        }
    }
    let early: VersionSpecifier = "<2.0.0-rc.2".parse().unwrap();
    assert!(early.matches(version("2.0.0-rc.1").as_semver()) && early.allows_prereleases());
    assert!(!"!=2.0.0-rc.1".parse::<VersionSpecifier>().unwrap().allows_prereleases());
}

#[test]
fn an_error_reads_as_in_the_guide() {
    let sentence = GUIDE.split_once("```text\n").unwrap().1.split_once("\n```").unwrap().0;
    let text = sentence.split('`').nth(1).unwrap();
    assert_eq!(text.parse::<VersionSpecifier>().unwrap_err().to_string(), sentence);
    for refused in ["1.2.3.4", "01.2", "1000000000", "v1", "2.0b3", "^1 || ^2", "1!2.0", ">=1.*", "~=2", ">=1,,<2"] {
        assert!(refused.parse::<VersionSpecifier>().is_err(), "{refused}");
    }
}

/// What the guide says of a specifier that asks for nothing.
#[test]
fn an_empty_specifier_selects_as_none_does() {
    let found = ["1.0.0", "2.0.0-rc.1"].map(|text| Candidate::new(version(text), Status::Ready));
    let chosen = |specifier: Option<&str>| {
        let specifier = specifier.map(|text| text.parse().unwrap());
        select(&"com.acme.greeter".parse().unwrap(), specifier.as_ref(), found.clone()).unwrap().version
    };
    for text in ["", " ", "*"] {
        assert_eq!(chosen(Some(text)), chosen(None));
    }
}

#[test]
fn every_clause_of_the_guide_is_a_specifier() {
    let rows = table("| clause | holds for |");
    assert!(rows.len() > 8);
    for text in rows.iter().flat_map(|row| quoted(row[0])) {
        text.parse::<VersionSpecifier>().unwrap_or_else(|error| panic!("{error}"));
    }
}

#[test]
fn versions_are_chosen_as_the_guide_says() {
    let rows = table("| specifier | versions that are ready | chosen |");
    assert!(rows.len() > 6);
    for row in rows {
        let ready = quoted(row[1]).into_iter().map(|text| Candidate::new(version(text), Status::Ready));
        let chosen = select(&"com.acme.greeter".parse().unwrap(), specifier(row[0]).as_ref(), ready);
        let chosen = chosen.ok().map(|selection| selection.version.to_string());
        assert_eq!(chosen.as_deref(), quoted(row[2]).first().copied(), "{row:?}");
    }
}

#[test]
fn the_guide_names_the_codes_there_are() {
    let rows = table("| code | when | exit code of `apex run` |");
    assert_eq!(rows.len(), 5);
    for row in rows {
        quoted(row[0])[0].parse::<ErrorKind>().unwrap();
    }
}

#[test]
fn an_explanation_looks_as_in_the_guide() {
    let example = GUIDE.split_once("```json\n").unwrap().1.split_once("```").unwrap().0;
    let candidates = [
        Candidate::new(version("1.4.0"), Status::Ready),
        Candidate::new(version("2.0.0"), Status::Ready),
        Candidate::new(version("1.5.0"), Status::Blocked)
            .with_reason(Reason::new("ChecksumMismatch", "a file was changed")),
    ];
    let specifier = ">=1.2, <2".parse().unwrap();
    let explanation = explain(&"com.acme.greeter".parse().unwrap(), Some(&specifier), candidates);
    let expected: serde_json::Value = serde_json::from_str(example).unwrap();
    assert_eq!(serde_json::to_value(explanation).unwrap(), expected);
}
