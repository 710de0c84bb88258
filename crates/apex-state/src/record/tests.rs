//! The envelope: round trips, damage of every kind, hostile input.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::arbitrary;

fn key() -> StateKey {
    StateKey::new("com.acme.counter".parse().unwrap(), "1.0.2".parse().unwrap())
}

fn damage(bytes: &[u8]) -> RecordFault {
    match read::<Value>(bytes) {
        Err(Unreadable::Damaged(fault)) => fault,
        other => panic!("expected damage, got {other:?}"),
    }
}

#[test]
fn a_global_state_is_written_as_documented() {
    // R7.1: the format is for ever, so this test spells it out.
    let text = String::from_utf8(write(&key(), 3, Some(b"{\"count\":2}"))).unwrap();
    let blake3 = blake3::hash(b"{\"count\":2}").to_hex();
    let head = format!(
        "{{\"apex_state\":1,\"plugin\":\"com.acme.counter\",\"version\":\"1.0.2\",\"generation\":3,\"blake3\":\"{blake3}\","
    );
    let seal = blake3::hash(head.as_bytes()).to_hex();
    assert_eq!(text, format!("{head}\"seal\":\"{seal}\",\"data\":{{\"count\":2}}}}\n"));
}

#[test]
fn an_envelope_without_seal_in_any_layout_is_read() {
    let blake3 = blake3::hash(b"[1, 2]").to_hex();
    let text = format!(
        "\n{{ \"data\" : [1, 2] ,\t\"generation\":7, \"blake3\": \"{blake3}\",\r\n\"version\":\"1.0.2\", \"apex_state\": 1 , \"plugin\":\"com.acme.counter\" }} \n"
    );
    let record = read(text.as_bytes()).unwrap();
    let total_bytes = text.len() as u64;
    assert_eq!(record, Record { key: key(), generation: 7, data: Some(json!([1, 2])), data_bytes: 6, total_bytes });
}

#[test]
fn damage_is_named() {
    let good = String::from_utf8(write(&key(), 3, Some(b"{\"count\":2}"))).unwrap();
    let unsealed = {
        let (head, rest) = good.split_once("\"seal\"").unwrap();
        format!("{head}{}", &rest[rest.find("\"data\"").unwrap()..])
    };
    assert!(read::<Value>(unsealed.as_bytes()).is_ok());
    let member = |name| RecordFault::Member { name };
    let unexpected = |name: &str| RecordFault::UnexpectedMember { name: name.to_owned() };
    let table = [
        (String::new(), RecordFault::Syntax { offset: 0 }),
        ("\0".repeat(40), RecordFault::Syntax { offset: 0 }),
        ("{}".to_owned(), RecordFault::Syntax { offset: 1 }),
        ("[1]".to_owned(), RecordFault::Syntax { offset: 0 }),
        (format!("\u{feff}{good}"), RecordFault::Syntax { offset: 0 }),
        (good[..good.len() - 2].to_owned(), RecordFault::Syntax { offset: good.len() - 2 }),
        (format!("{good}x"), RecordFault::Syntax { offset: good.len() }),
        (good.replace("\"count\":2", "\"count\":3"), RecordFault::Data),
        (good.replace("\"generation\":3", "\"generation\":4"), RecordFault::Seal),
        (good.replace("com.acme", "com.acne"), RecordFault::Seal),
        (good.replace("\"apex_state\":1", "\"apex_state\":3"), RecordFault::Seal),
        (unsealed.replace("\"generation\":3", "\"generation\":0"), member("generation")),
        (unsealed.replace("\"generation\":3", "\"generation\":-1"), member("generation")),
        (unsealed.replace("\"generation\":3", "\"generation\":9007199254740992"), member("generation")),
        (unsealed.replace("com.acme.counter", "../x"), member("plugin")),
        (unsealed.replace("1.0.2", "one"), member("version")),
        (unsealed.replace("\"apex_state\":1,", ""), member("apex_state")),
        (unsealed.replace("\"plugin\"", "\"scope\":7,\"plugin\""), member("scope")),
        (unsealed.replace("\"plugin\"", "\"owner\":{\"x\":1},\"plugin\""), member("owner")),
        (unsealed.replace("\"plugin\"", "\"extra\":1,\"plugin\""), unexpected("extra")),
        (unsealed.replace("\"plugin\"", "\"generation\":9,\"plugin\""), unexpected("generation")),
        (unsealed.replace("\"plugin\"", "\"data\":[],\"plugin\""), unexpected("data")),
    ];
    for (text, expected) in table {
        assert_eq!(damage(text.as_bytes()), expected, "{text}");
    }
}

#[test]
fn a_newer_format_is_not_mistaken_for_damage() {
    assert_eq!(read::<Value>(b"{\"apex_state\":2,\"anything\":[]}"), Err(Unreadable::UnsupportedFormat(2)));
}

#[test]
fn a_cleared_state_keeps_its_generation_and_nothing_else() {
    let bytes = write(&key().with_owner(Owner::Publisher("acme".to_owned())), 9, None);
    let record = read::<Value>(&bytes).unwrap();
    assert_eq!((record.key, record.generation, record.data), (key(), 9, None));
}

#[test]
fn hostile_nesting_is_damage_and_no_stack_overflow() {
    let bytes = format!("{{\"apex_state\":1,\"data\":{}", "[".repeat(1 << 20));
    assert!(matches!(damage(bytes.as_bytes()), RecordFault::Syntax { .. }));
}

proptest! {
    #[test]
    fn what_is_written_is_read_again(
        key in arbitrary::key(), generation in 1..=MAX_GENERATION, data in arbitrary::data(),
    ) {
        let json = serde_json::to_vec(&data).unwrap();
        let bytes = write(&key, generation, Some(&json));
        let (data_bytes, total_bytes) = (json.len() as u64, bytes.len() as u64);
        prop_assert_eq!(read(&bytes).unwrap(), Record { key, generation, data: Some(data), data_bytes, total_bytes });
    }

    #[test]
    fn a_state_can_be_checked_without_being_built(key in arbitrary::key(), data in arbitrary::data()) {
        let json = serde_json::to_vec(&data).unwrap();
        let record = read::<IgnoredAny>(&write(&key, 1, Some(&json))).unwrap();
        prop_assert_eq!((record.key, record.data_bytes), (key, json.len() as u64));
    }

    #[test]
    fn no_flipped_bit_goes_unnoticed(
        key in arbitrary::key(), data in arbitrary::data(), at in any::<prop::sample::Index>(), bit in 0..8u8,
    ) {
        let mut bytes = write(&key, 12_345, Some(&serde_json::to_vec(&data).unwrap()));
        let whole = read::<Value>(&bytes).unwrap();
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        // Whoever does not want to see the data comes to the same verdict.
        prop_assert_eq!(read::<IgnoredAny>(&bytes).is_ok(), read::<Value>(&bytes).is_ok());
        // The newline at the end may become another white space; anywhere else a flip is seen.
        match read(&bytes) {
            Ok(record) => prop_assert_eq!((record, at), (whole, bytes.len() - 1)),
            Err(error) => prop_assert!(matches!(error, Unreadable::Damaged(_)), "{:?}", error),
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(read::<Value>(&bytes).is_err());
    }
}
