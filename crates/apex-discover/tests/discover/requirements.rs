//! Plugins that require others: usable together, or blocked with the missing one named.

use apex_meta::Status;
use serde_json::json;

use crate::plant::{Plugin, Roots, assert_outcome, entry_at};

fn plugin(name: &str, version: &str) -> Plugin {
    Plugin::new(&format!("com.acme.{name}"), version)
}

#[test]
fn a_requirement_is_met_by_any_usable_version_that_suits() {
    let roots = Roots::new(1);
    plugin("base", "1.4.0").plant(&roots.at("base"));
    plugin("any", "1.0.0").requires(&[("com.acme.base", None)]).plant(&roots.at("any"));
    plugin("suits", "1.0.0").requires(&[("com.acme.base", Some("^1.2"))]).plant(&roots.at("suits"));
    plugin("newer", "1.0.0").requires(&[("com.acme.base", Some("^2"))]).plant(&roots.at("newer"));
    plugin("absent", "1.0.0").requires(&[("com.acme.none", None)]).plant(&roots.at("absent"));
    let optional = json!({"plugins": [{"id": "com.acme.none", "optional": true}]});
    plugin("optional", "1.0.0").with("dependencies", optional).plant(&roots.at("optional"));
    let catalogue = roots.discover();
    for name in ["base", "any", "suits", "optional"] {
        assert_outcome(&catalogue, &roots.at(name), Status::Ready, None);
    }
    for (name, part) in [("newer", "1.4.0"), ("absent", "com.acme.none")] {
        assert_outcome(&catalogue, &roots.at(name), Status::Blocked, "DependencyMissing");
        let message = &entry_at(&catalogue, &roots.at(name)).reason().unwrap().message;
        assert!(message.contains(part), "{message}");
    }
}

#[test]
fn what_is_disabled_or_blocked_meets_no_requirement_all_the_way_up() {
    let roots = Roots::new(1);
    plugin("off", "1.0.0").with("default_enabled", json!(false)).plant(&roots.at("off"));
    plugin("middle", "1.0.0").requires(&[("com.acme.off", None)]).plant(&roots.at("middle"));
    plugin("top", "1.0.0").requires(&[("com.acme.middle", None)]).plant(&roots.at("top"));
    plugin("tampered", "1.0.0").refused("ChecksumMismatch").plant(&roots.at("tampered"));
    plugin("other", "1.0.0").requires(&[("com.acme.tampered", None)]).plant(&roots.at("other"));
    let catalogue = roots.discover();
    for name in ["middle", "top", "other"] {
        assert_outcome(&catalogue, &roots.at(name), Status::Blocked, "DependencyMissing");
    }
    assert_outcome(&catalogue, &roots.at("off"), Status::Disabled, "PluginDisabled");
    let reason = entry_at(&catalogue, &roots.at("middle")).reason().unwrap();
    assert_eq!(reason.hint.as_deref(), Some("apex enable com.acme.off"));
    assert!(entry_at(&catalogue, &roots.at("other")).reason().unwrap().message.contains("ChecksumMismatch"));
}

#[test]
fn plugins_that_require_each_other_are_fine_until_one_of_them_falls() {
    let roots = Roots::new(1);
    plugin("a", "1.0.0").requires(&[("com.acme.b", None)]).plant(&roots.at("a"));
    plugin("b", "1.0.0").requires(&[("com.acme.a", None)]).plant(&roots.at("b"));
    plugin("c", "1.0.0").requires(&[("com.acme.d", None)]).plant(&roots.at("c"));
    plugin("d", "1.0.0").requires(&[("com.acme.c", None), ("com.acme.none", None)]).plant(&roots.at("d"));
    let catalogue = roots.discover();
    for name in ["a", "b"] {
        assert_outcome(&catalogue, &roots.at(name), Status::Ready, None);
    }
    for name in ["c", "d"] {
        assert_outcome(&catalogue, &roots.at(name), Status::Blocked, "DependencyMissing");
    }
}

#[test]
fn a_long_chain_falls_as_a_whole() {
    let roots = Roots::new(1);
    for number in 0..200 {
        let next = format!("com.acme.p{}", number + 1);
        plugin(&format!("p{number}"), "1.0.0").requires(&[(&next, None)]).plant(&roots.at(&format!("p{number}")));
    }
    assert_eq!(roots.discover().count(Status::Blocked), 200);
    plugin("p200", "1.0.0").plant(&roots.at("p200"));
    assert_eq!(roots.discover().count(Status::Ready), 201);
}
