//! R7.4: both stores pass the public suite, and one that breaks a rule is named for it.

use apex_meta::PluginId;
use apex_state::{MemoryStateStore, StateError, StateKey, StateListing, StateRecord, StateStore, conformance};
use async_trait::async_trait;
use serde_json::Value;

use super::Sandbox;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn both_stores_keep_every_rule() {
    let sandbox = Sandbox::new();
    conformance::check(&sandbox.store()).await.unwrap();
    // What it leaves behind is in nobody's way.
    conformance::check(&sandbox.store()).await.unwrap();
    conformance::check(&MemoryStateStore::new()).await.unwrap();
}

#[derive(Clone, Copy, PartialEq)]
enum Fault {
    ForgetsGenerations,
    ForgetsOwners,
    ForgetsScopes,
    LosesSaves,
    ClearsNothing,
}

/// A store that breaks a rule.
struct Faulty(MemoryStateStore, Fault);

impl Faulty {
    fn key(&self, key: &StateKey) -> StateKey {
        let mut key = key.clone();
        match self.1 {
            Fault::ForgetsOwners => key.owner = None,
            Fault::ForgetsScopes => key.scope = apex_state::Scope::Global,
            _ => {}
        }
        key
    }
}

#[async_trait]
impl StateStore for Faulty {
    async fn load(&self, key: &StateKey) -> Result<Option<StateRecord>, StateError> {
        self.0.load(&self.key(key)).await
    }

    async fn save(&self, key: &StateKey, expected: u64, data: &Value) -> Result<u64, StateError> {
        let key = self.key(key);
        let present = self.0.load(&key).await?.map_or(0, |record| record.generation);
        match self.1 {
            Fault::ForgetsGenerations => self.0.save(&key, present, data).await,
            Fault::LosesSaves if expected == present => Ok(present + 1),
            _ => self.0.save(&key, expected, data).await,
        }
    }

    async fn clear(&self, key: &StateKey) -> Result<bool, StateError> {
        if self.1 == Fault::ClearsNothing { Ok(true) } else { self.0.clear(&self.key(key)).await }
    }

    async fn list(&self, plugin: &PluginId) -> Result<StateListing, StateError> {
        self.0.list(plugin).await
    }
}

#[tokio::test]
async fn a_store_that_breaks_a_rule_is_told_which() {
    for (fault, rule) in [
        (Fault::ForgetsGenerations, "a save that builds on an older state is a conflict"),
        (Fault::ForgetsOwners, "a state belongs to whom it was saved for"),
        (Fault::ForgetsScopes, "each plugin, version and scope has a state of its own"),
        (Fault::LosesSaves, "what was saved is loaded"),
        (Fault::ClearsNothing, "none yet is not a failure"),
    ] {
        let violation = conformance::check(&Faulty(MemoryStateStore::new(), fault)).await.unwrap_err();
        assert_eq!(violation.rule, rule, "{violation}");
    }
}
