//! R5.1, R5.2, R5.8: what there is to update, and what is updated unasked.

use apex_plugins::{Event, Placement, install::UpdatePolicy};
use apex_plugins_tests::Shop;
use futures::StreamExt as _;
use serde_json::json;

use crate::{COUNTER, PATIENCE, active, add, agreed, get, id};

/// A shop with the counter in all versions, and the first one installed.
fn furnished() -> Shop {
    let shop = Shop::new(Placement::Process);
    for plugin in ["counter", "counter_v1_1", "counter_v2"] {
        shop.publish(plugin, |_| ());
    }
    shop.install("counter", "1.0.0");
    shop
}

#[tokio::test]
async fn what_there_is_to_update_is_data_and_an_event() {
    let shop = furnished();
    let plugins = shop.host().build().await.unwrap();
    add(&plugins, 1).await;
    let mut events = plugins.events();
    let found = plugins.available_updates().await.unwrap();
    let shown = serde_json::to_value(&found).unwrap();
    assert_eq!(shown[0]["id"], COUNTER);
    let versions = ["installed", "available", "latest", "policy"].map(|member| shown[0][member].clone());
    assert_eq!(versions, [json!("1.0.0"), json!("2.0.0"), json!("2.0.0"), json!("manual")]);
    assert_eq!((shown[0]["running"].clone(), shown[0]["automatic"].clone()), (json!(["1.0.0"]), json!(false)));
    let update = &shown[0]["update"];
    assert_eq!(update["version_step"], "major", "{update:#}");
    assert_eq!(update["permissions"]["added"], json!(["env:COUNTER_UNIT"]));
    assert_eq!(update["concerns"], json!(["major-version", "new-permission", "changed-action"]));
    let told = loop {
        if let Event::UpdateAvailable(info) = events.next().await.unwrap() {
            break info;
        }
    };
    assert_eq!(*told, found[0]);
    plugins.shutdown(PATIENCE).await;
}

#[tokio::test]
async fn a_policy_carries_out_what_concerns_nobody_within_the_pin_and_leaves_the_rest() {
    let shop = furnished();
    let plugins = shop.host().build().await.unwrap();
    add(&plugins, 4).await;
    let store = shop.store();
    store.set_update_policy(None, Some(UpdatePolicy::Immediate)).unwrap();
    // The major version concerns somebody.
    assert_eq!(plugins.follow_update_policies().await.unwrap().len(), 1);
    assert_eq!(active(&plugins, COUNTER), "1.0.0");
    store.pin(&id(COUNTER), Some("^1".parse().unwrap())).unwrap();
    assert!(plugins.follow_update_policies().await.unwrap().is_empty());
    assert_eq!((active(&plugins, COUNTER).as_str(), get(&plugins).await), ("1.1.0", json!(4)));
    // What somebody went back from is not returned to.
    plugins.rollback(&id(COUNTER), None, &agreed()).await.unwrap();
    let left = plugins.follow_update_policies().await.unwrap();
    assert!(left[0].outdated.rolled_back && !left[0].automatic);
    assert_eq!(active(&plugins, COUNTER), "1.0.0");
    plugins.shutdown(PATIENCE).await;
}

#[tokio::test]
async fn on_restart_is_when_the_host_starts_and_never_before() {
    let shop = furnished();
    shop.store().pin(&id(COUNTER), Some("^1".parse().unwrap())).unwrap();
    shop.store().set_update_policy(Some(&id(COUNTER)), Some(UpdatePolicy::Manual)).unwrap();
    let manual = shop.host().build().await.unwrap();
    shop.store().set_update_policy(Some(&id(COUNTER)), Some(UpdatePolicy::OnRestart)).unwrap();
    manual.follow_update_policies().await.unwrap();
    assert_eq!(active(&manual, COUNTER), "1.0.0");
    manual.shutdown(PATIENCE).await;
    let restarted = shop.host().build().await.unwrap();
    assert_eq!(active(&restarted, COUNTER), "1.1.0");
    restarted.shutdown(PATIENCE).await;
}
