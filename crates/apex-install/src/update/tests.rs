//! R5.2, R5.4, R5.6: what an update changes, who has to agree, how far it may go, and the way back.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

use std::io::Write as _;

use apex_trust::{Definitions, SigningKey};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::tests::fixture::{Workshop, active, assert_clean, request, steps};

/// A version of `com.acme.app` that is like the first one but for the change.
fn publish(shop: &Workshop, version: &str, change: impl FnOnce(&mut Value)) {
    shop.publish_changed("app", version, &[], |manifest| {
        manifest["permissions_required"] = json!(["fs.read:${workspace}"]);
        manifest["actions"] = json!([
            {"name": "add", "description": "Adds.", "parameters": [], "read_only": false},
            {"name": "get", "description": "Gets.", "parameters": [], "read_only": true},
        ]);
        change(manifest);
    });
}

/// A store in which 1.0.0 is active.
fn started(shop: &Workshop) -> Store {
    publish(shop, "1.0.0", |_| ());
    let store = shop.store("store");
    shop.install(&store, &["app"]).unwrap();
    store
}

fn newest(shop: &Workshop, store: &Store) -> Plan {
    shop.plan_by(store, &["app"], |planner| planner.newest_of([request("app").plugin])).unwrap()
}

fn rollback(shop: &Workshop, store: &Store, name: &str, to: Option<&PluginVersion>) -> Result<Plan, InstallError> {
    let ledger = store.ledger()?;
    let planner = crate::Planner::new(store, &ledger, &shop.trust, apex_trust::Policy::standard());
    planner.rollback(&request(name).plugin, to, "a test")
}

/// What the newest version would change.
fn update(shop: &Workshop, store: &Store) -> Update {
    let scratch = shop.path("");
    let mut updates = newest(shop, store).updates(store, &store.ledger().unwrap(), &scratch).unwrap();
    assert_eq!(updates.len(), 1);
    updates.remove(0)
}

#[test]
fn a_version_that_mends_faults_concerns_nobody() {
    let shop = Workshop::new();
    let store = started(&shop);
    publish(&shop, "1.0.1", |manifest| {
        manifest["actions"][0]["timeout_ms"] = json!(5);
        manifest["permissions_required"] = json!(["fs.read:${workspace}/src"]);
    });
    let update = update(&shop, &store);
    assert_eq!((update.version_step, update.concerns.as_slice()), (VersionStep::Patch, &[][..]));
    assert_eq!(update.permissions.added, Vec::<String>::new());
    assert_eq!(update.permissions.removed, ["fs.read:${workspace}"]);
    assert!(!update.publisher.is_other() && update.bytes.from > 0 && update.bytes.to > 0);
    assert!(Consent::default().check(&[update]).is_ok());
}

#[test]
fn each_part_of_an_action_that_changed_is_named() {
    for (part, change) in [
        ("description", json!({"description": "Adds, and deletes."})),
        (
            "parameters",
            json!({"parameters": [{"name": "by", "type": "integer", "description": "By.", "required": true}]}),
        ),
        ("returns", json!({"returns": {"type": "integer"}})),
        ("returns", json!({"returns_stream": true})),
        ("effect-hints", json!({"destructive": true})),
    ] {
        let shop = Workshop::new();
        let store = started(&shop);
        publish(&shop, "1.0.1", |manifest| {
            for (member, value) in change.as_object().unwrap() {
                manifest["actions"][0][member] = value.clone();
            }
        });
        let update = update(&shop, &store);
        let shown = serde_json::to_value(&update).unwrap();
        assert_eq!(shown["actions"]["changed"], json!([{"name": "add", "parts": [part]}]), "{shown:#}");
        assert_eq!(shown["concerns"], json!(["changed-action"]));
    }
}

#[test]
fn a_renamed_action_is_gone_and_added_and_an_added_one_alone_concerns_nobody() {
    let shop = Workshop::new();
    let store = started(&shop);
    let more = json!({"name": "more", "description": "More.", "parameters": []});
    publish(&shop, "1.1.0", |manifest| manifest["actions"].as_array_mut().unwrap().push(more));
    let added = update(&shop, &store);
    assert_eq!((added.actions.added[0].as_str(), added.concerns.as_slice()), ("more", &[][..]));
    publish(&shop, "1.2.0", |manifest| manifest["actions"][1]["name"] = json!("read"));
    let renamed = update(&shop, &store);
    assert_eq!((renamed.actions.added[0].as_str(), renamed.actions.removed[0].as_str()), ("read", "get"));
    assert_eq!(renamed.concerns, [Concern::ChangedAction]);
}

#[test]
fn a_major_version_with_a_new_permission_needs_a_word_for_each() {
    let shop = Workshop::new();
    let store = started(&shop);
    publish(&shop, "2.0.0", |manifest| {
        manifest["permissions_required"] = json!(["fs.read:${workspace}", "net.connect:443"]);
        manifest["actions"][0]["destructive"] = json!(true);
    });
    let update = update(&shop, &store);
    assert_eq!(update.permissions.added, ["net.connect:443"]);
    use Concern::{ChangedAction, MajorVersion, NewPermission};
    let mut consent = Consent::default();
    assert_eq!(consent.missing(&update), [MajorVersion, NewPermission, ChangedAction]);
    let error = consent.check(std::slice::from_ref(&update)).unwrap_err();
    assert_eq!(error.code(), "UpdateNotConfirmed");
    for option in ["--allow-major", "--grant PERMISSION", "--allow-changed-actions", "--dry-run"] {
        assert!(error.hint().unwrap().contains(option), "{error}: {:?}", error.hint());
    }
    (consent.major, consent.actions) = (true, true);
    for (plugin, permission, is_enough) in
        [("app", "net.connect:80", false), ("base", "net.connect:443", false), ("app", "net.connect:443", true)]
    {
        let granted = [(request(plugin).plugin, vec![permission.parse().unwrap()])].into();
        let consent = Consent { granted, ..consent.clone() };
        let missing = consent.missing(&update);
        assert_eq!(missing, if is_enough { vec![] } else { vec![NewPermission] }, "{plugin} {permission}");
    }
    let consent = Consent { permissions: true, ..consent };
    assert!(consent.missing(&update).is_empty() && Consent::to_all().missing(&update).is_empty());
}

#[test]
fn nobody_answers_for_what_is_not_signed_and_another_publisher_is_another() {
    let named = |from: Option<&str>, to: Option<&str>| {
        PublisherChange { from: from.map(str::to_owned), to: to.map(str::to_owned) }.is_other()
    };
    assert!(!named(Some("acme"), Some("acme")));
    for (from, to) in [(Some("acme"), Some("evil")), (Some("acme"), None), (None, Some("acme")), (None, None)] {
        assert!(named(from, to), "{from:?} {to:?}");
    }
}

/// What is shown must be what is installed later.
#[test]
fn a_package_that_is_not_what_the_plan_says_is_not_compared() {
    let shop = Workshop::new();
    let store = started(&shop);
    publish(&shop, "1.1.0", |_| ());
    let plan = newest(&shop, &store);
    publish(&shop, "1.1.0", |manifest| manifest["description"] = json!("Does, and more."));
    let error = plan.updates(&store, &store.ledger().unwrap(), &shop.path("")).unwrap_err();
    assert_eq!(error.code(), "IndexMismatch", "{error}");
    let active = store.tree(&request("app").plugin, &"1.0.0".parse().unwrap()).join("plugin.json");
    let text = std::fs::read_to_string(&active).unwrap().replace("Does.", "Did.");
    std::fs::remove_file(&active).unwrap();
    std::fs::File::create_new(&active).unwrap().write_all(text.as_bytes()).unwrap();
    let error = newest(&shop, &store).updates(&store, &store.ledger().unwrap(), &shop.path("")).unwrap_err();
    assert_eq!(error.code(), "ManifestChanged", "{error}");
}

#[test]
fn a_pin_keeps_a_plugin_to_its_versions_whether_they_come_from_a_source_or_lie_in_the_store() {
    let shop = Workshop::new();
    let store = started(&shop);
    let app = request("app").plugin;
    for version in ["1.1.0", "2.0.0"] {
        publish(&shop, version, |_| ());
    }
    store.pin(&app, Some("^1".parse().unwrap())).unwrap();
    assert_eq!(steps(&newest(&shop, &store)), ["update app 1.1.0"]);
    store.pin(&app, None).unwrap();
    shop.apply(&store, &newest(&shop, &store)).unwrap();
    shop.apply(&store, &rollback(&shop, &store, "app", None).unwrap()).unwrap();
    assert_eq!(steps(&newest(&shop, &store)), ["activate app 2.0.0"]);
    store.pin(&app, Some("^1".parse().unwrap())).unwrap();
    // 1.1.0 is older than what was active once, which takes a word of its own.
    assert_eq!(steps(&newest(&shop, &store)), [""; 0]);
    let absent = request("absent").plugin;
    assert_eq!(store.pin(&absent, None).unwrap_err().code(), "NotInstalled");
    assert_clean(&store, "after pins");
}

#[test]
fn a_policy_is_a_plugins_own_or_the_one_for_all_and_outlives_the_process() {
    let shop = Workshop::new();
    let store = started(&shop);
    let (app, ledger) = (request("app").plugin, || store.ledger().unwrap());
    assert_eq!(ledger().update_policy(&app), UpdatePolicy::Manual);
    store.set_update_policy(None, Some(UpdatePolicy::OnRestart)).unwrap();
    assert_eq!(ledger().update_policy(&app), UpdatePolicy::OnRestart);
    store.set_update_policy(Some(&app), Some(UpdatePolicy::Immediate)).unwrap();
    assert_eq!(ledger().update_policy(&app), UpdatePolicy::Immediate);
    store.set_update_policy(Some(&app), None).unwrap();
    assert_eq!(ledger().update_policy(&app), UpdatePolicy::OnRestart);
    for policy in UpdatePolicy::ALL {
        assert_eq!(policy.to_string().parse(), Ok(policy));
    }
    assert!("never".parse::<UpdatePolicy>().is_err());
}

#[test]
fn going_back_leads_to_the_version_before_and_once_more_to_the_one_before_that() {
    let shop = Workshop::new();
    let store = started(&shop);
    let app = request("app").plugin;
    let back = |to: Option<&str>| {
        let to = to.map(|to| to.parse().unwrap());
        rollback(&shop, &store, "app", to.as_ref()).and_then(|plan| shop.apply(&store, &plan))
    };
    assert_eq!(back(None).unwrap_err().code(), "NoRollback");
    for version in ["1.1.0", "2.0.0"] {
        publish(&shop, version, |_| ());
        shop.apply(&store, &newest(&shop, &store)).unwrap();
    }
    assert_eq!(active(&back(None).unwrap()), ["app 1.1.0"]);
    let record = |ledger: &Ledger| ledger.get(&app).unwrap().clone();
    let rolled = record(&store.ledger().unwrap());
    assert!(rolled.was_rolled_back(&"2.0.0".parse().unwrap()) && !rolled.was_rolled_back(&"1.1.0".parse().unwrap()));
    assert_eq!(rolled.history.last().unwrap().because.as_deref(), Some("a test"));
    assert_eq!(rolled.highest, Some("2.0.0".parse().unwrap()));
    assert_eq!(active(&back(None).unwrap()), ["app 1.0.0"]);
    assert_eq!(back(None).unwrap_err().code(), "NoRollback");
    shop.apply(&store, &newest(&shop, &store)).unwrap();
    assert_eq!(active(&back(Some("1.1.0")).unwrap()), ["app 1.1.0"]);
    for nowhere in ["2.0.0", "1.1.0", "0.9.0"] {
        assert_eq!(back(Some(nowhere)).unwrap_err().code(), "NoRollback", "{nowhere}");
    }
    assert_clean(&store, "after rollbacks");
}

#[test]
fn nobody_goes_back_to_what_does_not_go_together_with_the_rest() {
    let shop = Workshop::new();
    for (version, needs) in [("1.0.0", "base ^1"), ("2.0.0", "base ^2")] {
        shop.publish("app", version, &[needs]);
        shop.publish("base", version, &[]);
    }
    let store = shop.store("store");
    shop.install(&store, &["app ^1"]).unwrap();
    shop.install(&store, &["app ^2"]).unwrap();
    for name in ["app", "base"] {
        let error = rollback(&shop, &store, name, None).unwrap_err();
        assert!(error.code() == "NoRollback" && error.to_string().contains("cannot use"), "{error}");
    }
}

#[test]
fn what_is_about_to_become_active_is_shown_first_and_a_no_leaves_the_old_state() {
    let shop = Workshop::new();
    let store = started(&shop);
    publish(&shop, "1.1.0", |_| ());
    let plan = newest(&shop, &store);
    let refused = store.apply_if(&plan, &shop.verifier(), 2, |candidates| {
        let [candidate] = candidates else { panic!("{candidates:?}") };
        assert_eq!(
            (candidate.from.clone(), candidate.to.to_string()),
            (plan.steps[0].from.clone(), "1.1.0".to_owned())
        );
        assert!(candidate.directory.join("plugin.json").is_file());
        assert_eq!(active(&store.ledger().unwrap()), ["app 1.0.0"], "nothing counts yet");
        Err(InstallError::PlanOutdated)
    });
    assert_eq!(refused.unwrap_err().code(), "PlanOutdated");
    assert_eq!(active(&store.ledger().unwrap()), ["app 1.0.0"]);
    assert_clean(&store, "after a no");
    assert_eq!(active(&shop.apply(&store, &plan).unwrap()), ["app 1.1.0"]);
}

fn manifest(actions: &[(u8, u8, bool)]) -> Manifest {
    let action = |(name, description, read_only): &(u8, u8, bool)| {
        json!({"name": format!("a{name}"), "description": format!("D{description}."), "parameters": [],
            "read_only": read_only})
    };
    let mut actions = actions.to_vec();
    actions.sort();
    actions.dedup_by_key(|action| action.0);
    serde_json::from_value(json!({
        "id": "com.acme.app", "name": "App", "version": "1.0.0", "description": "Does.", "author": "Acme",
        "entry_point": "app::Plugin", "actions": actions.iter().map(action).collect::<Vec<_>>(),
    }))
    .unwrap()
}

proptest! {
    #[test]
    fn an_action_is_listed_exactly_where_its_pinned_definition_differs(
        old in prop::collection::vec((0..4_u8, 0..3_u8, any::<bool>()), 0..4),
        new in prop::collection::vec((0..4_u8, 0..3_u8, any::<bool>()), 0..4),
    ) {
        let (old, new) = (manifest(&old), manifest(&new));
        let changes = ActionChanges::between(&old, &new).unwrap();
        let (before, after) = (Definitions::of(&old).unwrap(), Definitions::of(&new).unwrap());
        for action in old.actions.iter().chain(&new.actions) {
            let name = &action.name;
            let is_changed = changes.changed.iter().any(|changed| changed.name == *name && !changed.parts.is_empty());
            let listed = (changes.removed.contains(name), changes.added.contains(name), is_changed);
            let expected = match (before.actions.get(name), after.actions.get(name)) {
                (Some(_), None) => (true, false, false),
                (None, Some(_)) => (false, true, false),
                (was, is) => (false, false, was != is),
            };
            prop_assert_eq!(listed, expected, "{}", name);
        }
    }
}

#[test]
fn an_unsigned_plugin_concerns_its_operator_with_each_version() {
    let shop = Workshop::new();
    let unsigned = |version: &str| {
        json!({"id": "org.nobody.app", "name": "App", "version": version, "description": "Does.", "author": "Nobody",
            "entry_point": "app::Plugin", "actions": []})
    };
    let store = shop.store("store");
    let request = apex_resolve::Request::any("org.nobody.app".parse().unwrap());
    for version in ["1.0.0", "1.0.1"] {
        shop.build(unsigned(version), version, None::<&SigningKey>);
        let ledger = store.ledger().unwrap();
        let (source, index) = shop.source();
        let planner = crate::Planner::new(&store, &ledger, &shop.trust, apex_trust::Policy::standard());
        let plan = planner.source(&source, &index).newest(true).plan(std::slice::from_ref(&request)).unwrap();
        let concerns: Vec<_> =
            plan.updates(&store, &ledger, &shop.path("")).unwrap().into_iter().flat_map(|u| u.concerns).collect();
        assert_eq!(concerns, if version == "1.0.0" { vec![] } else { vec![Concern::ChangedPublisher] });
        shop.apply(&store, &plan).unwrap();
    }
}
