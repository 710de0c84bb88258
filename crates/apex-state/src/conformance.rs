//! What every [`StateStore`] must do, as a suite that an implementation of one's own can be held to.
//!
//! ```
//! use apex_state::{MemoryStateStore, conformance};
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let checked = conformance::check(&MemoryStateStore::new()).await;
//! assert!(checked.is_ok(), "{checked:?}");
//! # }
//! ```

use std::{future::poll_fn, pin::Pin, task::Poll};

use apex_meta::{Digest, DigestAlgorithm, Owner, PluginId, PluginVersion};
use serde_json::{Value, json};

use crate::{Scope, StateError, StateKey, StateStore};

/// How many writers compete for one state.
const WRITERS: u64 = 64;

/// A rule that a store breaks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the store breaks the rule `{rule}`: {found}")]
pub struct Violation {
    /// The name of the rule.
    pub rule: &'static str,
    /// What was found instead.
    pub found: String,
}

type Checked = Result<(), String>;

/// Holds a store to every rule; its states of the plugins `org.example.conformance` and `org.example.conformance2` are lost.
///
/// It needs no runtime of its own. What survives a crash or a damaged disk is for an implementation's own tests: this sees
/// a store from outside.
///
/// # Errors
/// The first rule that it breaks.
pub async fn check(store: &dyn StateStore) -> Result<(), Violation> {
    type Rule = for<'a> fn(&'a dyn StateStore) -> Pin<Box<dyn Future<Output = Checked> + Send + 'a>>;
    let rules: [(&'static str, Rule); 8] = [
        ("none yet is not a failure", |store| Box::pin(none_yet(store))),
        ("what was saved is loaded", |store| Box::pin(saved_is_loaded(store))),
        ("a save that builds on an older state is a conflict", |store| Box::pin(conflicts(store))),
        ("a generation never comes back", |store| Box::pin(generations(store))),
        ("each plugin, version and scope has a state of its own", |store| Box::pin(places(store))),
        ("build metadata makes no other state", |store| Box::pin(build_metadata(store))),
        ("a state belongs to whom it was saved for", |store| Box::pin(owners(store))),
        ("of many writers none is lost", |store| Box::pin(writers(store))),
    ];
    for (rule, check) in rules {
        let violated = |found| Violation { rule, found };
        clear_all(store).await.map_err(violated)?;
        check(store).await.map_err(violated)?;
    }
    clear_all(store).await.map_err(|found| Violation { rule: "what is cleared is gone", found })
}

/// The key of a state of the suite's plugin.
fn key(version: &str) -> Result<StateKey, String> {
    let plugin: PluginId = "org.example.conformance".parse().map_err(|error| format!("{error}"))?;
    let version: PluginVersion = version.parse().map_err(|error| format!("{error}"))?;
    Ok(StateKey::new(plugin, version))
}

async fn clear_all(store: &dyn StateStore) -> Checked {
    for plugin in ["org.example.conformance", "org.example.conformance2"] {
        let plugin: PluginId = plugin.parse().map_err(|error| format!("{error}"))?;
        for entry in list(store, &plugin).await? {
            store.clear(&entry).await.map_err(|error| format!("`clear` of {entry} failed: {error}"))?;
        }
        let left = list(store, &plugin).await?;
        expect(left.is_empty(), || format!("{left:?} are still there"))?;
    }
    Ok(())
}

async fn list(store: &dyn StateStore, plugin: &PluginId) -> Result<Vec<StateKey>, String> {
    let listing = store.list(plugin).await.map_err(|error| format!("`list` failed: {error}"))?;
    expect(listing.unreadable.is_empty(), || format!("`list` finds {:?}", listing.unreadable))?;
    Ok(listing.entries.into_iter().map(|entry| entry.key).collect())
}

async fn load(store: &dyn StateStore, key: &StateKey) -> Result<Option<(u64, Value)>, String> {
    let loaded = store.load(key).await.map_err(|error| format!("`load` of {key} failed: {error}"))?;
    Ok(loaded.map(|record| (record.generation, record.data)))
}

async fn save(store: &dyn StateStore, key: &StateKey, expected: u64, data: &Value) -> Result<u64, String> {
    store.save(key, expected, data).await.map_err(|error| format!("`save` of {key} after {expected} failed: {error}"))
}

fn expect(holds: bool, found: impl FnOnce() -> String) -> Checked {
    if holds { Ok(()) } else { Err(found()) }
}

/// That something ends in an error of this code.
fn refused<T>(what: &str, result: Result<T, StateError>, code: &str) -> Checked {
    match result {
        Err(error) if error.code() == code => Ok(()),
        Err(error) => Err(format!("{what} is {}, not {code}", error.code())),
        Ok(_) => Err(format!("{what} is done, and should be {code}")),
    }
}

async fn none_yet(store: &dyn StateStore) -> Checked {
    let key = key("1.0.0")?;
    let loaded = load(store, &key).await?;
    expect(loaded.is_none(), || format!("a load gives {loaded:?}"))?;
    let cleared = store.clear(&key).await.map_err(|error| format!("`clear` failed: {error}"))?;
    expect(!cleared, || "`clear` says that there was a state".to_owned())
}

async fn saved_is_loaded(store: &dyn StateStore) -> Checked {
    let (key, mut last) = (key("1.0.0")?, 0);
    let values =
        [json!(null), json!({"deep": [[{}]], "text": "\u{0} é 😀"}), json!([i64::MAX, i64::MIN, 0.1, -0.0, 1e300])];
    for value in values {
        let saved = save(store, &key, last, &value).await?;
        expect(saved > last, || format!("generation {saved} follows {last}"))?;
        let loaded = load(store, &key).await?;
        expect(loaded == Some((saved, value.clone())), || format!("{value} comes back as {loaded:?}"))?;
        last = saved;
    }
    Ok(())
}

async fn conflicts(store: &dyn StateStore) -> Checked {
    let key = key("1.0.0")?;
    refused("a save over nothing that expects something", store.save(&key, 1, &json!(0)).await, "StateConflict")?;
    let first = save(store, &key, 0, &json!(1)).await?;
    refused("a save that expects nothing over something", store.save(&key, 0, &json!(2)).await, "StateConflict")?;
    save(store, &key, first, &json!(3)).await?;
    refused("a second save over the same", store.save(&key, first, &json!(4)).await, "StateConflict")?;
    let loaded = load(store, &key).await?.map(|(_, data)| data);
    expect(loaded == Some(json!(3)), || format!("after a conflict there is {loaded:?}"))
}

async fn generations(store: &dyn StateStore) -> Checked {
    let key = key("1.0.0")?;
    let first = save(store, &key, 0, &json!(1)).await?;
    let cleared = store.clear(&key).await.map_err(|error| format!("`clear` failed: {error}"))?;
    expect(cleared, || "`clear` says that there was no state".to_owned())?;
    let loaded = load(store, &key).await?;
    expect(loaded.is_none(), || format!("after a clear there is {loaded:?}"))?;
    refused("a save over what was cleared", store.save(&key, first, &json!(2)).await, "StateConflict")?;
    let again = save(store, &key, 0, &json!(3)).await?;
    expect(again > first, || format!("generation {again} comes after {first} and a clear"))
}

async fn places(store: &dyn StateStore) -> Checked {
    let name = |text: &str| text.parse().map_err(|error| format!("{error}"));
    let (one, mut other) = (key("1.0.0")?, key("1.0.0")?);
    other.plugin = "org.example.conformance2".parse().map_err(|error| format!("{error}"))?;
    let keys = [
        one.clone(),
        key("1.0.1")?,
        key("1.0.0-rc.1")?,
        one.clone().with_scope(Scope::Tenant(name("acme")?)),
        one.clone().with_scope(Scope::Tenant(name("Acme")?)),
        one.clone().with_scope(Scope::Tenant(name("../acme")?)),
        one.clone().with_scope(Scope::User { tenant: None, user: name("acme")? }),
        one.clone().with_scope(Scope::User { tenant: Some(name("acme")?), user: name("acme")? }),
        other,
    ];
    for (number, key) in keys.iter().enumerate() {
        save(store, key, 0, &json!(number)).await?;
    }
    for (number, key) in keys.iter().enumerate() {
        let loaded = load(store, key).await?.map(|(_, data)| data);
        expect(loaded == Some(json!(number)), || format!("{key} holds {loaded:?}, not {number}"))?;
    }
    let mut expected: Vec<_> = keys.iter().filter(|key| key.plugin == one.plugin).cloned().collect();
    expected.sort();
    let listed = list(store, &one.plugin).await?;
    expect(listed == expected, || format!("listed are {listed:?}, not {expected:?} in this order"))
}

async fn build_metadata(store: &dyn StateStore) -> Checked {
    save(store, &key("1.0.0+linux")?, 0, &json!(1)).await?;
    let loaded = load(store, &key("1.0.0+mac")?).await?.map(|(_, data)| data);
    expect(loaded == Some(json!(1)), || format!("another build finds {loaded:?}"))
}

async fn owners(store: &dyn StateStore) -> Checked {
    let unsigned = Owner::Digest(Digest::new(DigestAlgorithm::Blake3, [7; 32]));
    let owners = [None, Some(Owner::Publisher("acme".to_owned())), Some(unsigned), Some(Owner::Linked)];
    let owned = |owner: &Option<Owner>| Ok::<_, String>(StateKey { owner: owner.clone(), ..key("1.0.0")? });
    for owner in &owners {
        let mine = owned(owner)?;
        let generation = save(store, &mine, 0, &json!("secret")).await?;
        for other in owners.iter().filter(|other| *other != owner) {
            let theirs = owned(other)?;
            refused("another owner's load", store.load(&theirs).await, "StateOwnerMismatch")?;
            refused("another owner's save", store.save(&theirs, generation, &json!(1)).await, "StateOwnerMismatch")?;
            refused("another owner's clear", store.clear(&theirs).await, "StateOwnerMismatch")?;
        }
        let listed = list(store, &mine.plugin).await?;
        expect(listed == [mine.clone()], || format!("listed are {listed:?}, not its owner's"))?;
        store.clear(&mine).await.map_err(|error| format!("its owner's `clear` failed: {error}"))?;
    }
    Ok(())
}

async fn writers(store: &dyn StateStore) -> Checked {
    let key = key("1.0.0")?;
    let mut writers: Vec<Pin<Box<dyn Future<Output = Checked> + Send + '_>>> = Vec::new();
    for _ in 0..WRITERS {
        writers.push(Box::pin(add_one(store, &key)));
    }
    // All at once, whoever polls this.
    poll_fn(|context| {
        let mut failed = None;
        writers.retain_mut(|writer| match writer.as_mut().poll(context) {
            Poll::Pending => true,
            Poll::Ready(checked) => {
                failed = failed.take().or(checked.err());
                false
            }
        });
        match (failed, writers.is_empty()) {
            (Some(found), _) => Poll::Ready(Err(found)),
            (None, true) => Poll::Ready(Ok(())),
            (None, false) => Poll::Pending,
        }
    })
    .await?;
    let loaded = load(store, &key).await?.map(|(_, data)| data);
    expect(loaded == Some(json!(WRITERS)), || format!("{WRITERS} writers have counted to {loaded:?}"))
}

/// Adds 1 until it is saved, as an author's update does.
async fn add_one(store: &dyn StateStore, key: &StateKey) -> Checked {
    loop {
        let (generation, count) = load(store, key).await?.unwrap_or((0, json!(0)));
        match store.save(key, generation, &json!(count.as_u64().unwrap_or_default() + 1)).await {
            Ok(_) => return Ok(()),
            Err(StateError::Conflict { .. }) => {}
            Err(error) => return Err(format!("`save` among others failed: {error}")),
        }
    }
}
