//! Attack 72: several writers at once, in one store, in several, and in several processes.

use std::{sync::Arc, thread};

use apex_state::{FileStateStore, MemoryStateStore, Scope, StateError, StateStore};
use serde_json::{Value, json};

use super::{Sandbox, key};

/// Adds 1 until it is saved, as an author's update does; returns how often somebody else was faster.
async fn add_one(store: &dyn StateStore, key: &apex_state::StateKey) -> u64 {
    let mut conflicts = 0;
    loop {
        let (generation, count) = match store.load(key).await.unwrap() {
            Some(record) => (record.generation, record.data["count"].as_u64().unwrap()),
            None => (0, 0),
        };
        match store.save(key, generation, &json!({"count": count + 1})).await {
            Ok(saved) => {
                assert!(saved > generation);
                return conflicts;
            }
            Err(StateError::Conflict { .. }) => conflicts += 1,
            Err(error) => panic!("{error}"),
        }
    }
}

async fn count(store: &dyn StateStore) -> Value {
    store.load(&key()).await.unwrap().unwrap().data["count"].clone()
}

async fn compete(stores: Vec<Arc<dyn StateStore>>, rounds: usize) -> u64 {
    let mut tasks = Vec::new();
    for store in stores {
        tasks.push(tokio::spawn(async move {
            let mut conflicts = 0;
            for _ in 0..rounds {
                conflicts += add_one(&*store, &key()).await;
            }
            conflicts
        }));
    }
    let mut conflicts = 0;
    for task in tasks {
        conflicts += task.await.unwrap();
    }
    conflicts
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_update_is_lost_between_tasks_of_one_store() {
    let sandbox = Sandbox::new();
    let store: Arc<dyn StateStore> = Arc::new(sandbox.store());
    compete(vec![Arc::clone(&store); 4], 10).await;
    assert_eq!(count(&*store).await, json!(40));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_update_is_lost_between_stores() {
    let sandbox = Sandbox::new();
    compete((0..4).map(|_| Arc::new(sandbox.store()) as Arc<dyn StateStore>).collect(), 10).await;
    assert_eq!(count(&sandbox.store()).await, json!(40));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_update_is_lost_in_memory() {
    let store: Arc<dyn StateStore> = Arc::new(MemoryStateStore::new());
    compete(vec![Arc::clone(&store); 4], 250).await;
    assert_eq!(count(&*store).await, json!(1000));
}

#[test]
fn of_many_that_build_on_the_same_state_exactly_one_wins() {
    let sandbox = Sandbox::new();
    sandbox.store().save_blocking(&key(), 0, &json!(0)).unwrap();
    let stores: Vec<FileStateStore> = (0..8).map(|_| sandbox.store()).collect();
    let results: Vec<_> = thread::scope(|scope| {
        let save = |(number, store): (usize, &FileStateStore)| {
            let store = store.clone();
            scope.spawn(move || store.save_blocking(&key(), 1, &json!(number)))
        };
        let threads: Vec<_> = stores.iter().enumerate().map(save).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let winners: Vec<_> = (0..).zip(&results).filter(|(_, result)| result.is_ok()).map(|(number, _)| number).collect();
    assert_eq!(winners.len(), 1);
    for error in results.iter().filter_map(|result| result.as_ref().err()) {
        assert!(matches!(error, StateError::Conflict { expected: 1, found: 2, .. }), "{error}");
    }
    assert_eq!(sandbox.store().load_blocking(&key()).unwrap().unwrap().data, json!(winners[0]));
}

#[test]
fn readers_see_whole_states_while_writers_write() {
    let sandbox = Sandbox::new();
    let store = sandbox.store();
    let state = |number: u64| json!(vec![number; 2000]);
    store.save_blocking(&key(), 0, &state(0)).unwrap();
    thread::scope(|scope| {
        let writer = scope.spawn(|| {
            for number in 1..=50 {
                store.save_blocking(&key(), number, &state(number)).unwrap();
            }
        });
        let mut last = 0;
        while !writer.is_finished() {
            let record = sandbox.store().load_blocking(&key()).unwrap().unwrap();
            assert_eq!((&record.data, record.recovered.is_some()), (&state(record.generation - 1), false));
            assert!(record.generation >= last);
            last = record.generation;
        }
    });
}

#[test]
fn plugins_and_scopes_do_not_wait_for_each_others_conflicts() {
    let sandbox = Sandbox::new();
    let store = sandbox.store();
    thread::scope(|scope| {
        for number in 0..6 {
            let store = store.clone();
            scope.spawn(move || {
                let mine = key().with_scope(Scope::Tenant(format!("t{number}").parse().unwrap()));
                (0..5).for_each(|generation| {
                    assert_eq!(store.save_blocking(&mine, generation, &json!(generation)).unwrap(), generation + 1);
                });
            });
        }
    });
    assert_eq!(store.list_blocking(&key().plugin).unwrap().entries.len(), 6);
}
