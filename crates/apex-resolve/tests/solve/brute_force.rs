//! R4.5 against brute force on small worlds: the same verdicts, and nothing better than what was chosen.

use std::{cmp::Reverse, collections::BTreeMap};

use apex_meta::{PluginId, PluginVersion, Reason, Status};
use apex_resolve::{Preference, Release, Releases, Request, Solution, Unsolvable, solve};
use proptest::prelude::*;

use crate::worlds::{dependency, id, release, request};

const PLUGINS: [&str; 4] = ["a", "b", "c", "d"];
const VERSIONS: [&str; 4] = ["1.0.0", "1.1.0", "2.0.0-rc.1", "2.0.0"];
const SPECIFIERS: [&str; 8] = ["", " ^1", " ^2", " >=1.1", " ==1.0.0", " <2", " >=2.0.0-rc.1", " !=1.1.0"];

/// What a world has of each plugin, as indices into its releases.
type Assignment = BTreeMap<PluginId, usize>;

fn specifier() -> impl Strategy<Value = &'static str> {
    prop::sample::select(&SPECIFIERS[..])
}

fn a_dependency() -> impl Strategy<Value = String> {
    let name = prop::sample::select(vec!["a", "b", "c", "d", "absent"]);
    (name, prop::bool::weighted(0.25), specifier())
        .prop_map(|(name, optional, specifier)| format!("{name}{}{specifier}", if optional { "?" } else { "" }))
}

fn a_release() -> impl Strategy<Value = (PluginId, Release)> {
    let preference = prop_oneof![
        8 => Just(Preference::Ordinary),
        1 => Just(Preference::Active),
        1 => Just(Preference::Pinned),
        1 => Just(Preference::Locked),
    ];
    let dependencies = prop::collection::vec(a_dependency(), 0..3);
    let flags = (prop::bool::weighted(0.9), prop::bool::weighted(0.3), prop::bool::weighted(0.1));
    (prop::sample::select(&PLUGINS[..]), prop::sample::select(&VERSIONS[..]), dependencies, preference, flags).prop_map(
        |(name, version, dependencies, preference, (ready, signed, pinned))| {
            let dependencies = dependencies.iter().map(|text| dependency(text)).collect();
            let publisher = signed.then(|| "acme".to_owned());
            let release = Release { dependencies, preference, publisher, pinned, ..release(version, &[]) };
            let blocked = || Reason::new("ChecksumMismatch", "a file was changed");
            (id(name), if ready { release } else { release.excluded(Status::Blocked, blocked()) })
        },
    )
}

fn a_request() -> impl Strategy<Value = Request> {
    (prop::sample::select(&PLUGINS[..]), specifier())
        .prop_map(|(name, specifier)| request(&format!("{name}{specifier}")))
}

/// The releases of a plugin that count: of each version the first that is ready.
fn eligible(releases: &Releases, plugin: &PluginId) -> Vec<usize> {
    let all = releases.of(plugin);
    let is_ready = |release: &Release| release.status == Status::Ready;
    (0..all.len())
        .filter(|&index| {
            let earlier = all[..index].iter().any(|other| is_ready(other) && other.version == all[index].version);
            is_ready(&all[index]) && !earlier
        })
        .collect()
}

fn every_assignment(releases: &Releases) -> Vec<Assignment> {
    let mut all = vec![Assignment::new()];
    for (plugin, _) in releases.iter() {
        let choices = eligible(releases, plugin);
        let with = |assignment: &Assignment, index| {
            let mut assignment = assignment.clone();
            assignment.insert(plugin.clone(), index);
            assignment
        };
        all = all
            .iter()
            .flat_map(|assignment| {
                choices.iter().map(|&index| with(assignment, index)).chain([assignment.clone()]).collect::<Vec<_>>()
            })
            .collect();
    }
    all
}

fn is_valid(releases: &Releases, requests: &[Request], assignment: &Assignment) -> bool {
    let chosen = |plugin: &PluginId| assignment.get(plugin).map(|&index| &releases.of(plugin)[index]);
    let requests_hold = requests.iter().all(|request| {
        chosen(&request.plugin)
            .is_some_and(|release| request.specifier.as_ref().is_none_or(|s| s.matches(release.version.as_semver())))
    });
    requests_hold
        && assignment.iter().all(|(plugin, &index)| {
            let by = &releases.of(plugin)[index];
            by.dependencies.iter().all(|dependency| match chosen(&dependency.id) {
                None => dependency.optional,
                Some(release) => {
                    let is_itself = dependency.id == *plugin;
                    dependency.version_specifier.as_ref().is_none_or(|s| s.matches(release.version.as_semver()))
                        && (is_itself || by.publisher.is_none() || release.publisher.is_some() || release.pinned)
                }
            })
        })
}

/// The smaller the better.
fn rank(requests: &[Request], plugin: &PluginId, release: &Release) -> (Preference, bool, Reverse<PluginVersion>) {
    let asks = |request: &Request| {
        request.plugin == *plugin && request.specifier.as_ref().is_some_and(|s| s.allows_prereleases())
    };
    let is_last_resort = release.version.is_prerelease() && !requests.iter().any(asks);
    (release.preference, is_last_resort, Reverse(release.version.clone()))
}

fn check_solution(
    releases: &Releases,
    requests: &[Request],
    solution: &Solution,
    valid: &[Assignment],
) -> Result<(), TestCaseError> {
    let assignment: Assignment = solution.chosen.iter().map(|chosen| (chosen.plugin.clone(), chosen.index)).collect();
    prop_assert!(valid.contains(&assignment), "{:?} is not valid", assignment);
    let mut decided: Vec<_> = solution.chosen.iter().collect();
    decided.sort_by_key(|chosen| chosen.rank);
    for (place, chosen) in decided.iter().enumerate() {
        let agrees = |other: &&Assignment| {
            decided[..place].iter().all(|earlier| other.get(&earlier.plugin) == Some(&earlier.index))
        };
        let own = rank(requests, &chosen.plugin, &releases.of(&chosen.plugin)[chosen.index]);
        for other in valid.iter().filter(agrees).filter_map(|other| other.get(&chosen.plugin)) {
            let better = rank(requests, &chosen.plugin, &releases.of(&chosen.plugin)[*other]);
            prop_assert!(better >= own, "{} could have been {:?}", chosen.plugin, better);
        }
    }
    let mut asked: Vec<_> = Vec::new();
    for request in requests {
        if !asked.contains(&&request.plugin) {
            asked.push(&request.plugin);
        }
    }
    prop_assert_eq!(decided.iter().map(|chosen| &chosen.plugin).take(asked.len()).collect::<Vec<_>>(), asked);
    for left in &solution.left_out {
        let could_have = valid.iter().any(|other| {
            other.contains_key(&left.plugin)
                && assignment.iter().all(|(plugin, index)| other.get(plugin) == Some(index))
        });
        prop_assert!(!could_have, "{} was left out for nothing", left.plugin);
    }
    check_order(releases, solution)
}

/// Whoever depends on something is chosen because of a want, and loads after it, unless they stand in a circle.
fn check_order(releases: &Releases, solution: &Solution) -> Result<(), TestCaseError> {
    for (place, chosen) in solution.chosen.iter().enumerate() {
        prop_assert!(!chosen.wanted_by.is_empty(), "nobody wants {}", chosen.plugin);
        for dependency in &releases.of(&chosen.plugin)[chosen.index].dependencies {
            let later = solution.chosen[place + 1..].iter().any(|later| later.plugin == dependency.id);
            let circle =
                solution.cycles.iter().any(|cycle| cycle.contains(&chosen.plugin) && cycle.contains(&dependency.id));
            prop_assert!(!later || circle, "{} loads before {}", chosen.plugin, dependency.id);
        }
    }
    Ok(())
}

/// The world with nothing but what a conflict names.
fn without_others(releases: &Releases, named: &[PluginId]) -> Releases {
    let mut less = Releases::new();
    for (plugin, given) in releases.iter().filter(|(plugin, _)| named.contains(plugin)) {
        for release in given {
            let mut release = release.clone();
            release.dependencies.retain(|dependency| named.contains(&dependency.id));
            less.add(plugin.clone(), release);
        }
    }
    less
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn verdicts_are_those_of_brute_force_and_choices_the_best(
        given in prop::collection::vec(a_release(), 1..10),
        requests in prop::collection::vec(a_request(), 1..4),
    ) {
        let releases: Releases = given.into_iter().collect();
        let valid: Vec<_> = every_assignment(&releases)
            .into_iter()
            .filter(|assignment| is_valid(&releases, &requests, assignment))
            .collect();
        match solve(&releases, &requests) {
            Ok(solution) => check_solution(&releases, &requests, &solution, &valid)?,
            Err(Unsolvable::Request(error)) => prop_assert!(valid.is_empty(), "{error}"),
            Err(Unsolvable::Conflict(conflict)) => {
                prop_assert!(valid.is_empty(), "{conflict}");
                // What it names is all that it takes: with every other plugin out of the way, it is a conflict still.
                let less = without_others(&releases, &conflict.plugins);
                let asked: Vec<_> =
                    requests.iter().filter(|request| conflict.plugins.contains(&request.plugin)).cloned().collect();
                let solved = every_assignment(&less).iter().any(|assignment| is_valid(&less, &asked, assignment));
                prop_assert!(!solved && !asked.is_empty(), "{conflict} names too little");
            }
            Err(other) => prop_assert!(false, "{other}"),
        }
    }
}
