//! Random forests: every find ends in exactly one outcome, whatever order, threads and neighbours it has (R2.4).

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    num::NonZeroUsize,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};

use apex_discover::{Catalogue, Options, Overrides, discover_with};
use apex_meta::Status;
use proptest::prelude::*;
use serde_json::json;

use crate::plant::{Judge, Plugin, Roots, outcome};

#[derive(Debug, Clone)]
enum Kind {
    Good(Plugin),
    Broken(&'static [u8]),
    Link,
}

#[derive(Debug, Clone)]
struct Tree {
    root: usize,
    path: String,
    kind: Kind,
}

impl Tree {
    fn plant(&self, roots: &Roots) {
        let path = roots.in_root(self.root, &self.path);
        match &self.kind {
            Kind::Good(plugin) => _ = plugin.plant(&path),
            Kind::Broken(bytes) => {
                fs::create_dir_all(&path).unwrap();
                fs::write(path.join("plugin.json"), bytes).unwrap();
            }
            Kind::Link => {
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                symlink("/", path).unwrap();
            }
        }
    }

    fn is_broken(&self) -> bool {
        !matches!(self.kind, Kind::Good(_))
    }
}

pub(crate) fn plugin() -> impl Strategy<Value = Plugin> {
    let id = prop_oneof!["[abp]", Just("A".to_owned())];
    let version = prop_oneof![Just("1.0.0"), Just("1.0.0+b"), Just("2.0.0-rc.1"), Just("2.0.0")];
    let change = prop_oneof![
        4 => Just(0u8),
        5 => 1u8..6,
    ];
    let dependency = proptest::option::weighted(0.3, "[abc]");
    (id, version, "[xy]?", change, dependency).prop_map(|(id, version, content, change, dependency)| {
        let plugin = Plugin::new(&id, version).containing(&content);
        let plugin = match dependency {
            Some(other) if other != id => plugin.requires(&[(&other, None)]),
            _ => plugin,
        };
        match change {
            1 => plugin.signed_by("acme"),
            2 => plugin.refused("ChecksumMismatch"),
            3 => plugin.without_library(),
            4 => plugin.with("default_enabled", json!(false)),
            5 => plugin.with("api_version", json!("^9")),
            _ => plugin,
        }
    })
}

fn tree() -> impl Strategy<Value = Tree> {
    let kind = prop_oneof![
        5 => plugin().prop_map(Kind::Good),
        1 => prop_oneof![Just(&b"{"[..]), Just(&b"{}"[..]), Just(&br#"{"id": "a", "version": "1.0.0"}"#[..])]
            .prop_map(Kind::Broken),
        1 => Just(Kind::Link),
    ];
    let path = prop_oneof![3 => "[a-e]", 1 => "[pq]/(1\\.0\\.0|2\\.0\\.0)"];
    (0..3usize, path, kind).prop_map(|(root, path, kind)| Tree { root, path, kind })
}

/// Trees of which none stands where another one does.
fn forest() -> impl Strategy<Value = Vec<Tree>> {
    proptest::collection::vec(tree(), 0..14).prop_map(|trees| {
        let mut taken = BTreeSet::new();
        trees.into_iter().filter(|tree| taken.insert((tree.root, tree.path.clone()))).collect()
    })
}

fn grow<'a>(trees: impl IntoIterator<Item = &'a Tree>) -> Roots {
    let roots = Roots::new(3);
    trees.into_iter().for_each(|tree| tree.plant(&roots));
    roots
}

type Outcomes = BTreeMap<PathBuf, (Status, Option<String>)>;

/// By path below the base: no path may come twice.
fn outcomes(roots: &Roots, catalogue: &Catalogue) -> Outcomes {
    let base = roots.base();
    let mut outcomes = Outcomes::new();
    for entry in catalogue.entries() {
        let path: &Path = entry.path().unwrap().strip_prefix(&base).unwrap();
        let (status, code) = outcome(entry);
        assert!(outcomes.insert(path.to_owned(), (status, code.map(str::to_owned))).is_none(), "{path:?} twice");
    }
    outcomes
}

fn discover_by(roots: &Roots, threads: usize) -> Catalogue {
    let options = Options::default().threads(NonZeroUsize::new(threads).unwrap());
    discover_with(&roots.roots, &Judge, &Overrides::empty(), &options)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn every_find_ends_in_exactly_one_outcome(trees in forest()) {
        let roots = grow(&trees);
        let catalogue = discover_by(&roots, 2);
        let planted: BTreeSet<_> =
            trees.iter().map(|tree| PathBuf::from(format!("root{}", tree.root)).join(&tree.path)).collect();
        let found: BTreeSet<_> = outcomes(&roots, &catalogue).into_keys().collect();
        prop_assert_eq!(found, planted);
        let mut standing = BTreeMap::new();
        for entry in catalogue.entries() {
            prop_assert_eq!(entry.status() == Status::Ready, entry.reason().is_none());
            if matches!(entry.status(), Status::Ready | Status::Disabled) {
                let key = (entry.id().unwrap().case_folded(), entry.version().unwrap().clone());
                prop_assert!(standing.insert(key, entry.path()).is_none(), "two stand for {:?}", entry.id());
            }
        }
    }

    #[test]
    fn the_outcome_depends_neither_on_threads_nor_on_the_order_of_names(trees in forest()) {
        let (roots, reversed) = (grow(&trees), grow(trees.iter().rev()));
        let expected = outcomes(&roots, &discover_by(&roots, 1));
        prop_assert_eq!(&outcomes(&roots, &discover_by(&roots, 5)), &expected);
        prop_assert_eq!(&outcomes(&reversed, &discover_by(&reversed, 3)), &expected);
        let names = |catalogue: &Catalogue| -> Vec<_> {
            catalogue.entries().iter().map(|entry| entry.path().map(Path::to_owned)).collect()
        };
        prop_assert_eq!(names(&discover_by(&roots, 1)), names(&discover_by(&roots, 4)));
    }

    #[test]
    fn a_broken_plugin_changes_nothing_for_the_others(trees in forest()) {
        let (all, sound) = (grow(&trees), grow(trees.iter().filter(|tree| !tree.is_broken())));
        let mut with_broken = outcomes(&all, &discover_by(&all, 2));
        let without = outcomes(&sound, &discover_by(&sound, 2));
        with_broken.retain(|path, _| without.contains_key(path));
        prop_assert_eq!(with_broken, without);
    }
}
