//! Roots: their order, and what can be wrong with one as a whole (R2.1, R2.8).

use std::{fs, num::NonZeroUsize, os::unix::fs::symlink};

use apex_discover::{Limits, ListedAs, Options, Overrides, Root, discover, discover_with};
use apex_meta::Status;

use crate::plant::{Judge, Plugin, Roots, assert_outcome};

#[test]
fn a_root_that_is_missing_or_no_directory_is_a_problem_and_the_others_still_count() {
    let mut roots = Roots::new(1);
    Plugin::new("com.acme.x", "1.0.0").plant(&roots.at("x"));
    fs::write(roots.base().join("file"), b"").unwrap();
    roots.roots.insert(0, Root::new(roots.base().join("missing")));
    roots.roots.push(Root::new(roots.base().join("file")));
    let catalogue = roots.discover();
    assert_outcome(&catalogue, &roots.at("x"), Status::Ready, None);
    let codes: Vec<_> = catalogue.problems().iter().map(|problem| problem.code()).collect();
    assert_eq!(codes, ["RootMissing", "RootNotDirectory"]);
    assert!(catalogue.problems().iter().all(|problem| problem.reason().hint.is_some()));
}

#[test]
fn a_root_may_be_reached_through_a_link_and_counts_once() {
    let mut roots = Roots::new(1);
    Plugin::new("com.acme.x", "1.0.0").plant(&roots.at("x"));
    let link = roots.base().join("link");
    symlink(roots.base().join("root0"), &link).unwrap();
    roots.roots = vec![Root::new(&link), Root::new(roots.base().join("root0"))];
    let catalogue = roots.discover();
    assert_outcome(&catalogue, &roots.at("x"), Status::Ready, None);
    assert_eq!(catalogue.entries().len(), 1);
    assert_eq!(catalogue.problems()[0].code(), "DuplicateRoot");
}

#[test]
fn a_directory_that_two_roots_see_is_one_find_of_the_earlier() {
    let mut roots = Roots::new(1);
    Plugin::new("com.acme.x", "1.0.0").plant(&roots.at("com.acme.x/1.0.0"));
    roots.roots.push(Root::dev(roots.at("com.acme.x")));
    let catalogue = roots.discover();
    assert_eq!(catalogue.entries().len(), 1);
    assert!(!catalogue.entries()[0].is_dev());
}

#[test]
fn a_root_that_is_itself_a_plugin_is_a_problem() {
    let mut roots = Roots::new(1);
    Plugin::new("com.acme.x", "1.0.0").plant(&roots.at("x"));
    roots.roots = vec![Root::new(roots.at("x"))];
    let catalogue = roots.discover();
    assert_eq!(catalogue.problems()[0].code(), "RootIsPlugin");
    assert!(catalogue.entries().is_empty());
}

#[test]
fn in_a_store_only_what_the_ledger_lists_is_a_candidate_and_the_rest_is_a_problem() {
    let mut roots = Roots::new(1);
    for (path, version) in [("com.acme.x/1.0.0", "1.0.0"), ("com.acme.x/1.1.0", "1.1.0"), ("com.acme.x/1.2.0", "1.2.0")]
    {
        Plugin::new("com.acme.x", version).plant(&roots.at(path));
    }
    Plugin::new("com.acme.stray", "1.0.0").plant(&roots.at("stray"));
    let link = roots.base().join("link");
    symlink(roots.base().join("root0"), &link).unwrap();
    let listing = [("com.acme.x/1.0.0", ListedAs::Active), ("com.acme.x/1.1.0", ListedAs::Standby)];
    for path in [roots.base().join("root0"), link] {
        roots.roots = vec![Root::store(path, listing.map(|(path, listed)| (path.into(), listed)))];
        let catalogue = roots.discover();
        let found: Vec<_> = catalogue
            .entries()
            .iter()
            .map(|entry| (entry.version().unwrap().to_string(), entry.is_standby()))
            .collect();
        assert_eq!(found, [("1.1.0".to_owned(), true), ("1.0.0".to_owned(), false)]);
        let problems: Vec<_> = catalogue.problems().iter().map(|problem| problem.code()).collect();
        assert_eq!(problems, ["NotInLedger", "NotInLedger"]);
    }
}

#[test]
fn entries_tell_their_root() {
    let mut roots = Roots::new(1);
    let dev = roots.base().join("dev");
    Plugin::new("com.acme.x", "1.0.0").plant(&dev.join("x"));
    roots.roots.push(Root::dev(&dev));
    let catalogue = roots.discover();
    let entry = &catalogue.entries()[0];
    assert!(entry.is_dev());
    assert_eq!(entry.root(), Some(&Root::dev(&dev)));
}

#[test]
fn limits_keep_the_smallest_names_and_are_reported() {
    let roots = Roots::new(1);
    for number in 0..5 {
        Plugin::new(&format!("com.acme.x{number}"), "1.0.0").plant(&roots.at(&format!("x{number}")));
    }
    let by_limits = |limits| {
        let options = Options::default().limits(limits).threads(NonZeroUsize::MIN);
        let catalogue = discover_with(&roots.roots, &Judge, &Overrides::empty(), &options);
        let ids: Vec<_> = catalogue.ids().map(ToString::to_string).collect();
        let codes: Vec<_> = catalogue.problems().iter().map(|problem| problem.code().to_owned()).collect();
        (ids, codes)
    };
    let kept = vec!["com.acme.x0".to_owned(), "com.acme.x1".to_owned()];
    let reported = vec!["TooManyEntries".to_owned()];
    assert_eq!(by_limits(Limits { directories_per_root: 2, ..Limits::default() }), (kept.clone(), reported.clone()));
    assert_eq!(by_limits(Limits { finds: 2, ..Limits::default() }), (kept, reported));
}

#[test]
fn catalogues_are_numbered_in_succession() {
    let roots = Roots::new(1);
    let first = roots.discover();
    let second = discover(&roots.roots, &Judge, &Overrides::empty()).succeeding(&first);
    assert_eq!((first.generation(), second.generation()), (1, 2));
}
