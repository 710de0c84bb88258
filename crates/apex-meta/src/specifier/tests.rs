//! What specifiers mean: tables, an independent evaluator, and the implementations of Cargo and of uv.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use proptest::prelude::*;
use semver::Version;

use super::VersionSpecifier;

mod naive;
mod oracles;
mod table;

fn specifier(text: &str) -> VersionSpecifier {
    text.parse().unwrap_or_else(|error| panic!("{error}"))
}

fn version(text: &str) -> Version {
    text.parse().unwrap()
}

#[test]
fn an_error_points_at_the_character_and_says_what_would_be_right() {
    for (text, offset, expected) in [
        (">=", 2, "a version"),
        ("abc", 0, "an operator or a version"),
        ("v1.2", 0, "an operator or a version"),
        (">=1.x", 4, "a number"),
        (">=1.2.*", 6, "a number"),
        ("==1.x", 4, "a number or `*`"),
        ("==1.2.3.4", 8, "`*`, since a version has three numbers"),
        ("1.2.3.4", 5, "no fourth number"),
        ("1.2.3.*", 5, "no fourth number"),
        ("==1.*.*", 5, "a comma or the end"),
        ("~=1", 3, "`.` and a second number, which `~=` needs"),
        ("~=1.2.*", 6, "a number"),
        (">=1.2,", 6, "an operator or a version"),
        (",>=1.2", 0, "an operator or a version"),
        (">=1.2,,<2", 6, "an operator or a version"),
        (">=1.2 <2", 6, "a comma or the end"),
        (">=01.2", 2, "a number without leading zeros"),
        ("==1.2.3-", 8, "letters, digits or `-`"),
        ("==1.2.3-a..b", 10, "letters, digits or `-`"),
        ("==1.2.3-01", 8, "a number without leading zeros"),
        ("==1.2.3+", 8, "letters, digits or `-`"),
        ("==1.2.3+ü", 8, "letters, digits or `-`"),
        ("1.2-rc.1", 3, "a comma or the end"),
        (">=2.0.0b3", 7, "a comma or the end"),
        ("=>1.2", 1, "a version"),
        ("^1 || ^2", 3, "a comma or the end"),
        (">=1000000000", 2, "a number of at most 999999999"),
        ("==1.99999999999999999999.0", 4, "a number of at most 999999999"),
        ("===", 3, "a version"),
        ("===1.0 0", 7, "a comma or the end"),
        ("*, >=1", 0, "an operator or a version"),
        ("≥1.2", 0, "an operator or a version"),
        ("\u{a0}1.2", 0, "an operator or a version"),
        ("x, >=1", 0, "an operator or a version"),
        ("=*", 1, "a version"),
        ("===1.2.*", 7, "a comma or the end"),
        ("1.2.3 - 2.0.0", 6, "a comma or the end"),
        ("==1.2.3-rc.1.*", 13, "letters, digits or `-`"),
        (">1.2, ~=2, <3", 9, "`.` and a second number, which `~=` needs"),
        (">=1!2.0", 3, "a comma or the end"),
        ("==1.0.0.post1", 8, "`*`, since a version has three numbers"),
    ] {
        let error = text.parse::<VersionSpecifier>().expect_err(text);
        assert_eq!((error.offset(), error.expected()), (offset, expected), "{text}");
        assert_eq!(error.text(), text);
        assert_eq!(error.code(), "InvalidSpecifier");
    }
}

#[test]
fn an_error_reads_as_a_sentence_with_a_hint() {
    let error = ">=2.0.0b3".parse::<VersionSpecifier>().unwrap_err();
    let sentence = "`>=2.0.0b3` is not a version specifier: expected a comma or the end at character 8, found 'b'";
    assert_eq!(error.to_string(), sentence);
    assert_eq!(error.hint().unwrap(), "pre-releases are written as in SemVer, such as `1.2.0-rc.1`");
    let error = ">=1.2,".parse::<VersionSpecifier>().unwrap_err();
    assert!(error.to_string().ends_with("at character 7, found the end"), "{error}");
    assert_eq!(error.hint(), None);
    for (text, hint) in
        [("=>1.2", "with the `=` last"), (">=1 <2", "commas"), ("v1", "without `v`"), ("1||2", "all clauses")]
    {
        assert!(text.parse::<VersionSpecifier>().unwrap_err().hint().unwrap().contains(hint), "{text}");
    }
}

#[test]
fn a_specifier_is_at_most_1024_bytes_long() {
    let long = vec!["1.2.3"; 171].join(",");
    assert_eq!(long.len(), 1025);
    assert_eq!(long.parse::<VersionSpecifier>().unwrap_err().offset(), 1024);
    assert!(long[..1023].parse::<VersionSpecifier>().is_ok());
}

/// R4.3
#[test]
fn naming_a_prerelease_asks_for_prereleases() {
    for text in
        ["==1.2.3-rc.1", ">=1.0-a", "<2.0.0-0", "~=1.2.0-x", "===1.0.0-x", "^1.0.0-x", "1.0.0-x", ">1,<2.0.0-rc.1"]
    {
        assert!(specifier(text).allows_prereleases(), "{text}");
    }
    for text in ["", "*", "1.2.3", ">=1.0,<2", "!=1.2.3-rc.1", "==1.2.*", "===1.0.0", "===x-y", "1.0.0+a-b"] {
        assert!(!specifier(text).allows_prereleases(), "{text}");
    }
}

#[test]
fn it_is_printed_and_serialized_as_it_was_written() {
    for text in ["", " ", "*", ">=1.2 , <2.0.0", "==1.2.*", "~=2.2", "^1"] {
        assert_eq!(specifier(text).to_string(), text);
        let json = serde_json::to_value(specifier(text)).unwrap();
        assert_eq!(json, serde_json::Value::from(text));
        assert_eq!(serde_json::from_value::<VersionSpecifier>(json).unwrap(), specifier(text));
    }
    assert_eq!(VersionSpecifier::any(), specifier("*"));
}

fn any_prerelease() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => Just(String::new()),
        2 => prop::collection::vec(prop_oneof![Just("0"), Just("1"), Just("10"), Just("a"), Just("rc"), Just("-")], 1..3)
            .prop_map(|identifiers| format!("-{}", identifiers.join("."))),
    ]
}

prop_compose! {
    /// Few numbers, so that versions and clauses often meet.
    fn any_version()(numbers in [0..4_u64, 0..4, 0..4], pre in any_prerelease(), build in "(\\+b)?") -> Version {
        let [major, minor, patch] = numbers;
        version(&format!("{major}.{minor}.{patch}{pre}{build}"))
    }
}

proptest! {
    #[test]
    fn it_agrees_with_an_independent_evaluator(clauses in prop::collection::vec(naive::clause(), 0..4), version in any_version()) {
        let text = clauses.iter().map(naive::Clause::text).collect::<Vec<_>>().join(", ");
        let expected = clauses.iter().all(|clause| clause.holds(&version));
        prop_assert_eq!(specifier(&text).matches(&version), expected, "{} on {}", text, version);
    }

    #[test]
    fn whatever_parses_prints_and_parses_again(text in "[ ~^=<>!]{0,3}[0-9.x*]{0,7}(-[a-z0-9.]{0,3})?(, ?[~^=<>!]{0,2}[0-9.*]{0,5})?") {
        if let Ok(parsed) = text.parse::<VersionSpecifier>() {
            prop_assert_eq!(parsed.to_string(), text.clone());
            prop_assert_eq!(parsed.to_string().parse::<VersionSpecifier>().unwrap(), parsed);
        }
    }

    #[test]
    fn no_text_makes_it_panic(text in "\\PC{0,40}") {
        match text.parse::<VersionSpecifier>() {
            Ok(parsed) => _ = parsed.matches(&version("1.2.3")),
            Err(error) => {
                prop_assert!(text.is_char_boundary(error.offset()));
                let _ = (error.to_string(), error.hint());
            }
        }
    }
}
