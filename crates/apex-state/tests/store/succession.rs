//! R5.5, R7.6: what a new version inherits, and what is as before when it is not taken.

use std::io;

use apex_state::{MemoryStateStore, Owner, Scope, StateKey, StateStore, Succession, SuccessionError};
use serde_json::{Value, json};

use super::{Sandbox, key_of, put};

const ID: &str = "com.acme.counter";

fn succession(from: &str, to: &str) -> Succession {
    Succession::new(ID.parse().unwrap(), from.parse().unwrap(), to.parse().unwrap())
}

async fn save(store: &dyn StateStore, key: &StateKey, data: Value) {
    let generation = store.load(key).await.unwrap().map_or(0, |record| record.generation);
    store.save(key, generation, &data).await.unwrap();
}

async fn data(store: &dyn StateStore, key: &StateKey) -> Option<Value> {
    store.load(key).await.unwrap().map(|record| record.data)
}

/// A plugin without a migration.
async fn none(_: &apex_state::PluginVersion, _: Value) -> Result<Option<Value>, io::Error> {
    Ok(None)
}

#[tokio::test]
async fn within_a_major_version_the_newest_earlier_state_of_each_scope_is_copied() {
    let sandbox = Sandbox::new();
    let store: &dyn StateStore = &sandbox.store();
    let tenant = |version: &str| key_of(ID, version).with_scope(Scope::Tenant("acme".parse().unwrap()));
    save(store, &key_of(ID, "1.0.0"), json!("old")).await;
    save(store, &key_of(ID, "1.1.0"), json!("new")).await;
    save(store, &key_of(ID, "1.3.0"), json!("from the future")).await;
    save(store, &tenant("1.0.0"), json!("tenant's")).await;
    let carried = succession("1.1.0", "1.2.0").carry_over(store, none).await.unwrap();
    assert_eq!(carried.len(), 2);
    assert_eq!(data(store, &key_of(ID, "1.2.0")).await, Some(json!("new")));
    assert_eq!(data(store, &tenant("1.2.0")).await, Some(json!("tenant's")));
    carried.undo(store).await.unwrap();
    assert_eq!(data(store, &key_of(ID, "1.2.0")).await, None);
    assert_eq!(data(store, &key_of(ID, "1.1.0")).await, Some(json!("new")));
}

#[tokio::test]
async fn across_major_versions_a_state_without_a_migration_is_refused_and_nothing_is_left() {
    let store = MemoryStateStore::new();
    let user = key_of(ID, "1.0.0").with_scope(Scope::User { tenant: None, user: "ada".parse().unwrap() });
    for key in [key_of(ID, "1.0.0"), user] {
        save(&store, &key, json!(1)).await;
    }
    let mut asked = 0;
    let only_the_first = async |_: &_, state| {
        asked += 1;
        Ok::<_, io::Error>((asked == 1).then_some(state))
    };
    let error = succession("1.0.0", "2.0.0").carry_over(&store, only_the_first).await.unwrap_err();
    assert!(matches!(error, SuccessionError::NotMigrated { .. }), "{error}");
    assert_eq!(store.list(&ID.parse().unwrap()).await.unwrap().entries.len(), 2);
    // Without a state there is nothing to refuse.
    let empty = MemoryStateStore::new();
    assert!(succession("1.0.0", "2.0.0").carry_over(&empty, none).await.unwrap().is_empty());
}

#[tokio::test]
async fn what_the_new_version_had_is_there_again_after_an_undo() {
    let sandbox = Sandbox::new();
    let store: &dyn StateStore = &sandbox.store();
    save(store, &key_of(ID, "1.0.0"), json!(1)).await;
    save(store, &key_of(ID, "2.0.0"), json!("from before a rollback")).await;
    let double = async |_: &_, state: Value| Ok::<_, io::Error>(state.as_i64().map(|value| json!(value * 2)));
    let carried = succession("1.0.0", "2.0.0").carry_over(store, double).await.unwrap();
    assert_eq!(data(store, &key_of(ID, "2.0.0")).await, Some(json!(2)));
    carried.undo(store).await.unwrap();
    assert_eq!(data(store, &key_of(ID, "2.0.0")).await, Some(json!("from before a rollback")));
}

#[tokio::test]
async fn a_migration_that_fails_leaves_everything_as_it_was() {
    let store = MemoryStateStore::new();
    save(&store, &key_of(ID, "1.0.0"), json!(1)).await;
    let fails = async |_: &_, _| Err::<Option<Value>, _>(io::Error::other("on purpose"));
    let error = succession("1.0.0", "1.1.0").carry_over(&store, fails).await.unwrap_err();
    assert!(matches!(error, SuccessionError::Migration { .. }), "{error}");
    assert_eq!(data(&store, &key_of(ID, "1.1.0")).await, None);
}

#[tokio::test]
async fn a_save_of_the_earlier_version_in_between_is_noticed() {
    let store = MemoryStateStore::new();
    save(&store, &key_of(ID, "1.0.0"), json!(1)).await;
    let carried = succession("1.0.0", "1.1.0").carry_over(&store, none).await.unwrap();
    carried.check_current(&store).await.unwrap();
    save(&store, &key_of(ID, "1.0.0"), json!(2)).await;
    assert_eq!(carried.check_current(&store).await.unwrap_err().code(), "StateConflict");
}

/// Attack 86: nobody inherits what belongs to somebody else.
#[tokio::test]
async fn a_state_of_another_owner_is_not_inherited() {
    let store = MemoryStateStore::new();
    let publisher = |name: &str| Some(Owner::Publisher(name.to_owned()));
    let owned = |name: &str, version: &str| StateKey { owner: publisher(name), ..key_of(ID, version) };
    save(&store, &owned("acme", "1.0.0"), json!("acme's")).await;
    let evil = succession("1.0.0", "1.1.0").between(publisher("evil"), publisher("evil"));
    assert!(evil.carry_over(&store, none).await.unwrap().is_empty());
    let sold = succession("1.0.0", "1.1.0").between(publisher("acme"), publisher("buyer"));
    assert_eq!(sold.carry_over(&store, none).await.unwrap().len(), 1);
    assert_eq!(data(&store, &owned("buyer", "1.1.0")).await, Some(json!("acme's")));
}

#[tokio::test]
async fn a_damaged_state_without_a_backup_is_not_left_behind_in_silence() {
    let sandbox = Sandbox::new();
    let store = sandbox.store();
    let key = key_of(ID, "1.0.0");
    save(&store, &key, json!(1)).await;
    let path = store.path(&key);
    let damaged = std::fs::read_to_string(&path).unwrap().replace("\"data\"", "\"dota\"");
    put(&path, damaged.as_bytes());
    let error = succession("1.0.0", "1.1.0").carry_over(&store, none).await.unwrap_err();
    assert!(matches!(error, SuccessionError::State(_)), "{error}");
}
