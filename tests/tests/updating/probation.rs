//! A new version that crashes again and again gives way to the one before it.

use std::time::Duration;

use apex_plugins::{Builder, ErrorKind, Event, Limits, Placement, PluginManager};
use apex_plugins_tests::Shop;
use futures::StreamExt as _;
use serde_json::json;

use crate::{FAULTY, PATIENCE, agreed, call, id};

/// All crashes count, however long they take.
fn counting_crashes(host: Builder) -> Builder {
    host.limits(Limits {
        crashes_allowed: 2,
        crash_window: Duration::from_secs(3600),
        restart_pause: Duration::from_millis(1),
        ..Limits::default()
    })
}

/// A host whose faulty plugin, with a state, was just updated.
async fn updated(probation: Duration) -> (Shop, PluginManager) {
    let shop = Shop::new(Placement::Process);
    for version in ["1.0.0", "1.1.0"] {
        shop.publish_version("faulty", version);
    }
    shop.install("faulty", "1.0.0");
    let plugins = counting_crashes(shop.host()).probation(probation).build().await.unwrap();
    assert_eq!(call(&plugins, FAULTY, "add", json!({"by": 5})).await, Ok(json!(5)));
    plugins.update(&[], &agreed()).await.unwrap();
    assert_eq!(call(&plugins, FAULTY, "add", json!({"by": 1})).await, Ok(json!(6)));
    (shop, plugins)
}

async fn crash_into_quarantine(plugins: &PluginManager) {
    for _ in 0..3 {
        assert_eq!(call(plugins, FAULTY, "abort", json!({})).await, Err(ErrorKind::PluginCrashed));
    }
}

#[tokio::test]
async fn a_crash_loop_on_probation_brings_the_version_before_back_with_its_state() {
    let (shop, plugins) = updated(Duration::from_secs(3600)).await;
    let mut events = plugins.events();
    crash_into_quarantine(&plugins).await;
    let back = async {
        loop {
            if let Event::RolledBack { from, to, .. } = events.next().await.unwrap() {
                break (from.to_string(), to.to_string());
            }
        }
    };
    let back = tokio::time::timeout(PATIENCE, back).await.unwrap();
    assert_eq!(back, ("1.1.0".to_owned(), "1.0.0".to_owned()));
    assert_eq!(call(&plugins, FAULTY, "add", json!({"by": 0})).await, Ok(json!(5)));
    let ledger = shop.store().ledger().unwrap();
    let last = ledger.get(&id(FAULTY)).unwrap().history.last().unwrap();
    assert!(last.because.as_ref().unwrap().contains("crashed too often"), "{last:?}");
    // What is in quarantine does not become active again before somebody lifts it.
    let error = plugins.update(&[], &agreed()).await.unwrap_err();
    assert_eq!(error.code(), "PluginQuarantined", "{error}");
    assert!(error.hint().unwrap().contains("apex enable"));
    plugins.shutdown(PATIENCE).await;
}

#[tokio::test]
async fn after_its_probation_a_version_that_crashes_is_quarantined_and_stays() {
    let (shop, plugins) = updated(Duration::ZERO).await;
    crash_into_quarantine(&plugins).await;
    let error = call(&plugins, FAULTY, "echo", json!({"number": 7})).await;
    assert_eq!(error, Err(ErrorKind::PluginQuarantined));
    // What was to be noted, and done about it, is done when this is over.
    plugins.shutdown(PATIENCE).await;
    let ledger = shop.store().ledger().unwrap();
    assert_eq!(ledger.get(&id(FAULTY)).unwrap().active, Some("1.1.0".parse().unwrap()));
}
