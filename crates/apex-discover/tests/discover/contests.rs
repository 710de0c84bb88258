//! Several finds of one id: who stands, who yields, and why (R2.2, R2.3; attack catalogue, rows 68 and 87).

use apex_discover::{Options, Overrides, discover_with};
use apex_meta::{Document, Status};
use serde_json::json;

use crate::plant::{Judge, Plugin, Roots, assert_outcome, entry_at};

fn plugin() -> Plugin {
    Plugin::new("com.acme.x", "1.0.0")
}

#[test]
fn all_versions_are_kept_newest_first() {
    let roots = Roots::new(2);
    for (root, version) in [(0, "1.0.0"), (1, "1.10.0"), (0, "1.9.0"), (1, "2.0.0-rc.1"), (0, "2.0.0")] {
        Plugin::new("com.acme.x", version).plant(&roots.in_root(root, version));
    }
    Plugin::new("com.acme.a", "0.1.0").plant(&roots.at("a"));
    let catalogue = roots.discover();
    let id = "com.acme.x".parse().unwrap();
    let versions: Vec<_> = catalogue.versions(&id).iter().map(|entry| entry.version().unwrap().to_string()).collect();
    assert_eq!(versions, ["2.0.0", "2.0.0-rc.1", "1.10.0", "1.9.0", "1.0.0"]);
    assert_eq!(catalogue.ids().map(ToString::to_string).collect::<Vec<_>>(), ["com.acme.a", "com.acme.x"]);
    assert_eq!(catalogue.count(Status::Ready), 6);
    assert!(catalogue.versions(&"com.acme".parse().unwrap()).is_empty());
}

#[test]
fn the_same_plugin_twice_is_shadowed_by_the_earlier_root_then_by_the_smaller_path() {
    let roots = Roots::new(2);
    plugin().plant(&roots.in_root(1, "a"));
    plugin().plant(&roots.in_root(0, "z"));
    plugin().plant(&roots.in_root(0, "y"));
    let catalogue = roots.discover();
    assert_outcome(&catalogue, &roots.in_root(0, "y"), Status::Ready, None);
    assert_outcome(&catalogue, &roots.in_root(0, "z"), Status::Shadowed, "Shadowed");
    assert_outcome(&catalogue, &roots.in_root(1, "a"), Status::Shadowed, "Shadowed");
    let stands = catalogue.get(&"com.acme.x".parse().unwrap(), &"1.0.0".parse().unwrap()).unwrap();
    assert_eq!(stands.path(), Some(roots.in_root(0, "y").as_path()));
}

#[test]
fn the_same_version_with_other_content_is_a_duplicate_that_names_both() {
    let roots = Roots::new(2);
    plugin().plant(&roots.in_root(0, "one"));
    plugin().containing("other").plant(&roots.in_root(1, "files"));
    plugin().with("description", json!("Another manifest.")).plant(&roots.in_root(1, "manifest"));
    Plugin::new("com.acme.x", "1.0.0+again").plant(&roots.in_root(1, "build"));
    let catalogue = roots.discover();
    assert_outcome(&catalogue, &roots.in_root(0, "one"), Status::Ready, None);
    for name in ["files", "manifest", "build"] {
        assert_outcome(&catalogue, &roots.in_root(1, name), Status::Blocked, "DuplicatePlugin");
    }
    let winner = entry_at(&catalogue, &roots.in_root(0, "one"));
    let loser = entry_at(&catalogue, &roots.in_root(1, "files"));
    let message = &loser.reason().unwrap().message;
    for entry in [winner, loser] {
        assert!(message.contains(entry.path().unwrap().to_str().unwrap()), "{message}");
        assert!(message.contains(&entry.digest().unwrap().to_string()), "{message}");
    }
}

#[test]
fn trust_decides_before_the_order_of_roots() {
    let roots = Roots::new(2);
    plugin().containing("squatter").plant(&roots.in_root(0, "unsigned"));
    plugin().signed_by("acme").plant(&roots.in_root(1, "signed"));
    let catalogue = roots.discover();
    assert_outcome(&catalogue, &roots.in_root(1, "signed"), Status::Ready, None);
    assert_outcome(&catalogue, &roots.in_root(0, "unsigned"), Status::Blocked, "DuplicatePlugin");
}

#[test]
fn what_trust_refuses_does_not_compete() {
    let roots = Roots::new(2);
    plugin().refused("UntrustedKey").plant(&roots.in_root(0, "refused"));
    plugin().containing("other").plant(&roots.in_root(1, "good"));
    let catalogue = roots.discover();
    assert_outcome(&catalogue, &roots.in_root(0, "refused"), Status::Blocked, "UntrustedKey");
    assert_outcome(&catalogue, &roots.in_root(1, "good"), Status::Ready, None);
    let stands = catalogue.get(&"com.acme.x".parse().unwrap(), &"1.0.0".parse().unwrap()).unwrap();
    assert_eq!(stands.status(), Status::Ready);
}

#[test]
fn an_unfit_find_hides_a_fit_one_only_if_it_is_more_trusted() {
    let roots = Roots::new(2);
    plugin().without_library().containing("for another platform").plant(&roots.in_root(0, "unfit"));
    plugin().plant(&roots.in_root(1, "fit"));
    let catalogue = roots.discover();
    assert_outcome(&catalogue, &roots.in_root(0, "unfit"), Status::Blocked, "LibraryMissing");
    assert_outcome(&catalogue, &roots.in_root(1, "fit"), Status::Ready, None);

    let roots = Roots::new(2);
    plugin().signed_by("acme").without_library().plant(&roots.in_root(1, "unfit"));
    plugin().containing("squatter").plant(&roots.in_root(0, "fit"));
    let catalogue = roots.discover();
    assert_outcome(&catalogue, &roots.in_root(1, "unfit"), Status::Blocked, "LibraryMissing");
    assert_outcome(&catalogue, &roots.in_root(0, "fit"), Status::Blocked, "DuplicatePlugin");
}

#[test]
fn ids_that_differ_only_in_case_are_a_conflict_for_the_less_trusted_or_later() {
    let roots = Roots::new(2);
    Plugin::new("com.Acme.x", "9.0.0").plant(&roots.in_root(0, "look-alike"));
    plugin().signed_by("acme").plant(&roots.in_root(1, "one"));
    Plugin::new("com.acme.x", "2.0.0").plant(&roots.in_root(1, "two"));
    Plugin::new("com.b.x", "1.0.0").plant(&roots.in_root(0, "earlier"));
    Plugin::new("com.B.x", "2.0.0").plant(&roots.in_root(1, "later"));
    let catalogue = roots.discover();
    assert_outcome(&catalogue, &roots.in_root(0, "look-alike"), Status::Blocked, "IdCaseConflict");
    assert_outcome(&catalogue, &roots.in_root(1, "one"), Status::Ready, None);
    assert_outcome(&catalogue, &roots.in_root(1, "two"), Status::Ready, None);
    assert_outcome(&catalogue, &roots.in_root(0, "earlier"), Status::Ready, None);
    assert_outcome(&catalogue, &roots.in_root(1, "later"), Status::Blocked, "IdCaseConflict");
}

#[test]
fn a_plugin_that_is_part_of_the_host_takes_precedence_over_every_find() {
    let roots = Roots::new(1);
    plugin().signed_by("acme").plant(&roots.at("found"));
    Plugin::new("Com.acme.x", "7.0.0").plant(&roots.at("look-alike"));
    Plugin::new("com.acme.y", "1.0.0").requires(&[("com.acme.x", None)]).plant(&roots.at("dependent"));
    let document = Document::from_value(json!({
        "name": "Built in", "id": "com.acme.x", "version": "1.0.0", "description": "Does things.", "author": "Acme",
        "entry_point": "things::Things", "actions": [],
    }));
    let options = Options::default().linked(document.unwrap());
    let catalogue = discover_with(&roots.roots, &Judge, &Overrides::empty(), &options);
    assert_outcome(&catalogue, &roots.at("found"), Status::Blocked, "DuplicatePlugin");
    assert_outcome(&catalogue, &roots.at("look-alike"), Status::Blocked, "IdCaseConflict");
    assert_outcome(&catalogue, &roots.at("dependent"), Status::Ready, None);
    let stands = catalogue.get(&"com.acme.x".parse().unwrap(), &"1.0.0".parse().unwrap()).unwrap();
    assert!(stands.is_linked() && stands.path().is_none() && stands.status() == Status::Ready);
}
