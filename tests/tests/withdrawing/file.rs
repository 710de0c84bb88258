//! The trust store's file is watched.

use std::{fs::File, io::Write as _, path::PathBuf};

use apex_plugins::{Event, EventStream};
use futures::StreamExt as _;

use super::*;

impl Scene {
    fn file(&self) -> PathBuf {
        self.path().join("trust.json")
    }

    /// A manager that goes by a file.
    async fn watching(&self) -> PluginManager {
        self.store.clone().save(&self.file()).unwrap();
        self.builder().trust_file(self.file()).build().await.unwrap()
    }

    fn edit(&self, change: impl FnOnce(&mut TrustStore)) {
        let edit = |store: &mut TrustStore| {
            change(store);
            Ok::<_, apex_plugins::trust::TrustStoreError>(())
        };
        TrustStore::update(&self.file(), edit).unwrap();
    }

    /// Overwrites the file where it is, as no careful program does.
    fn write(&self, text: &str) {
        File::create(self.file()).unwrap().write_all(text.as_bytes()).unwrap();
    }
}

/// Waits for an event that has something to tell.
async fn wait_for<T>(events: &mut EventStream, mut wanted: impl FnMut(Event) -> Option<T>) -> T {
    let found = async {
        loop {
            if let Some(found) = wanted(events.next().await.expect("the manager is there")) {
                return found;
            }
        }
    };
    tokio::time::timeout(PATIENCE, found).await.expect("it came")
}

#[tokio::test]
async fn a_key_that_is_revoked_in_the_file_ends_what_is_loaded() {
    let scene = Scene::new();
    let plugins = scene.watching().await;
    let mut events = plugins.events();
    let call = tokio::spawn(plugins.call(FAULTY, "never").params(json!({"key": "cut"})).result());
    until_started(&plugins, "cut").await;
    scene.edit(|store| store.revoke(&scene.key(), "2026-11-22T08:30:00Z".parse().unwrap(), "stolen").unwrap());
    let (plugin, reason, cut, _) = stopped(&mut events).await;
    assert_eq!((plugin.as_str(), &*reason.code, cut), (FAULTY, "KeyRevoked", vec!["never".to_owned()]));
    assert_eq!(code(&call.await.unwrap().unwrap_err()), "KeyRevoked");
    neighbour_serves(&plugins).await;
}

#[tokio::test]
async fn a_file_that_turns_invalid_or_goes_lets_nothing_new_in_and_ends_nothing() {
    let scene = Scene::new();
    let plugins = scene.watching().await;
    let mut events = plugins.events();
    observe(&plugins, "").await.unwrap();
    let unreadable = |event| match event {
        Event::TrustUnreadable { reason } => Some(reason),
        _ => None,
    };
    let changed = |event| matches!(event, Event::TrustChanged { .. }).then_some(());

    scene.write("{\"format\": \"apex-trust/1\",");
    let reason = wait_for(&mut events, unreadable).await;
    assert_eq!(reason.code, "TrustStoreInvalid");
    observe(&plugins, "").await.expect("what is loaded goes on");
    let refused = plugins.call(NEIGHBOUR, "greet").params(json!({"name": "Ada"})).result().await.unwrap_err();
    assert_eq!(code(&refused), "TrustStoreInvalid", "what is not loaded stays out");

    scene.store.clone().save(&scene.file()).unwrap();
    wait_for(&mut events, changed).await;
    neighbour_serves(&plugins).await;

    std::fs::remove_file(scene.file()).unwrap();
    assert_eq!(wait_for(&mut events, unreadable).await.code, "Unreadable");
    observe(&plugins, "").await.expect("what is loaded goes on");
    scene.revoked().save(&scene.file()).unwrap();
    assert_eq!(stopped(&mut events).await.1.code, "KeyRevoked");
    neighbour_serves(&plugins).await;
}

#[tokio::test]
async fn a_file_that_is_not_there_trusts_nobody_until_it_comes() {
    let scene = Scene::new();
    let plugins = scene.builder().trust_file(scene.file()).build().await.unwrap();
    let mut events = plugins.events();
    assert_eq!(code(&observe(&plugins, "").await.unwrap_err()), "UntrustedKey");
    scene.store.clone().save(&scene.file()).unwrap();
    wait_for(&mut events, |event| matches!(event, Event::Discovered(_)).then_some(())).await;
    observe(&plugins, "").await.unwrap();
}

#[tokio::test]
async fn a_manager_does_not_start_with_a_file_that_cannot_be_used() {
    let scene = Scene::new();
    scene.write("{}");
    let built = scene.builder().trust_file(scene.file()).build().await;
    assert!(matches!(built, Err(apex_plugins::BuildError::Trust(_))));
}
