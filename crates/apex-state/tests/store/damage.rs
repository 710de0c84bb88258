//! R7.2, attack 70: damaged states are set aside, the last good one is used, and that is reported.

use std::{
    fs,
    path::Path,
    sync::{Arc, Mutex},
    time::{Duration, UNIX_EPOCH},
};

use apex_state::{FileStateOptions, FileStateStore, RecordFault, Recovery, Scope};
use proptest::prelude::*;
use serde_json::json;

use super::{Sandbox, backup_of, key, key_of, put};

fn saved_twice(sandbox: &Sandbox) -> FileStateStore {
    let store = sandbox.store();
    store.save_blocking(&key(), 0, &json!({"count": 1})).unwrap();
    store.save_blocking(&key(), 1, &json!({"count": 2})).unwrap();
    store
}

#[test]
fn a_damaged_state_is_set_aside_and_its_backup_used_and_that_is_reported() {
    let sandbox = Sandbox::new();
    let file = saved_twice(&sandbox).path(&key());
    let mut bytes = fs::read(&file).unwrap();
    let at = bytes.len() - 4;
    bytes[at] ^= 1;
    put(&file, &bytes);

    let heard = Arc::new(Mutex::new(Vec::new()));
    let observer = Arc::clone(&heard);
    let options = FileStateOptions::default()
        .clock(|| UNIX_EPOCH + Duration::from_secs(1_795_384_800))
        .on_recovery(move |recovery: &Recovery| observer.lock().unwrap().push(recovery.clone()));
    let store = sandbox.store_with(options);
    let record = store.load_blocking(&key()).unwrap().unwrap();
    assert_eq!(record.data, json!({"count": 1}));
    let recovery = record.recovered.unwrap();
    assert_eq!((&recovery.key, &recovery.fault, &recovery.path), (&key(), &RecordFault::Data, &file));
    let aside = file.with_file_name("state_v1.0.2.json.corrupt-1795384800");
    assert_eq!(recovery.set_aside.as_ref(), Some(&aside));
    assert_eq!(fs::read(aside).unwrap(), bytes);
    assert_eq!((recovery.backup_generation, recovery.generation), (1, record.generation));
    assert_eq!(*heard.lock().unwrap(), [recovery]);

    // It is mended now; and whoever saw the lost state cannot overwrite what follows.
    let record = store.load_blocking(&key()).unwrap().unwrap();
    assert_eq!((&record.data, &record.recovered), (&json!({"count": 1}), &None));
    assert_eq!(store.save_blocking(&key(), 2, &json!({"count": 3})).unwrap_err().code(), "StateConflict");
    store.save_blocking(&key(), record.generation, &json!({"count": 2})).unwrap();
    assert_eq!(heard.lock().unwrap().len(), 1);
}

#[test]
fn a_save_finds_damage_as_well() {
    let sandbox = Sandbox::new();
    let store = saved_twice(&sandbox);
    put(&store.path(&key()), b"");
    assert_eq!(store.save_blocking(&key(), 2, &json!(3)).unwrap_err().code(), "StateConflict");
    let record = store.load_blocking(&key()).unwrap().unwrap();
    assert_eq!((record.data, record.recovered), (json!({"count": 1}), None));
}

#[test]
fn a_lost_file_is_restored_from_its_backup() {
    let sandbox = Sandbox::new();
    let store = saved_twice(&sandbox);
    fs::remove_file(store.path(&key())).unwrap();
    let record = store.load_blocking(&key()).unwrap().unwrap();
    assert_eq!(record.data, json!({"count": 1}));
    let recovery = record.recovered.unwrap();
    assert_eq!((recovery.fault, recovery.set_aside), (RecordFault::Missing, None));
}

#[test]
fn damage_without_a_good_backup_is_an_error_every_time_and_never_none_yet() {
    let sandbox = Sandbox::new();
    let store = sandbox.store();
    store.save_blocking(&key(), 0, &json!(1)).unwrap();
    let file = store.path(&key());
    for (backup, words) in [(None, "has no backup"), (Some("also damaged"), "so is its backup (not a JSON object")] {
        put(&file, b"damaged");
        if let Some(text) = backup {
            put(&backup_of(&file), text.as_bytes());
        }
        for _ in 0..2 {
            let errors = [
                store.load_blocking(&key()).unwrap_err(),
                store.save_blocking(&key(), 0, &json!(2)).unwrap_err(),
                store.list_blocking(&key().plugin).unwrap().unreadable.remove(0),
            ];
            for error in errors {
                assert_eq!((error.code(), error.hint().is_some()), ("StateCorrupt", true));
                assert!(error.to_string().contains(words), "{error}");
            }
        }
        assert_eq!(fs::read(&file).unwrap(), b"damaged", "left for inspection");
    }
    assert!(store.clear_blocking(&key()).unwrap());
    assert_eq!(store.load_blocking(&key()).unwrap(), None);
    assert!(store.save_blocking(&key(), 0, &json!(3)).unwrap() > 1);
}

#[test]
fn one_damaged_state_hides_no_other() {
    let sandbox = Sandbox::new();
    let store = saved_twice(&sandbox);
    let tenant = key().with_scope(Scope::Tenant("acme".parse().unwrap()));
    store.save_blocking(&tenant, 0, &json!(1)).unwrap();
    store.save_blocking(&key_of("com.acme.counter", "2.0.0"), 0, &json!(1)).unwrap();
    put(&store.path(&tenant), b"");
    put(&store.path(&key()), b"");
    put(&store.directory().join("com.acme.counter/notes.txt"), b"an operator's");
    let listing = store.list_blocking(&key().plugin).unwrap();
    let versions: Vec<_> = listing.entries.iter().map(|entry| entry.key.to_string()).collect();
    assert_eq!(versions, ["com.acme.counter 1.0.2", "com.acme.counter 2.0.0"]);
    assert_eq!(listing.unreadable.len(), 1);
}

#[test]
fn another_states_file_is_not_taken_for_this_one() {
    let sandbox = Sandbox::new();
    let store = saved_twice(&sandbox);
    let (other, third) = (key_of("com.acme.counter", "1.0.3"), key_of("com.acme.other", "1.0.2"));
    store.save_blocking(&third, 0, &json!(1)).unwrap();
    for place in [&other, &third] {
        fs::copy(store.path(&key()), store.path(place)).unwrap();
        let errors = [store.load_blocking(place).unwrap_err(), store.save_blocking(place, 0, &json!(1)).unwrap_err()];
        for error in errors {
            assert_eq!(error.code(), "StateOwnerMismatch");
            assert!(error.to_string().ends_with("holds the state of com.acme.counter 1.0.2"), "{error}");
        }
        let listing = store.list_blocking(&place.plugin).unwrap();
        assert_eq!(listing.unreadable.len(), 1);
        assert!(listing.unreadable[0].to_string().contains("it holds another state"), "{}", listing.unreadable[0]);
    }
}

#[test]
fn a_newer_format_is_left_alone() {
    let sandbox = Sandbox::new();
    let store = saved_twice(&sandbox);
    let file = store.path(&key());
    put(&file, b"{\"apex_state\":2,\"of\":\"the future\"}");
    let errors = [
        store.load_blocking(&key()).unwrap_err(),
        store.save_blocking(&key(), 2, &json!(1)).unwrap_err(),
        store.clear_blocking(&key()).unwrap_err(),
    ];
    for error in errors {
        assert_eq!((error.code(), error.hint().is_some()), ("StateFormatUnsupported", true));
    }
    assert_eq!(fs::read(&file).unwrap(), b"{\"apex_state\":2,\"of\":\"the future\"}");
}

#[test]
fn a_file_by_hand_in_the_documented_format_is_loaded() {
    let sandbox = Sandbox::new();
    let store = saved_twice(&sandbox);
    let data = "{\n  \"count\": 40\n}";
    let blake3 = blake3::hash(data.as_bytes()).to_hex();
    let text = format!(
        "{{\"apex_state\": 1, \"plugin\": \"com.acme.counter\", \"version\": \"1.0.2\", \"generation\": 9, \"blake3\": \"{blake3}\", \"data\": {data}}}\n"
    );
    put(&store.path(&key()), text.as_bytes());
    let record = store.load_blocking(&key()).unwrap().unwrap();
    assert_eq!((record.generation, record.data, record.recovered), (9, json!({"count": 40}), None));
}

/// Row 70, each bit of the file in turn: its backup takes its place, and that is told; or a later release wrote it.
#[test]
fn each_flipped_bit_of_a_state_is_mended_from_the_backup_or_a_clear_error() {
    let memory = Path::new("/dev/shm");
    let directory = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap();
    let store = FileStateStore::open(directory.path().join("states")).unwrap();
    store.save_blocking(&key(), 0, &json!({"count": 1})).unwrap();
    store.save_blocking(&key(), 1, &json!({"count": 2})).unwrap();
    let file = store.path(&key());
    let (sound, backup) = (fs::read(&file).unwrap(), fs::read(backup_of(&file)).unwrap());
    let mut mended = 0;
    for bit in 0..sound.len() * 8 {
        let mut flipped = sound.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        put(&file, &flipped);
        put(&backup_of(&file), &backup);
        match store.load_blocking(&key()) {
            Ok(Some(record)) if record.recovered.is_some() => {
                assert_eq!(record.data, json!({"count": 1}), "bit {bit}");
                // So many in one second would run out of names.
                fs::remove_file(record.recovered.unwrap().set_aside.unwrap()).unwrap();
                mended += 1;
            }
            // The newline at the end is white space, and may be another one.
            Ok(Some(record)) => assert_eq!((record.data, bit / 8), (json!({"count": 2}), sound.len() - 1), "bit {bit}"),
            Ok(None) => panic!("bit {bit}: a damaged state is not none"),
            Err(error) => assert_eq!(error.code(), "StateFormatUnsupported", "bit {bit}: {error}"),
        }
    }
    assert!(mended > sound.len() * 7, "{mended} of {} were mended", sound.len() * 8);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn flipped_bits_are_mended_or_a_clear_error_and_never_wrong_data(
        flips in prop::collection::vec((any::<prop::sample::Index>(), 0..8u8), 1..4), hits_backup in any::<bool>(),
    ) {
        let sandbox = Sandbox::new();
        let store = saved_twice(&sandbox);
        let file = store.path(&key());
        let victims = if hits_backup { vec![file.clone(), backup_of(&file)] } else { vec![file] };
        for victim in victims {
            let mut bytes = fs::read(&victim).unwrap();
            for (at, bit) in &flips {
                let at = at.index(bytes.len());
                bytes[at] ^= 1 << bit;
            }
            put(&victim, &bytes);
        }
        match store.load_blocking(&key()) {
            Ok(Some(record)) if record.recovered.is_some() => prop_assert_eq!(record.data, json!({"count": 1})),
            // The flips undid each other, or met the newline at the end.
            Ok(Some(record)) => prop_assert_eq!((record.generation, record.data), (2, json!({"count": 2}))),
            Ok(None) => prop_assert!(false, "a damaged state is not none"),
            Err(error) => {
                prop_assert!(["StateCorrupt", "StateFormatUnsupported"].contains(&error.code()), "{}", error);
                prop_assert!(hits_backup || error.code() == "StateFormatUnsupported", "{}", error);
            }
        }
    }
}
