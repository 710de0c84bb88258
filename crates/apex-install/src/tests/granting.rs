//! What the operator grants with an install, and what a lock may say about it (R5.7, "Grants").

use apex_meta::{Owner, Permission};
use apex_trust::Grants;
use serde_json::json;

use super::fixture::{Workshop, assert_clean, request, steps};
use crate::{InstallError, Lock, Plan, Planner, Store};

fn permission(text: &str) -> Permission {
    text.parse().unwrap()
}

fn texts(permissions: &[Permission]) -> Vec<String> {
    permissions.iter().map(ToString::to_string).collect()
}

/// A shop with `mail`, which asks for a port, a directory, and something that no release knows.
fn shop() -> Workshop {
    let shop = Workshop::new();
    shop.publish_changed("mail", "1.0.0", &["base"], |manifest| {
        manifest["permissions_required"] =
            json!(["net.connect:587", "fs.read:${workspace}/mail", "execute_shell_commands", "later.permission:1"]);
    });
    shop.publish("base", "1.0.0", &[]);
    shop
}

/// Plans to install `mail`, with this granted before and this granted with it.
fn plan(shop: &Workshop, store: &Store, before: &Grants, with: &[(&str, &str)]) -> Result<Plan, InstallError> {
    shop.plan_by(store, &["mail"], |planner| granting(planner.granted(before.clone()), with))
}

fn granting<'a>(planner: Planner<'a>, with: &[(&str, &str)]) -> Planner<'a> {
    let plugin = |name: &str| request(name).plugin;
    with.iter().fold(planner, |planner, (name, text)| planner.grant(plugin(name), permission(text)))
}

#[test]
fn what_is_granted_with_an_install_is_bound_to_the_publisher_and_noted_in_ledger_and_lock() {
    let shop = shop();
    let store = shop.store("store");
    let with = [("mail", "net.connect:587"), ("mail", "fs.read:${workspace}"), ("mail", "net.connect:587")];
    let plan = plan(&shop, &store, &Grants::empty(), &with).unwrap();
    assert_eq!(plan.grants.len(), 2, "what is said twice is granted once");
    let step = plan.steps.iter().find(|step| step.plugin == request("mail").plugin).unwrap();
    assert_eq!(texts(&step.granted), ["fs.read:${workspace}", "net.connect:587"]);
    assert_eq!(texts(&step.not_granted), ["process.spawn"], "a wider path covers what is asked for");
    let ledger = shop.apply(&store, &plan).unwrap();
    let mut grants = Grants::empty();
    plan.grant(&mut grants);
    let acme = Owner::Publisher("acme".to_owned());
    assert_eq!(grants.of(&request("mail").plugin, &acme).count(), 2);
    assert_eq!(grants.of_id(&request("base").plugin).count(), 0);
    let noted = |name: &str| ledger.get(&request(name).plugin).unwrap().granted.len();
    assert_eq!((noted("mail"), noted("base")), (2, 0));
    assert_eq!(store.ledger().unwrap(), ledger, "the note is stored");
    let lock = Lock::of(&ledger, &grants);
    let locked = lock.get(&request("mail").plugin).unwrap();
    assert_eq!(texts(&locked.grants.iter().cloned().collect::<Vec<_>>()), ["fs.read:${workspace}", "net.connect:587"]);
    assert_clean(&store, "granted");
    let ledger = shop.remove(&store, &["mail"], false).unwrap();
    assert!(ledger.get(&request("mail").plugin).unwrap().granted.is_empty());
}

#[test]
fn what_is_active_already_is_granted_more_and_what_is_granted_already_is_no_news() {
    let shop = shop();
    let store = shop.store("store");
    let mut grants = Grants::empty();
    shop.install(&store, &["mail"]).unwrap();
    let first = plan(&shop, &store, &grants, &[("mail", "process.spawn")]).unwrap();
    assert_eq!((first.steps.len(), first.grants.len(), first.is_empty()), (0, 1, false));
    assert!(first.grants[0].asked);
    shop.apply(&store, &first).unwrap();
    first.grant(&mut grants);
    let idle = plan(&shop, &store, &grants, &[("mail", "net.listen:1"), ("base", "process.spawn")]).unwrap();
    assert_eq!(idle.grants.iter().map(|grant| grant.asked).collect::<Vec<_>>(), [false, false]);
    let again = plan(&shop, &store, &grants, &[("mail", "process.spawn")]).unwrap();
    assert!(again.is_empty(), "{again:?}");
    let absent = plan(&shop, &store, &grants, &[("absent", "process.spawn")]).unwrap_err();
    assert_eq!(absent.code(), "NotInstalled", "{absent}");
}

#[test]
fn an_unsigned_plugin_is_granted_by_its_digest() {
    let shop = Workshop::new();
    let manifest = json!({
        "id": "org.free.x", "name": "x", "version": "1.0.0", "description": "Does.", "author": "Free",
        "entry_point": "x::Plugin", "actions": [], "permissions_required": ["process.spawn"],
    });
    let package = shop.read(&shop.build(manifest, "x", None)).unwrap();
    let (store, id) = (shop.store("store"), package.document.id().clone());
    let ledger = store.ledger().unwrap();
    let planner = Planner::new(&store, &ledger, &shop.trust, apex_trust::Policy::standard()).package(&package);
    let planner = planner.grant(id.clone(), permission("process.spawn"));
    let plan = planner.plan(&[apex_resolve::Request::any(id)]).unwrap();
    assert_eq!(plan.grants[0].owner, Owner::Digest(package.digest));
    assert!(plan.steps[0].not_granted.is_empty());
}

#[test]
fn a_lock_grants_nothing_and_is_refused_until_the_operators_grants_are_the_same() {
    let shop = shop();
    let (store, mut grants) = (shop.store("store"), Grants::empty());
    let granted = plan(&shop, &store, &grants, &[("mail", "net.connect:587")]).unwrap();
    let ledger = shop.apply(&store, &granted).unwrap();
    granted.grant(&mut grants);
    let lock = Lock::of(&ledger, &grants);

    let other = shop.store("other");
    let ledger = other.ledger().unwrap();
    let (source, index) = shop.source();
    let planner = |before: &Grants, with: &[(&str, &str)]| {
        let planner = Planner::new(&other, &ledger, &shop.trust, apex_trust::Policy::standard());
        granting(planner.source(&source, &index).granted(before.clone()).locked(lock.clone()), with)
    };
    type Way<'a> = (&'a str, &'a dyn Fn(Planner<'_>) -> Result<Plan, InstallError>);
    let ways: [Way<'_>; 2] =
        [("install --locked", &|planner| planner.plan(&[request("mail")])), ("sync", &|planner| planner.sync())];
    for (way, make) in ways {
        let error = make(planner(&Grants::empty(), &[])).unwrap_err();
        let InstallError::GrantsDiffer(differences) = &error else { panic!("{way}: {error}") };
        assert_eq!(texts(&differences[0].missing), ["net.connect:587"], "{way}");
        assert!(error.to_string().contains("com.acme.mail is not granted net.connect:587"), "{error}");
        let hint = error.hint().unwrap();
        assert!(hint.contains("--grant 'com.acme.mail=net.connect:587'"), "{hint}");

        let with = [("mail", "net.connect:587")];
        let plan = make(planner(&Grants::empty(), &with)).unwrap();
        assert_eq!((steps(&plan).len(), plan.grants.len()), (2, 1), "{way}: said by the operator");
        assert_eq!(make(planner(&grants, &[])).unwrap().grants, [], "{way}: granted ahead");

        let more = [("mail", "net.connect:587"), ("base", "process.spawn")];
        let error = make(planner(&Grants::empty(), &more)).unwrap_err();
        assert_eq!(error.code(), "GrantsDiffer", "{way}");
        let hint = error.hint().unwrap();
        assert!(hint.contains("`apex ungrant com.acme.base 'process.spawn'`"), "{hint}");
    }
    assert!(!other.root().exists());
}
