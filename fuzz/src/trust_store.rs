//! `trust.json`.

use std::{cell::OnceCell, fs};

use apex_trust::TrustStore;
use tempfile::TempDir;

/// The largest integer of strict JSON, at which counting ends.
const LAST_VERSION: u64 = (1 << 53) - 1;

/// A store that can be read can be saved, is read back as the same, and keeps what it promises about its parts.
pub fn trust_store(bytes: &[u8]) {
    let mut store = match TrustStore::parse(bytes) {
        Ok(store) => store,
        Err(error) => {
            assert_eq!(error.code(), "TrustStoreInvalid", "{error}");
            return;
        }
    };
    keeps_its_promises(&store);
    thread_local!(static ROOM: OnceCell<TempDir> = const { OnceCell::new() });
    ROOM.with(|room| {
        let room = room.get_or_init(|| tempfile::tempdir().unwrap());
        let path = room.path().join("trust.json");
        let version = store.version();
        store.save(&path).unwrap_or_else(|error| panic!("read, but not saved: {error}"));
        assert_eq!(store.version(), (version + 1).min(LAST_VERSION), "saving counts");
        assert_eq!(TrustStore::load(&path).unwrap(), store, "saved and loaded");
        assert_eq!(TrustStore::parse(&fs::read(&path).unwrap()).unwrap(), store, "saved and parsed");
    });
}

fn keeps_its_promises(store: &TrustStore) {
    for (name, publisher) in store.publishers() {
        for prefix in publisher.prefixes() {
            let owner = store.publisher_of_id(prefix).map(|(owner, _)| owner);
            assert_eq!(owner, Some(name), "{prefix} belongs to one publisher");
        }
        for trusted in publisher.keys() {
            let id = trusted.key.key_id();
            let (owner, _, found) = store.key(&id).unwrap();
            assert_eq!((owner, found), (name, trusted), "{id} belongs to one publisher, once");
        }
    }
    assert!(store.denied().all(|digest| store.is_denied(digest)));
}
