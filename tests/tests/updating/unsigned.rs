//! Plugins that nobody signed: their files are the owner of what they keep (row 86, R7.6).

use std::path::Path;

use apex_plugins::{
    ErrorKind, Owner, Placement, PluginManager, UpdateOptions,
    install::Consent,
    state::{StateKey, StateStore as _},
};
use apex_plugins_tests::{Shop, apex_host, package_changed};
use serde_json::{Value, json};

use crate::{PATIENCE, active, agreed, call, id};

/// An id that is no publisher's.
const COUNTER: &str = "org.nobody.counter";

fn of_nobody(version: &'static str) -> impl Fn(&mut Value) {
    move |manifest| {
        manifest["id"] = COUNTER.into();
        manifest["version"] = version.into();
    }
}

async fn add(plugins: &PluginManager, by: i64) -> Result<Value, ErrorKind> {
    call(plugins, COUNTER, "add", json!({"by": by})).await
}

/// The versions that have a state, with its owner.
async fn owners(shop: &Shop) -> Vec<(String, Option<Owner>)> {
    let listing = shop.states().list(&id(COUNTER)).await.unwrap();
    listing.entries.into_iter().map(|entry| (entry.key.version.to_string(), entry.key.owner)).collect()
}

/// In a developer's root a version is built again and again; what the files before kept is not theirs to read.
#[tokio::test]
async fn other_files_of_the_same_unsigned_version_are_refused_the_state_and_told_how_to_begin_anew() {
    let shop = Shop::new(Placement::Process);
    let host = async |root: &Path| {
        let builder = PluginManager::builder().root(root).state(shop.states()).child_program(apex_host());
        builder.build().await.unwrap()
    };
    let (before, after) = (shop.path("before"), shop.path("after"));
    package_changed("counter", None, &before, of_nobody("1.0.0"));
    let plugins = host(&before).await;
    assert_eq!(add(&plugins, 7).await, Ok(json!(7)));
    plugins.shutdown(PATIENCE).await;

    package_changed("counter_v1_1", None, &after, of_nobody("1.0.0"));
    let plugins = host(&after).await;
    for action in ["add", "get"] {
        let error = plugins.call(COUNTER, action).params(json!({})).timeout(PATIENCE).result().await.unwrap_err();
        let causes: Vec<_> = error.causes().collect();
        // By way of the plugin, which says nothing of a kind that only a host may tell.
        assert_eq!(error.kind(), ErrorKind::Execution, "{error}: {causes:?}");
        assert!(causes.concat().contains("the unsigned plugin blake3:"), "{error}: {causes:?}");
        assert!(causes.concat().contains(&format!("`apex state clear {COUNTER}`")), "{error}: {causes:?}");
    }
    assert_eq!(shop.states().list(&id(COUNTER)).await.unwrap().entries.len(), 1, "it is still there");
    let key = shop.states().list(&id(COUNTER)).await.unwrap().entries[0].key.clone();
    assert!(shop.states().clear(&key).await.unwrap());
    assert_eq!(add(&plugins, 1).await, Ok(json!(1)), "it begins anew");
    plugins.shutdown(PATIENCE).await;
}

/// Between two unsigned versions nobody answers for either; who agrees to that takes the state along.
#[tokio::test]
async fn an_update_between_unsigned_versions_takes_the_state_along_if_somebody_agrees() {
    let shop = Shop::new(Placement::Process);
    shop.publish_unsigned("counter", of_nobody("1.0.0"));
    shop.install_id(COUNTER, "1.0.0");
    shop.publish_unsigned("counter_v1_1", of_nobody("1.1.0"));
    let plugins = shop.host().build().await.unwrap();
    assert_eq!(add(&plugins, 7).await, Ok(json!(7)));
    let all_but_that = Consent { publisher: false, ..Consent::to_all() };
    let error = plugins.update(&[], &UpdateOptions { consent: all_but_that, ..agreed() }).await.unwrap_err();
    assert_eq!(error.code(), "UpdateNotConfirmed");
    assert!(error.to_string().contains("changed-publisher"), "{error}");
    assert_eq!(add(&plugins, 1).await, Ok(json!(8)));

    assert_eq!(plugins.update(&[], &agreed()).await.unwrap().states, 1);
    assert_eq!((add(&plugins, 1).await, active(&plugins, COUNTER)), (Ok(json!(9)), "1.1.0".into()));
    let kept = owners(&shop).await;
    assert_eq!(kept.iter().map(|(version, _)| version.as_str()).collect::<Vec<_>>(), ["1.0.0", "1.1.0"]);
    assert!(kept.iter().all(|(_, owner)| matches!(owner, Some(Owner::Digest(_)))) && kept[0].1 != kept[1].1);
    plugins.rollback(&id(COUNTER), None, &agreed()).await.unwrap();
    assert_eq!((add(&plugins, 0).await, active(&plugins, COUNTER)), (Ok(json!(8)), "1.0.0".into()));
    plugins.shutdown(PATIENCE).await;
}

/// What lies under the new version's number and belongs to other files is nobody's to replace.
#[tokio::test]
async fn a_state_of_other_files_under_the_new_versions_number_refuses_the_update() {
    let shop = Shop::new(Placement::Process);
    shop.publish_unsigned("counter", of_nobody("1.0.0"));
    shop.install_id(COUNTER, "1.0.0");
    shop.publish_unsigned("counter_v1_1", of_nobody("1.1.0"));
    let others = Owner::Digest(format!("blake3:{}", "ab".repeat(32)).parse().unwrap());
    let key = StateKey::new(id(COUNTER), "1.1.0".parse().unwrap()).with_owner(others);
    shop.states().save(&key, 0, &json!({"value": 1000})).await.unwrap();
    let plugins = shop.host().build().await.unwrap();
    assert_eq!(add(&plugins, 7).await, Ok(json!(7)));
    let error = plugins.update(&[], &agreed()).await.unwrap_err();
    assert_eq!(error.code(), "StateOwnerMismatch", "{error}");
    assert!(error.hint().unwrap().contains("apex state clear"), "{:?}", error.hint());
    assert_eq!((add(&plugins, 1).await, active(&plugins, COUNTER)), (Ok(json!(8)), "1.0.0".into()));
    assert!(shop.states().clear(&key).await.unwrap());
    plugins.update(&[], &agreed()).await.unwrap();
    assert_eq!((add(&plugins, 1).await, active(&plugins, COUNTER)), (Ok(json!(9)), "1.1.0".into()));
    plugins.shutdown(PATIENCE).await;
}
