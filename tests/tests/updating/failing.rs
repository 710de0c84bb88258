//! Updates that fail: code and state are as they were, and no call notices.

use std::time::Duration;

use apex_plugins::{
    CancellationToken, Event, Owner, Placement, Policy, UpdateOptions, UpdateStage,
    install::{Consent, Planner, Source},
    state::{StateKey, StateStore as _},
};
use apex_plugins_tests::Shop;
use futures::StreamExt as _;
use serde_json::json;

use crate::{COUNTER, FAULTY, PATIENCE, active, add, agreed, call, get, id};

/// R5.5: the version that says it is ill is not taken; once it is well, it is, and going back finds the old state.
#[tokio::test]
async fn a_failed_health_check_leaves_code_and_state_and_a_passed_one_takes_the_migrated_state() {
    for placement in [Placement::InProcess, Placement::Process] {
        let shop = Shop::new(placement);
        shop.publish("counter_v1_1", |_| ());
        shop.install("counter", "1.1.0");
        shop.publish("counter_v2", |_| ());
        let plugins = shop.host().build().await.unwrap();
        assert_eq!(add(&plugins, -3).await, -3);
        let error = plugins.update(&[], &agreed()).await.unwrap_err();
        assert_eq!(error.code(), "HealthCheckFailed", "{placement}: {error}");
        assert!(error.hint().unwrap().contains("nothing was changed"));
        assert_eq!((active(&plugins, COUNTER).as_str(), get(&plugins).await), ("1.1.0", json!(-3)), "{placement}");
        let versions = || async {
            let listing = shop.states().list(&id(COUNTER)).await.unwrap();
            listing.entries.iter().map(|entry| entry.key.version.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(versions().await, ["1.1.0"], "{placement}: the migrated copy is taken back");

        assert_eq!(add(&plugins, 10).await, 7);
        let applied = plugins.update(&[], &agreed()).await.unwrap();
        assert_eq!(applied.states, 1, "{placement}");
        assert_eq!(get(&plugins).await, json!({"total": 7, "additions": 0}), "{placement}");
        assert_eq!(add(&plugins, 1).await, 8);
        plugins.rollback(&id(COUNTER), None, &agreed()).await.unwrap();
        assert_eq!((active(&plugins, COUNTER).as_str(), get(&plugins).await), ("1.1.0", json!(7)), "{placement}");
        assert_eq!(versions().await, ["1.1.0", "2.0.0"], "{placement}: what version 2 saved is still there");
        plugins.shutdown(PATIENCE).await;
    }
}

/// A state that the migration does not understand is an error that says so, and not a guess.
#[tokio::test]
async fn a_migration_that_fails_leaves_code_and_state() {
    let shop = Shop::new(Placement::Process);
    shop.publish("counter_v1_1", |_| ());
    shop.install("counter", "1.1.0");
    shop.publish("counter_v2", |_| ());
    let owner = Owner::Publisher("examples".to_owned());
    let key = StateKey::new(id(COUNTER), "1.1.0".parse().unwrap()).with_owner(owner);
    shop.states().save_blocking(&key, 0, &json!({"value": "seven"})).unwrap();
    let plugins = shop.host().build().await.unwrap();
    let error = plugins.update(&[], &agreed()).await.unwrap_err();
    assert_eq!(error.code(), "MigrationFailed", "{error}");
    assert_eq!(active(&plugins, COUNTER), "1.1.0");
    let kept = shop.states().load_blocking(&key).unwrap().unwrap();
    assert_eq!((kept.generation, kept.data), (1, json!({"value": "seven"})));
    plugins.shutdown(PATIENCE).await;
}

/// What a host lacks is said before anything is tried.
#[tokio::test]
async fn a_host_without_a_store_or_a_file_for_grants_says_so() {
    let bare = apex_plugins::PluginManager::builder().build().await.unwrap();
    assert_eq!(bare.update(&[], &agreed()).await.unwrap_err().code(), "NoStore");
    let shop = Shop::new(Placement::Process);
    shop.publish("counter_v1_1", |_| ());
    shop.install("counter", "1.1.0");
    shop.publish("counter_v2", |_| ());
    let plugins = shop.host().grants(apex_plugins::Grants::empty()).build().await.unwrap();
    let (store, trust) = (shop.store(), shop.publisher.trusted(Placement::Process));
    let ledger = store.ledger().unwrap();
    let source = Source { name: "shop".to_owned(), location: shop.path("source") };
    let planner = Planner::new(&store, &ledger, &trust, Policy::standard()).source(&source, &source.index().unwrap());
    let planner = planner.newest(true).grant(id(COUNTER), "env:COUNTER_UNIT".parse().unwrap());
    let error = plugins.apply(&planner.plan(&[]).unwrap(), &agreed()).await.unwrap_err();
    assert_eq!(error.code(), "NoGrantsFile", "{error}");
    assert_eq!(active(&plugins, COUNTER), "1.1.0");
    plugins.shutdown(PATIENCE).await;
}

/// R5.4: consent is asked for what was unpacked, whatever a plan showed.
#[tokio::test]
async fn what_nobody_agreed_to_is_refused_and_changes_nothing() {
    let shop = Shop::new(Placement::Process);
    shop.publish("counter_v1_1", |_| ());
    shop.install("counter", "1.1.0");
    shop.publish("counter_v2", |_| ());
    let plugins = shop.host().build().await.unwrap();
    add(&plugins, 1).await;
    let mut consent = Consent::default();
    for (concern, agree) in [
        ("major-version", (|consent| consent.major = true) as fn(&mut Consent)),
        ("new-permission", |consent| consent.permissions = true),
        ("changed-action", |consent| consent.actions = true),
    ] {
        let options = UpdateOptions { consent: consent.clone(), ..agreed() };
        let error = plugins.update(&[], &options).await.unwrap_err();
        assert_eq!(error.code(), "UpdateNotConfirmed");
        assert!(error.to_string().contains(concern), "{error}");
        assert_eq!(get(&plugins).await, json!(1));
        agree(&mut consent);
    }
    plugins.update(&[], &UpdateOptions { consent, ..agreed() }).await.unwrap();
    assert_eq!(active(&plugins, COUNTER), "2.0.0");
    plugins.shutdown(PATIENCE).await;
}

/// R7.6: the faulty plugin has a state and no migration.
#[tokio::test]
async fn a_state_without_a_way_across_major_versions_refuses_the_update_and_is_copied_within_one() {
    let shop = Shop::new(Placement::Process);
    for version in ["1.0.0", "1.1.0", "2.0.0"] {
        shop.publish_version("faulty", version);
    }
    shop.install("faulty", "1.0.0");
    let plugins = shop.host().build().await.unwrap();
    let total = |by: i64| call(&plugins, FAULTY, "add", json!({"by": by}));
    assert_eq!(total(5).await, Ok(json!(5)));
    let error = plugins.update(&[id(FAULTY).into()], &agreed()).await.unwrap_err();
    assert_eq!(error.code(), "StateNotMigrated", "{error}");
    assert!(error.hint().unwrap().contains("apex state"), "{:?}", error.hint());
    assert_eq!((active(&plugins, FAULTY).as_str(), total(0).await), ("1.0.0", Ok(json!(5))));
    plugins.update(&["com.apexagent.examples.faulty@^1".parse().unwrap()], &agreed()).await.unwrap();
    assert_eq!((active(&plugins, FAULTY).as_str(), total(0).await), ("1.1.0", Ok(json!(5))));
    plugins.shutdown(PATIENCE).await;
}

/// R5.3: bounded. Who waits is served by the old version when the update has given up.
#[tokio::test]
async fn calls_that_do_not_end_in_time_keep_the_old_version_and_those_that_waited_are_served() {
    let shop = Shop::new(Placement::Process);
    for version in ["1.0.0", "1.1.0"] {
        shop.publish_version("faulty", version);
    }
    shop.install("faulty", "1.0.0");
    let plugins = shop.host().build().await.unwrap();
    assert_eq!(call(&plugins, FAULTY, "add", json!({"by": 5})).await, Ok(json!(5)));
    let cancel = CancellationToken::new();
    let slow = plugins.call(FAULTY, "echo").params(json!({"number": 1, "ms": 3_600_000}));
    let slow = tokio::spawn(slow.timeout(PATIENCE * 60).cancel_with(cancel.clone()).result());
    while plugins.metrics().iter().all(|action| action.in_flight == 0) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let mut events = plugins.events();
    let options = UpdateOptions { drain: Duration::from_millis(300), ..agreed() };
    let update = tokio::spawn({
        let plugins = plugins.clone();
        async move { plugins.update(&[], &options).await }
    });
    let is_draining = |event: &Event| matches!(event, Event::Update { stage: UpdateStage::Draining, .. });
    while !is_draining(&events.next().await.unwrap()) {}
    assert_eq!(call(&plugins, FAULTY, "add", json!({"by": 1})).await, Ok(json!(6)));
    let error = update.await.unwrap().unwrap_err();
    assert_eq!(error.code(), "StillBusy", "{error}");
    assert_eq!(active(&plugins, FAULTY), "1.0.0");
    cancel.cancel();
    slow.await.unwrap().unwrap_err();
    plugins.update(&[], &agreed()).await.unwrap();
    assert_eq!(call(&plugins, FAULTY, "add", json!({"by": 1})).await, Ok(json!(7)));
    assert_eq!(active(&plugins, FAULTY), "1.1.0");
    plugins.shutdown(PATIENCE).await;
}

#[tokio::test]
async fn a_version_that_does_not_start_is_not_taken() {
    let shop = Shop::new(Placement::Process);
    for version in ["1.0.0", "1.1.0"] {
        shop.publish_version("faulty", version);
    }
    shop.install("faulty", "1.0.0");
    // The version that runs was started before its configuration changed.
    let sick = shop.host().configuration(id(FAULTY), json!({"initialize": "fail"})).build().await.unwrap();
    let error = sick.update(&[], &agreed()).await.unwrap_err();
    assert_eq!(error.code(), "DoesNotStart", "{error}");
    assert_eq!(active(&sick, FAULTY), "1.0.0");
    sick.shutdown(PATIENCE).await;
    // Nothing is left of it.
    assert!(apex_plugins::install::examine(&shop.store()).is_empty());
}
