//! Resolution of a large world: performance goal P13.
//!
//! Every plugin has ten versions, each of which depends on five others, half of them in a range that leaves out the
//! newest; all plugins are asked for through one. The anchor looks at no more than everybody has to who resolves them: from
//! the first plugin on, each dependency of one version is looked up, and the versions there are compared with what is wanted.
//! Ten times the plugins do not fit into the processor's caches; how much longer that alone takes, the anchor shows.
#![allow(clippy::unwrap_used, missing_docs, reason = "a benchmark ends where it fails; criterion writes its main")]

use std::{
    collections::{HashMap, HashSet, VecDeque},
    hint::black_box,
};

use apex_meta::{PluginDependency, PluginId};
use apex_resolve::{Release, Releases, Request, solve};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};

const VERSIONS: usize = 10;
const DEPENDENCIES: usize = 5;

fn id(number: usize) -> PluginId {
    format!("com.acme.plugin{number}").parse().unwrap()
}

/// Plugin `n` depends on the one after it and on four that are spread over the world.
fn world(plugins: usize) -> Releases {
    let mut releases = Releases::new();
    for number in 0..plugins {
        for version in 0..VERSIONS {
            let mut release = Release::new(format!("1.{version}.0").parse().unwrap());
            release.dependencies = (0..DEPENDENCIES)
                .map(|which| PluginDependency {
                    id: id(if which == 0 { number + 1 } else { number * 7 + which * 131 + version } % plugins),
                    version_specifier: Some(if which % 2 == 0 { "^1" } else { ">=1.2, <1.9" }.parse().unwrap()),
                    description: None,
                    optional: false,
                    extensions: serde_json::Map::new(),
                })
                .collect();
            releases.add(id(number), release);
        }
    }
    releases
}

/// Visits all plugins in the order in which they are needed; returns how many versions would do.
fn walk(by_id: &HashMap<&PluginId, &[Release]>, start: &PluginId) -> usize {
    let (mut open, mut seen, mut suitable) = (VecDeque::from([start]), HashSet::from([start]), 0);
    while let Some(id) = open.pop_front() {
        for dependency in &by_id[id].last().unwrap().dependencies {
            let specifier = dependency.version_specifier.as_ref().unwrap();
            let there = by_id[&dependency.id];
            suitable += there.iter().filter(|release| specifier.matches(release.version.as_semver())).count();
            if seen.insert(&dependency.id) {
                open.push_back(&dependency.id);
            }
        }
    }
    assert_eq!(seen.len(), by_id.len());
    suitable
}

fn resolve(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("P13 resolve");
    group.sample_size(20);
    for plugins in [1_000, 10_000] {
        let releases = world(plugins);
        let request = [Request::any(id(0))];
        assert_eq!(solve(&releases, &request).unwrap().chosen.len(), plugins);
        let (by_id, start) = (releases.iter().collect::<HashMap<_, _>>(), id(0));
        group.bench_function(BenchmarkId::new("anchor: a walk over the same", plugins), |bencher| {
            bencher.iter(|| walk(black_box(&by_id), black_box(&start)));
        });
        group.bench_function(BenchmarkId::new("resolve", plugins), |bencher| {
            bencher.iter(|| solve(black_box(&releases), black_box(&request)).unwrap().chosen.len());
        });
    }
    group.finish();
}

criterion_group!(benches, resolve);
criterion_main!(benches);
