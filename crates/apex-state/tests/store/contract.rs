//! R7.1, R7.3, R7.4, R7.6: what every store does.

use apex_meta::{Digest, DigestAlgorithm};
use apex_state::{MemoryStateStore, Owner, Scope, StateKey, StateStore};
use serde_json::{Value, json};

use super::{Sandbox, key, key_of};

/// Runs a test against both stores.
macro_rules! for_both_stores {
    ($($(#[$doc:meta])* async fn $name:ident($store:ident) $body:block)*) => {
        mod in_files {
            $(#[tokio::test] async fn $name() { super::$name(&super::Sandbox::new().store()).await; })*
        }
        mod in_memory {
            $(#[tokio::test] async fn $name() { super::$name(&super::MemoryStateStore::new()).await; })*
        }
        $($(#[$doc])* async fn $name($store: &dyn StateStore) $body)*
    };
}

async fn data(store: &dyn StateStore, key: &StateKey) -> Option<Value> {
    store.load(key).await.unwrap().map(|record| record.data)
}

for_both_stores! {
    async fn none_yet_is_not_a_failure(store) {
        assert_eq!(store.load(&key()).await.unwrap(), None);
        assert_eq!(store.list(&key().plugin).await.unwrap().entries, []);
        assert!(!store.clear(&key()).await.unwrap());
    }

    async fn what_was_saved_is_loaded(store) {
        for (last, value) in [json!({"count": 1}), json!(null), json!([1.5, "é", {"deep": []}])].iter().enumerate() {
            let generation = store.save(&key(), last as u64, value).await.unwrap();
            let record = store.load(&key()).await.unwrap().unwrap();
            assert_eq!((record.generation, &record.data, record.recovered), (generation, value, None));
        }
    }

    /// Attack 72.
    async fn a_save_that_builds_on_an_older_state_is_a_conflict(store) {
        assert_eq!(store.save(&key(), 1, &json!(1)).await.unwrap_err().code(), "StateConflict");
        let first = store.save(&key(), 0, &json!(1)).await.unwrap();
        assert_eq!(store.save(&key(), 0, &json!(2)).await.unwrap_err().code(), "StateConflict");
        let second = store.save(&key(), first, &json!(3)).await.unwrap();
        let error = store.save(&key(), first, &json!(4)).await.unwrap_err();
        assert_eq!(error.to_string(), format!(
            "state of com.acme.counter 1.0.2 was saved by somebody else: expected generation {first}, found {second}"
        ));
        assert!(error.kind().is_retryable() && error.hint().is_some());
        assert_eq!(data(store, &key()).await, Some(json!(3)));
    }

    async fn a_generation_never_comes_back(store) {
        let first = store.save(&key(), 0, &json!(1)).await.unwrap();
        assert!(store.clear(&key()).await.unwrap());
        assert!(!store.clear(&key()).await.unwrap());
        assert_eq!(store.load(&key()).await.unwrap(), None);
        assert_eq!(store.save(&key(), first, &json!(2)).await.unwrap_err().code(), "StateConflict");
        let again = store.save(&key(), 0, &json!(3)).await.unwrap();
        assert!(again > first);
        assert_eq!(data(store, &key()).await, Some(json!(3)));
    }

    async fn each_plugin_version_and_scope_has_a_state_of_its_own(store) {
        let name = |text: &str| text.parse().unwrap();
        let keys = [
            key(),
            key_of("com.acme.counter", "1.0.3"),
            key_of("com.acme.counter", "1.0.2-rc.1"),
            key_of("com.acme.Counter2", "1.0.2"),
            key().with_scope(Scope::Tenant(name("acme"))),
            key().with_scope(Scope::Tenant(name("Acme"))),
            key().with_scope(Scope::User { tenant: None, user: name("acme") }),
            key().with_scope(Scope::User { tenant: Some(name("acme")), user: name("acme") }),
        ];
        for (number, key) in keys.iter().enumerate() {
            store.save(key, 0, &json!(number)).await.unwrap();
        }
        for (number, key) in keys.iter().enumerate() {
            assert_eq!(data(store, key).await, Some(json!(number)), "{key}");
        }
        let listing = store.list(&key().plugin).await.unwrap();
        assert!(listing.unreadable.is_empty());
        let mut expected: Vec<_> = keys.iter().filter(|other| other.plugin == key().plugin).cloned().collect();
        expected.sort();
        assert_eq!(listing.entries.into_iter().map(|entry| entry.key).collect::<Vec<_>>(), expected);
        assert!(store.clear(&keys[4]).await.unwrap());
        assert_eq!(store.list(&key().plugin).await.unwrap().entries.len(), expected.len() - 1);
        assert_eq!(data(store, &keys[7]).await, Some(json!(7)));
    }

    /// R1.4.
    async fn build_metadata_makes_no_other_state(store) {
        store.save(&key_of("com.acme.counter", "1.0.2+linux"), 0, &json!(1)).await.unwrap();
        assert_eq!(data(store, &key()).await, Some(json!(1)));
        assert_eq!(store.save(&key_of("com.acme.counter", "1.0.2+mac"), 0, &json!(2)).await.unwrap_err().code(), "StateConflict");
    }

    /// Attack 86: whoever takes an id over inherits nothing.
    async fn a_state_belongs_to_whom_it_was_saved_for(store) {
        let unsigned = Owner::Digest(Digest::new(DigestAlgorithm::Blake3, [7; 32]));
        let owners = [None, Some(Owner::Publisher("acme".to_owned())), Some(unsigned), Some(Owner::Linked)];
        let owned = |owner: &Option<Owner>| StateKey { owner: owner.clone(), ..key() };
        for owner in &owners {
            let generation = store.save(&owned(owner), 0, &json!("secret")).await.unwrap();
            for other in owners.iter().filter(|other| *other != owner) {
                let squatter = owned(other);
                let errors = [
                    store.load(&squatter).await.unwrap_err(),
                    store.save(&squatter, generation, &json!("mine")).await.unwrap_err(),
                    store.save(&squatter, 0, &json!("mine")).await.unwrap_err(),
                    store.clear(&squatter).await.unwrap_err(),
                ];
                for error in errors {
                    assert_eq!(error.code(), "StateOwnerMismatch");
                    assert!(error.hint().is_some_and(|hint| hint.contains("apex state clear com.acme.counter")));
                    assert!(!error.to_string().contains("secret"));
                }
            }
            assert_eq!(data(store, &owned(owner)).await, Some(json!("secret")));
            let listing = store.list(&key().plugin).await.unwrap();
            assert_eq!(listing.entries[0].key.owner, *owner);
            // What the operator cleared is anybody's.
            assert!(store.clear(&listing.entries[0].key).await.unwrap());
            assert_eq!(store.load(&owned(&None)).await.unwrap(), None);
        }
    }
}

/// Attack 83: a key is made of ids that are ids.
#[test]
fn no_path_can_be_smuggled_into_a_key() {
    for id in ["../x", "a/b", "/etc", "a..b", "", ".", "a\0b", "a\\b"] {
        assert!(id.parse::<apex_state::PluginId>().is_err(), "{id:?}");
    }
}

#[test]
fn a_store_works_without_any_runtime() {
    let sandbox = Sandbox::new();
    let store = sandbox.store();
    assert_eq!(futures::executor::block_on(store.save(&key(), 0, &json!(1))).unwrap(), 1);
    assert_eq!(futures::executor::block_on(store.load(&key())).unwrap().unwrap().data, json!(1));
    assert_eq!(store.load_blocking(&key()).unwrap().unwrap().data, json!(1));
    assert!(store.clear_blocking(&key()).unwrap());
    assert!(store.list_blocking(&key().plugin).unwrap().entries.is_empty());
}

#[test]
fn a_runtime_that_is_dropped_cuts_no_save_short() {
    let sandbox = Sandbox::new();
    let store = sandbox.store();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let save = {
        let store = store.clone();
        async move { store.save(&key(), 0, &json!(1)).await }
    };
    // Polled once, so that the save is under way, and then given up.
    runtime.block_on(async {
        let mut save = Box::pin(save);
        std::future::poll_fn(|context| {
            let _ = save.as_mut().poll(context);
            std::task::Poll::Ready(())
        })
        .await;
    });
    drop(runtime);
    for _ in 0..6000 {
        if store.load_blocking(&key()).unwrap().is_some() {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    panic!("the save was lost");
}
