//! A plugin that is called without pause while it is replaced.

use std::collections::BTreeSet;

use apex_plugins::{CancellationToken, Event, Placement, PluginManager, UpdateStage, exec::Lifecycle};
use apex_plugins_tests::Shop;
use futures::StreamExt as _;
use serde_json::json;

use crate::{COUNTER, PATIENCE, active, add, agreed, get, id};

/// Adds one again and again; gives each total that it was told.
async fn count_on(plugins: PluginManager, until: CancellationToken) -> Vec<i64> {
    let mut totals = Vec::new();
    while !until.is_cancelled() {
        totals.push(add(&plugins, 1).await);
    }
    totals
}

/// R5.3, R5.5: no call fails, no total is told twice, and none is left out.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_counter_that_is_updated_and_rolled_back_under_load_loses_nothing() {
    for placement in [Placement::InProcess, Placement::Process] {
        let shop = Shop::new(placement);
        shop.publish("counter", |_| ());
        shop.install("counter", "1.0.0");
        shop.publish("counter_v1_1", |_| ());
        let plugins = shop.host().build().await.unwrap();
        let until = CancellationToken::new();
        let callers: Vec<_> = (0..4).map(|_| tokio::spawn(count_on(plugins.clone(), until.clone()))).collect();
        let before = add(&plugins, 1).await;
        let applied = plugins.update(&[id(COUNTER).into()], &agreed()).await.unwrap();
        assert_eq!((applied.updates.len(), applied.states), (1, 1), "{placement}");
        let after = add(&plugins, 1).await;
        assert!(after > before, "{placement}");
        until.cancel();
        let mut totals = vec![before, after];
        for caller in callers {
            totals.extend(caller.await.unwrap());
        }
        let last = i64::try_from(totals.len()).unwrap();
        assert_eq!(totals.into_iter().collect::<BTreeSet<_>>(), (1..=last).collect(), "{placement}");
        assert_eq!((active(&plugins, COUNTER).as_str(), get(&plugins).await), ("1.1.0", json!(last)), "{placement}");

        plugins.rollback(&id(COUNTER), None, &agreed()).await.unwrap();
        let then = get(&plugins).await.as_i64().unwrap();
        assert_eq!(active(&plugins, COUNTER), "1.0.0", "{placement}");
        assert!((before..after).contains(&then), "{placement}: {then} is the total of the moment of the update");
        plugins.update(&[id(COUNTER).into()], &agreed()).await.unwrap();
        assert_eq!(get(&plugins).await, json!(then), "{placement}: what was saved before the rollback is superseded");
        assert!(plugins.shutdown(PATIENCE).await.leftovers.is_empty(), "{placement}");
    }
}

#[tokio::test]
async fn an_update_is_told_stage_by_stage_and_the_old_instance_ends() {
    let shop = Shop::new(Placement::Process);
    shop.publish("counter", |_| ());
    shop.install("counter", "1.0.0");
    shop.publish("counter_v1_1", |_| ());
    let plugins = shop.host().build().await.unwrap();
    add(&plugins, 3).await;
    let mut events = plugins.events();
    plugins.update(&[], &agreed()).await.unwrap();
    let (mut stages, mut has_stopped) = (Vec::new(), false);
    while !has_stopped || stages.last() != Some(&UpdateStage::Done) {
        match tokio::time::timeout(PATIENCE, events.next()).await.unwrap().unwrap() {
            Event::Update { plugin, from, to, stage } => {
                assert_eq!((plugin, from.to_string(), to.to_string()), (id(COUNTER), "1.0.0".into(), "1.1.0".into()));
                stages.push(stage);
            }
            Event::Lifecycle { version, to: Lifecycle::Stopped, .. } => {
                assert_eq!(version.to_string(), "1.0.0");
                has_stopped = true;
            }
            _ => {}
        }
    }
    use UpdateStage::{Checking, Done, Draining, Migrating};
    assert_eq!(stages, [Draining, Migrating, Checking, Done]);
    assert_eq!(get(&plugins).await, json!(3));
    plugins.shutdown(PATIENCE).await;
}

/// A plugin without a state goes on answering while its calls under way end.
#[tokio::test]
async fn new_calls_of_a_plugin_without_a_state_wait_for_nobody() {
    let shop = Shop::new(Placement::Process);
    for version in ["1.0.0", "1.1.0"] {
        shop.publish_version("faulty", version);
    }
    shop.install("faulty", "1.0.0");
    let plugins = shop.host().build().await.unwrap();
    let cancel = CancellationToken::new();
    let slow = plugins.call(crate::FAULTY, "echo").params(json!({"number": 1, "ms": 3_600_000}));
    let slow = tokio::spawn(slow.timeout(PATIENCE * 60).cancel_with(cancel.clone()).result());
    while plugins.metrics().iter().all(|action| action.in_flight == 0) {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    plugins.update(&[], &agreed()).await.unwrap();
    assert_eq!(crate::call(&plugins, crate::FAULTY, "echo", json!({"number": 7, "ms": 0})).await, Ok(json!(7)));
    assert_eq!(active(&plugins, crate::FAULTY), "1.1.0");
    assert!(!slow.is_finished(), "the slow call is still under way, on the old version");
    cancel.cancel();
    slow.await.unwrap().unwrap_err();
    plugins.shutdown(PATIENCE).await;
}
