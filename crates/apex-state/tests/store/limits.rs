//! R7.5: the size limit of a save and the quota of a plugin.

use apex_state::{FileStateOptions, MemoryStateStore, Scope, StateKey, StateLimits, StateStore};
use serde_json::{Value, json};

use super::{Sandbox, key, key_of};

fn of_bytes(bytes: usize) -> Value {
    json!("x".repeat(bytes - 2))
}

fn tenant(number: usize) -> StateKey {
    key().with_scope(Scope::Tenant(format!("tenant{number}").parse().unwrap()))
}

fn options(max_save_bytes: u64, quota_bytes: u64) -> FileStateOptions {
    FileStateOptions::default().limits(StateLimits { max_save_bytes, quota_bytes })
}

#[tokio::test]
async fn a_state_that_is_too_large_is_refused_and_the_old_one_kept() {
    let sandbox = Sandbox::new();
    let limits = StateLimits { max_save_bytes: 100, ..StateLimits::default() };
    let memory = MemoryStateStore::with_limits(limits);
    let files = sandbox.store_with(FileStateOptions::default().limits(limits));
    for store in [&memory as &dyn StateStore, &files] {
        assert_eq!(store.save(&key(), 0, &of_bytes(100)).await.unwrap(), 1);
        let error = store.save(&key(), 1, &of_bytes(101)).await.unwrap_err();
        assert_eq!(error.code(), "StateTooLarge");
        assert_eq!(error.to_string(), "state of com.acme.counter 1.0.2 has 101 bytes, at most 100 are allowed");
        assert_eq!(store.load(&key()).await.unwrap().unwrap().data, of_bytes(100));
    }
}

#[tokio::test]
async fn the_states_of_a_plugin_keep_to_its_quota_together() {
    let sandbox = Sandbox::new();
    let limits = StateLimits { quota_bytes: 10_000, ..StateLimits::default() };
    let memory = MemoryStateStore::with_limits(limits);
    let files = sandbox.store_with(FileStateOptions::default().limits(limits));
    for store in [&memory as &dyn StateStore, &files] {
        for number in 0..3 {
            store.save(&tenant(number), 0, &of_bytes(3000)).await.unwrap();
        }
        let error = store.save(&tenant(3), 0, &of_bytes(3000)).await.unwrap_err();
        assert_eq!(error.code(), "StateQuotaExceeded");
        assert!(error.hint().is_some_and(|hint| hint.contains("apex state show com.acme.counter")));
        assert_eq!(store.load(&tenant(3)).await.unwrap(), None);
        // Another plugin has a quota of its own, and a smaller state is always welcome.
        store.save(&key_of("com.acme.other", "1.0.0"), 0, &of_bytes(3000)).await.unwrap();
        store.save(&tenant(0), 1, &of_bytes(100)).await.unwrap();
        store.save(&tenant(3), 0, &of_bytes(2000)).await.unwrap();
        assert!(store.clear(&tenant(1)).await.unwrap());
        store.save(&tenant(4), 0, &of_bytes(3000)).await.unwrap();
    }
}

#[test]
fn a_quota_holds_across_stores_and_processes() {
    let sandbox = Sandbox::new();
    let (one, two) = (sandbox.store_with(options(5000, 10_000)), sandbox.store_with(options(5000, 10_000)));
    one.save_blocking(&tenant(0), 0, &of_bytes(4000)).unwrap();
    two.save_blocking(&tenant(1), 0, &of_bytes(4000)).unwrap();
    assert_eq!(one.save_blocking(&tenant(2), 0, &of_bytes(4000)).unwrap_err().code(), "StateQuotaExceeded");
    assert_eq!(
        sandbox.store_with(options(5000, 10_000)).save_blocking(&tenant(2), 0, &of_bytes(4000)).unwrap_err().code(),
        "StateQuotaExceeded"
    );
}

#[test]
fn a_note_of_the_sum_that_is_wrong_refuses_nothing() {
    let sandbox = Sandbox::new();
    let store = sandbox.store_with(options(5000, 10_000));
    store.save_blocking(&tenant(0), 0, &of_bytes(4000)).unwrap();
    let lock = store.directory().join("com.acme.counter/.lock");
    for note in ["99999999999999999999", "18446744073709551615", "00000000000000009999", "nonsense", "", "\u{e9}\u{e9}"]
    {
        super::put(&lock, note.as_bytes());
        let generation = store.load_blocking(&tenant(1)).unwrap().map_or(0, |record| record.generation);
        store.save_blocking(&tenant(1), generation, &of_bytes(4000)).unwrap();
        store.clear_blocking(&tenant(1)).unwrap();
    }
}

#[test]
fn a_state_from_before_the_limits_were_lowered_is_not_taken_for_damage() {
    let sandbox = Sandbox::new();
    let file = {
        let store = sandbox.store();
        store.save_blocking(&key(), 0, &of_bytes(100)).unwrap();
        store.save_blocking(&key(), 1, &of_bytes(200_000)).unwrap();
        store.path(&key())
    };
    let before = std::fs::read(&file).unwrap();
    let small = sandbox.store_with(options(1000, 1000));
    for error in [small.load_blocking(&key()).unwrap_err(), small.save_blocking(&key(), 2, &json!(1)).unwrap_err()] {
        assert_eq!((error.code(), error.hint().is_some()), ("StateTooLarge", true));
    }
    assert_eq!(std::fs::read(&file).unwrap(), before);
    assert!(small.clear_blocking(&key()).unwrap());
    assert_eq!(small.load_blocking(&key()).unwrap(), None);
}
