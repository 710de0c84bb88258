//! Other people's implementations as oracles: `semver`, which is Cargo's, and `pep440_rs`, which uv's grew from.
//!
//! Both judge clauses here as [`VersionSpecifier::matches`] does, and none of the three selects. `pep440_rs` is asked by
//! `VersionSpecifiers::contains`, which leaves pre-releases to its caller as `matches` does; `VersionReq::matches` bars
//! every pre-release that no clause names, and that part of it is written out beside our verdict.

use proptest::prelude::*;
use semver::{Version, VersionReq};

use super::{VersionSpecifier, any_prerelease, any_version, specifier, version};

prop_compose! {
    fn cargo_clause()(
        operator in prop::sample::select(vec!["", "^", "~", "=", "^ ", "~ ", "= "]),
        numbers in prop::collection::vec(0..4_u64, 1..4),
        wildcard in prop::sample::select(vec!["", ".*", ".x", ".X", ".*.*"]),
        suffix in (any_prerelease(), "(\\+b)?"),
    ) -> String {
        let text = dotted(&numbers);
        match numbers.len() {
            3 => format!("{operator}{text}{}{}", suffix.0, suffix.1),
            2 if wildcard == ".*.*" => format!("{operator}{text}.*"),
            _ => format!("{operator}{text}{wildcard}"),
        }
    }
}

fn dotted(numbers: &[u64]) -> String {
    numbers.iter().map(u64::to_string).collect::<Vec<_>>().join(".")
}

fn cargo(text: &str) -> VersionReq {
    VersionReq::parse(text).unwrap()
}

/// What `VersionReq` adds to its clauses: a pre-release must be one of a version that a clause names a pre-release of.
fn cargo_would_consider(requirement: &VersionReq, version: &Version) -> bool {
    let numbers = (version.major, Some(version.minor), Some(version.patch));
    let names =
        |clause: &semver::Comparator| !clause.pre.is_empty() && (clause.major, clause.minor, clause.patch) == numbers;
    version.pre.is_empty() || requirement.comparators.iter().any(names)
}

/// The requirement as the bounds that Cargo's reference gives for it, in PEP 440's operators.
fn bounds(operator: &str, numbers: &[u64], pre: &str) -> String {
    let next = |count: usize| {
        let mut upper = numbers[..count].to_vec();
        upper[count - 1] += 1;
        dotted(&upper)
    };
    let leading_zeros = numbers.iter().take_while(|&&number| number == 0).count();
    let upper = match operator {
        "^" | "" => next((leading_zeros + 1).min(numbers.len())),
        "~" => next(numbers.len().min(2)),
        _ if numbers.len() == 3 => return format!("=={}{pre}", dotted(numbers)),
        _ => next(numbers.len()),
    };
    format!(">={}{pre}, <{upper}", dotted(numbers))
}

proptest! {
    #[test]
    fn cargos_clauses_mean_to_cargo_what_they_mean_here(
        clauses in prop::collection::vec(cargo_clause(), 1..4), version in any_version(),
    ) {
        let text = clauses.join(",");
        let version = Version { pre: semver::Prerelease::EMPTY, ..version };
        prop_assert_eq!(specifier(&text).matches(&version), cargo(&text).matches(&version), "{} on {}", text, version);
    }

    /// With all three numbers written; `^1, ^1.0.0-rc.1` lets Cargo take 1.0.0-rc.1, which its reference has no place for.
    #[test]
    fn cargos_full_clauses_mean_the_same_to_cargo_on_prereleases(
        clauses in prop::collection::vec(
            (prop::sample::select(vec!["", "^", "~", "="]), any_version()).prop_map(|(operator, named)| format!("{operator}{named}")),
            1..4,
        ),
        version in any_version(),
        other in any_prerelease(),
        of_the_first in any::<bool>(),
    ) {
        let requirement = cargo(&clauses.join(","));
        let named = &requirement.comparators[0];
        let version = if of_the_first {
            super::version(&format!("{}.{}.{}{other}", named.major, named.minor.unwrap(), named.patch.unwrap()))
        } else {
            version
        };
        let ours = specifier(&clauses.join(",")).matches(&version) && cargo_would_consider(&requirement, &version);
        prop_assert_eq!(ours, requirement.matches(&version), "{:?} on {}", clauses, version);
    }

    /// Whatever is written down as a pair of bounds in Cargo's reference means just these, to pre-releases too.
    #[test]
    fn cargos_clauses_are_the_bounds_of_cargos_reference(
        operator in prop::sample::select(vec!["", "^", "~", "=", "*"]),
        numbers in prop::collection::vec(0..4_u64, 1..4),
        pre in any_prerelease(),
        version in any_version(),
    ) {
        let numbers = if operator == "*" { &numbers[..numbers.len().min(2)] } else { &numbers };
        let pre = if numbers.len() == 3 { pre.as_str() } else { "" };
        let text = if operator == "*" { format!("{}.*", dotted(numbers)) } else { format!("{operator}{}{pre}", dotted(numbers)) };
        let meant = bounds(operator, numbers, pre);
        prop_assert_eq!(specifier(&text).matches(&version), specifier(&meant).matches(&version), "{}, {} on {}", text, meant, version);
    }

    /// The same texts are requirements to both, but for those in which PEP 440's operators stand.
    #[test]
    fn cargos_clauses_are_read_where_cargo_reads_them(
        clauses in prop::collection::vec("[\\^~=]? ?([0-3*xX]|01)?(\\.([0-3*xX]|00)){0,3}(-([0-9]{1,2}|rc|-)(\\.[a0]?)?)?(\\+0?b?)? ?", 1..3),
    ) {
        let text = clauses.join(",");
        prop_assume!(!text.trim().is_empty());
        let ours = text.parse::<VersionSpecifier>();
        let cargo = VersionReq::parse(&text);
        prop_assert_eq!(ours.is_ok(), cargo.is_ok(), "{:?}: {:?}, {:?}", text, ours, cargo);
    }
}

/// A version that SemVer and PEP 440 both know: three numbers, and perhaps the number of an alpha, beta or candidate.
///
/// SemVer orders these three words as PEP 440 does. Not `dev` (first in PEP 440), not `a`, `b`, `c` (other spellings of
/// one thing there, other words here), not `-rc` without a number (`rc0` there), and not `-1`, a post-release there.
#[derive(Debug, Clone)]
struct Shared {
    numbers: Vec<u64>,
    pre: Option<(&'static str, u64)>,
}

impl Shared {
    fn semver(&self) -> String {
        let pre = self.pre.map_or_else(String::new, |(word, number)| format!("-{word}.{number}"));
        format!("{}{pre}", dotted(&self.numbers))
    }

    fn pep440(&self) -> String {
        let short = |word| match word {
            "alpha" => "a",
            "beta" => "b",
            _ => "rc",
        };
        let pre = self.pre.map_or_else(String::new, |(word, number)| format!("{}{number}", short(word)));
        format!("{}{pre}", dotted(&self.numbers))
    }
}

prop_compose! {
    fn shared(least: usize)(
        numbers in prop::collection::vec(prop_oneof![4 => 0..3_u64, 1 => 9..12_u64], least..4),
        pre in prop::option::of((prop::sample::select(vec!["alpha", "beta", "rc"]), prop_oneof![0..3_u64, 9..12_u64])),
    ) -> Shared {
        Shared { numbers, pre }
    }
}

#[derive(Debug, Clone)]
struct SharedClause {
    operator: &'static str,
    operand: Shared,
    wildcard: bool,
}

impl SharedClause {
    fn text(&self, notation: impl Fn(&Shared) -> String) -> String {
        format!("{}{}{}", self.operator, notation(&self.operand), if self.wildcard { ".*" } else { "" })
    }

    /// `<V` with a pre-release as V must allow earlier pre-releases of the same version (PEP 440, "Exclusive ordered
    /// comparison"); `pep440_rs` 0.7 bars them all, and is no oracle for these. The table has them.
    fn asks_what_the_oracle_gets_wrong(&self, version: &Shared) -> bool {
        let padded = |numbers: &[u64]| [0, 1, 2].map(|index| numbers.get(index).copied().unwrap_or(0));
        self.operator == "<"
            && self.operand.pre.is_some()
            && version.pre.is_some()
            && padded(&self.operand.numbers) == padded(&version.numbers)
    }
}

fn shared_clause() -> impl Strategy<Value = SharedClause> {
    let operators = vec!["==", "!=", ">=", "<=", ">", "<", "~=", "==="];
    (prop::sample::select(operators), shared(1), any::<bool>()).prop_map(|(operator, mut operand, wildcard)| {
        let wildcard = wildcard && matches!(operator, "==" | "!=");
        if operator == "~=" && operand.numbers.len() == 1 {
            operand.numbers.push(1);
        }
        if wildcard {
            operand.pre = None;
        }
        SharedClause { operator, operand, wildcard }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4 * ProptestConfig::default().cases))]

    #[test]
    fn pep_440s_clauses_mean_to_pep440_rs_what_they_mean_here(
        clauses in prop::collection::vec(shared_clause(), 0..4),
        version in shared(3),
        near in any::<prop::sample::Index>(),
        build in "(\\+b)?",
    ) {
        // Half the time a version that one clause names, give or take its pre-release: there the boundaries are.
        let mut version = version;
        if let Some(clause) = clauses.get(near.index(8)) {
            version.numbers = [0, 1, 2].map(|index| clause.operand.numbers.get(index).copied().unwrap_or(0)).to_vec();
        }
        prop_assume!(!clauses.iter().any(|clause| clause.asks_what_the_oracle_gets_wrong(&version)));
        let list = |notation: fn(&Shared) -> String| {
            clauses.iter().map(|clause| clause.text(notation)).collect::<Vec<_>>().join(", ")
        };
        let (here, there) = (list(Shared::semver), list(Shared::pep440));
        let expected: pep440_rs::VersionSpecifiers = there.parse().unwrap();
        let there_version: pep440_rs::Version = format!("{}{build}", version.pep440()).parse().unwrap();
        let here_version = super::version(&format!("{}{build}", version.semver()));
        prop_assert_eq!(
            specifier(&here).matches(&here_version), expected.contains(&there_version),
            "{} on {}; {} on {}", here, here_version, there, there_version
        );
    }

    /// What both standards spell alike needs no translation: `1.0.0-rc.1` is a spelling of `1.0.0rc1` in PEP 440.
    #[test]
    fn the_two_notations_are_one_version_to_pep440_rs(one in shared(3), other in shared(3)) {
        let there = |text: String| text.parse::<pep440_rs::Version>().unwrap();
        prop_assert_eq!(there(one.semver()), there(one.pep440()));
        let here = version(&one.semver()).cmp_precedence(&version(&other.semver()));
        prop_assert_eq!(here, there(one.semver()).cmp(&there(other.semver())));
    }

    /// And what is no clause of PEP 440 is none here. Only `==1.2a1.*` is left out: here a wildcard stands for numbers.
    #[test]
    fn pep_440s_clauses_are_read_where_pep440_rs_reads_them(
        clauses in prop::collection::vec("(==|!=|>=|<=|>|<|~=) ?[0-3](\\.[0-3]){0,2}(-rc\\.[0-3]|\\.\\*)? ?", 1..3),
    ) {
        let text = clauses.join(",");
        let ours = text.parse::<VersionSpecifier>();
        let theirs = text.parse::<pep440_rs::VersionSpecifiers>();
        prop_assert_eq!(ours.is_ok(), theirs.is_ok(), "{:?}: {:?}, {:?}", text, ours, theirs);
    }
}
