//! Trust stores that somebody has tampered with (21): none of them is used, not even in part.

use std::fs;

use apex_plugins::{BuildError, Placement, PluginManager, TrustStore};
use apex_plugins_tests::Publisher;
use serde_json::{Value, json};

/// The weak key that is all zeros, of order four, with its right name.
const WEAK: (&str, &str) = (
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
    "1834e93cb1dec6e77d92b42246f3b0b897237b1fb412b3508fad43c0fce36e11",
);

#[tokio::test]
async fn a_trust_store_that_contradicts_itself_is_refused_as_a_whole() {
    type Tamper = fn(&mut Value);
    let rows: [(&str, Tamper); 9] = [
        ("overlapping prefixes", |store| {
            store["publishers"]["other"] = json!({"prefixes": ["org.first.sub"], "keys": []});
        }),
        ("prefixes that differ in case", |store| {
            store["publishers"]["other"] = json!({"prefixes": ["ORG.First"], "keys": []});
        }),
        ("an unknown member", |store| store["publisher"] = json!({})),
        ("an unknown member of a key", |store| first_key(store)["trusted"] = json!(true)),
        ("another key's name", |store| first_key(store)["id"] = json!("11".repeat(32))),
        ("a weak key", |store| {
            first_key(store)["public"] = json!(WEAK.0);
            first_key(store)["id"] = json!(WEAK.1);
        }),
        ("a key that is no point", |store| {
            first_key(store)["public"] = json!("//////////////////////////////////////////8=");
        }),
        ("a publisher that is linked in", |store| store["publishers"]["first"]["placement"] = json!("linked")),
        ("another format", |store| store["format"] = json!("apex-trust/2")),
    ];
    for (what, tamper) in rows {
        let room = tempfile::tempdir().unwrap();
        let path = room.path().join("trust.json");
        let mut store = TrustStore::empty();
        let key = Publisher::new().key.public_key();
        store.add_publisher("first", key, &["org.first"], Placement::InProcess).unwrap();
        store.save(&path).unwrap();
        let mut value: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        tamper(&mut value);
        fs::write(&path, value.to_string()).unwrap();

        assert_eq!(TrustStore::load(&path).unwrap_err().code(), "TrustStoreInvalid", "{what}");
        let built = PluginManager::builder().trust_file(&path).build().await.map(|_| ());
        assert!(
            matches!(&built, Err(BuildError::Trust(error)) if error.code() == "TrustStoreInvalid"),
            "{what}: {built:?}"
        );
    }
}

fn first_key(store: &mut Value) -> &mut Value {
    &mut store["publishers"]["first"]["keys"][0]
}
