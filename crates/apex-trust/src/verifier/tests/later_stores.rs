//! What a later trust store has to say about plugins that an earlier one accepted (R3.3, attacks 19 and 49).

use super::*;

/// A change of the trust store, told whose key it is about and which digest.
type Change<'a> = &'a dyn Fn(&mut TrustStore, &KeyId, Digest);

fn objection(acme: &Acme, plant: &Plant, dev_root: bool, change: Change<'_>) -> Option<&'static str> {
    let verified = acme.standard().verify(&plant.directory(), &plant.document(), dev_root, false).unwrap();
    let mut later = acme.store.clone();
    change(&mut later, &acme.id(), *verified.digest().unwrap());
    let objection = later.objection_to(&verified.provenance());
    objection.map(|error| {
        assert!(error.to_string().contains(plant.document().id().as_str()), "{error}");
        error.code()
    })
}

#[test]
fn a_later_store_objects_to_what_it_denies_revokes_or_no_longer_trusts() {
    let acme = Acme::new();
    let plant = Plant::new().signed(&acme.key);
    let at = Timestamp::from_system_time(UNIX_EPOCH);
    let stranger = SigningKey::generate().unwrap().public_key();
    let rows: [(&str, Change<'_>, Option<&str>); 8] = [
        ("nothing changed", &|_, _, _| {}, None),
        ("denied", &|store, _, digest| assert!(store.deny(digest)), Some("DigestDenied")),
        ("revoked", &|store, key, _| store.revoke(key, at, "lost").unwrap(), Some("KeyRevoked")),
        ("publisher removed", &|store, _, _| drop(store.remove_publisher("acme").unwrap()), Some("UntrustedKey")),
        ("expired", &|store, key, _| store.set_validity(key, None, Some(at)).unwrap(), None),
        (
            "key moved to another publisher",
            &|store, _, _| {
                let was = store.remove_publisher("acme").unwrap();
                store.add_publisher("other", was.keys()[0].key, &["com.acme"], Placement::Process).unwrap();
            },
            Some("UntrustedKey"),
        ),
        (
            "prefix taken away",
            &|store, _, _| {
                let was = store.remove_publisher("acme").unwrap();
                store.add_publisher("acme", was.keys()[0].key, &["com.acme.tools"], Placement::Process).unwrap();
            },
            Some("PublisherNotAllowed"),
        ),
        (
            "another publisher added",
            &|store, _, _| store.add_publisher("other", stranger, &["org.other"], Placement::Process).unwrap(),
            None,
        ),
    ];
    for (what, change, expected) in rows {
        assert_eq!(objection(&acme, &plant, false, change), expected, "{what}");
    }
}

#[test]
fn what_runs_unsigned_is_stopped_by_its_digest_alone() {
    let acme = Acme::new();
    let plant = Plant::with_id("org.example.tool").checksummed();
    let key = SigningKey::generate().unwrap().public_key();
    let rows: [(&str, Change<'_>, Option<&str>); 3] = [
        ("denied", &|store, _, digest| assert!(store.deny(digest)), Some("DigestDenied")),
        ("revoked", &|store, key, _| store.revoke(key, Timestamp::from_system_time(UNIX_EPOCH), "").unwrap(), None),
        (
            "its id given to a publisher",
            &|store, _, _| store.add_publisher("example", key, &["org.example"], Placement::Process).unwrap(),
            None,
        ),
    ];
    for (what, change, expected) in rows {
        assert_eq!(objection(&acme, &plant, false, change), expected, "{what}");
    }
}

#[test]
fn a_development_plugin_is_stopped_by_its_stated_digest_and_by_a_key_that_is_known_as_revoked() {
    let (acme, unknown) = (Acme::new(), SigningKey::generate().unwrap());
    let plant = Plant::with_id("org.example.tool").signed(&unknown);
    plant.write("data/words.txt", b"edited after signing");
    let stated = plant.document().manifest().checksum.unwrap();
    let deny: Change<'_> = &|store, _, digest| {
        assert_ne!(digest, stated);
        assert!(store.deny(stated));
    };
    assert_eq!(objection(&acme, &plant, true, deny), Some("DigestDenied"));
    let revoke: Change<'_> = &|store, _, _| {
        let key = unknown.public_key();
        store.add_publisher("example", key, &["org.example"], Placement::Process).unwrap();
        store.revoke(&key.key_id(), Timestamp::from_system_time(UNIX_EPOCH), "leaked").unwrap();
    };
    assert_eq!(objection(&acme, &plant, true, revoke), Some("KeyRevoked"));
}
