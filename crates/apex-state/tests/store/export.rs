//! R7.7: states as a document that goes elsewhere and comes back.

use apex_state::{ExportError, MemoryStateStore, Owner, Scope, StateExport, StateKey, StateStore};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Sandbox, key_of};

const ID: &str = "com.acme.counter";

fn owned(version: &str, tenant: Option<&str>) -> StateKey {
    let scope = tenant.map_or(Scope::Global, |tenant| Scope::Tenant(tenant.parse().unwrap()));
    key_of(ID, version).with_scope(scope).with_owner(Owner::Publisher("acme".to_owned()))
}

#[tokio::test]
async fn what_is_exported_comes_back_with_its_versions_scopes_and_owners() {
    let sandbox = Sandbox::new();
    let (here, elsewhere) = (sandbox.store(), MemoryStateStore::new());
    let keys = [owned("1.0.0", None), owned("1.0.0", Some("t/../x")), owned("2.0.0", None)];
    for (number, key) in keys.iter().enumerate() {
        here.save(key, 0, &json!({"number": number, "large": i64::MAX, "float": 0.1})).await.unwrap();
    }
    here.save(&key_of("com.acme.other", "1.0.0"), 0, &json!("not this one")).await.unwrap();
    let export = StateExport::of(&here, &ID.parse().unwrap()).await.unwrap();
    let read = StateExport::parse(&export.to_bytes().unwrap()).unwrap();
    assert_eq!(read, export);
    assert_eq!(read.import(&elsewhere, false).await.unwrap(), keys.len());
    for key in &keys {
        let (before, after) = (here.load(key).await.unwrap().unwrap(), elsewhere.load(key).await.unwrap().unwrap());
        assert_eq!(before.data, after.data, "{key}");
    }
    assert_eq!(elsewhere.list(&"com.acme.other".parse().unwrap()).await.unwrap().entries, []);
}

#[tokio::test]
async fn nothing_is_imported_over_what_is_there_unless_that_is_meant() {
    let (here, there) = (MemoryStateStore::new(), MemoryStateStore::new());
    for key in [owned("1.0.0", None), owned("2.0.0", None)] {
        here.save(&key, 0, &json!("new")).await.unwrap();
    }
    there.save(&owned("2.0.0", None), 0, &json!("old")).await.unwrap();
    let export = StateExport::of(&here, &ID.parse().unwrap()).await.unwrap();
    let error = export.import(&there, false).await.unwrap_err();
    assert_eq!((error.code(), error.hint().is_some()), ("StateExists", true));
    assert_eq!(there.load(&owned("1.0.0", None)).await.unwrap(), None, "not even the first one");
    assert_eq!(export.import(&there, true).await.unwrap(), 2);
    assert_eq!(there.load(&owned("2.0.0", None)).await.unwrap().unwrap().data, json!("new"));
    // Attack 86: an export does not take over what belongs to somebody else.
    there.clear(&owned("2.0.0", None)).await.unwrap();
    there.save(&key_of(ID, "2.0.0").with_owner(Owner::Publisher("buyer".to_owned())), 0, &json!(1)).await.unwrap();
    assert_eq!(export.import(&there, true).await.unwrap_err().code(), "StateOwnerMismatch");
}

/// Attack 83: a document names ids, and no paths.
#[test]
fn a_document_of_another_form_is_refused() {
    let sound = json!({"format": "apex-states/1", "plugin": ID, "states": [
        {"version": "1.0.0", "scope": {"tenant": "t"}, "owner": null, "generation": 1, "data": null}]});
    assert!(StateExport::parse(sound.to_string().as_bytes()).is_ok());
    for (pointer, value) in [
        ("/plugin", json!("../x")),
        ("/format", json!("apex-states/2")),
        ("/states/0/version", json!("one")),
        ("/states/0/scope", json!({"plugin": "com.acme.other"})),
        ("/states/0/owner", json!({"digest": "x"})),
        ("/states", json!({})),
        ("/states", json!([sound["states"][0], sound["states"][0]])),
    ] {
        let mut changed = sound.clone();
        *changed.pointer_mut(pointer).unwrap() = value;
        let error = StateExport::parse(changed.to_string().as_bytes()).unwrap_err();
        assert_eq!(error.code(), "StateExportInvalid", "{pointer}");
        assert!(matches!(error, ExportError::Form(_) | ExportError::Format { .. } | ExportError::Twice { .. }));
    }
}

proptest! {
    #[test]
    fn no_bytes_make_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = StateExport::parse(&bytes);
    }

    #[test]
    fn numbers_come_back_as_they_were(number in any::<i64>(), float in any::<f64>().prop_filter("JSON", |f| f.is_finite())) {
        let document = json!({"format": "apex-states/1", "plugin": ID, "states": [
            {"version": "1.0.0", "scope": {}, "owner": null, "generation": 1, "data": [number, float]}]});
        let export = StateExport::parse(document.to_string().as_bytes()).unwrap();
        let again = StateExport::parse(&export.to_bytes().unwrap()).unwrap();
        prop_assert_eq!(&again.states[0].data, &Value::from(vec![json!(number), json!(float)]));
    }
}
