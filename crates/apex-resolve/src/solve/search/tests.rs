//! The search, held against PubGrub on small worlds, and given up where it leads too far.

use apex_meta::PluginDependency;
use proptest::prelude::*;

use super::{super::world::World, Search};
use crate::{Release, Releases, Request};

const SPECIFIERS: [&str; 6] = ["*", ">=1.1", "<1.2", "==1.1.0", "!=1.2.0", ">=1.3"];

fn specifier() -> impl Strategy<Value = &'static str> {
    prop::sample::select(&SPECIFIERS[..])
}

fn dependency() -> impl Strategy<Value = PluginDependency> {
    (0..9_u32, specifier(), prop::bool::weighted(0.2)).prop_map(|(number, specifier, optional)| PluginDependency {
        id: format!("plugin{number}").parse().unwrap(),
        version_specifier: Some(specifier.parse().unwrap()),
        description: None,
        optional,
        extensions: serde_json::Map::new(),
    })
}

/// Eight plugins of up to four versions; the ninth that some depend on is not there.
fn world() -> impl Strategy<Value = Releases> {
    let dependencies = prop::collection::vec(dependency(), 0..4);
    prop::collection::vec((0..8_u32, 0..4_u32, dependencies), 1..32).prop_map(|all| {
        let release = |version: u32, dependencies| {
            let bare = Release::new(format!("1.{version}.0").parse().unwrap());
            Release { dependencies, ..bare }
        };
        let named = all.into_iter().map(|(number, version, dependencies)| {
            (format!("plugin{number}").parse().unwrap(), release(version, dependencies))
        });
        named.collect()
    })
}

fn requests() -> impl Strategy<Value = Vec<Request>> {
    let request = (0..8_u32, specifier()).prop_map(|(number, specifier)| Request {
        plugin: format!("plugin{number}").parse().unwrap(),
        specifier: Some(specifier.parse().unwrap()),
    });
    prop::collection::vec(request, 1..4)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// PubGrub counts plugins as found too whose dependents it refused, so that others may come first in the end.
    #[test]
    fn the_search_ends_as_pubgrub_does(releases in world(), requests in requests()) {
        let world = World::new(&releases, &requests);
        let mut search = Search::new(&world);
        search.left = usize::MAX;
        let (searched, solved) = (search.run(), World::new(&releases, &requests).solve_by_pubgrub().ok());
        prop_assert_eq!(searched.is_some(), solved.is_some());
        for (ours, theirs) in searched.into_iter().flatten().zip(solved.into_iter().flatten()) {
            if ours.0 != theirs.0 {
                break;
            }
            prop_assert_eq!(ours, theirs);
        }
    }

    #[test]
    fn a_search_that_is_given_up_says_nothing(releases in world(), requests in requests(), left in 0..4_usize) {
        let world = World::new(&releases, &requests);
        let whole = Search::new(&world).run();
        let mut search = Search::new(&world);
        search.left = left;
        if let Some(chosen) = search.run() {
            prop_assert_eq!(Some(chosen), whole);
        }
    }
}
