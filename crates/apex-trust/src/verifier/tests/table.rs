//! The policy's table, row by row.

use super::*;

/// What a cell of the table says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cell {
    /// Ready where the publisher may run.
    Ready,
    /// Ready in a child only, with a warning of this code.
    Child(&'static str),
    /// Blocked with this code.
    Blocked(&'static str),
}
use Cell::{Blocked, Child, Ready};

const WARNINGS: [&str; 5] =
    ["SignatureMissing", "MissingChecksum", "SignatureStripped", "UntrustedKey", "ChecksumMismatch"];

fn cell(verifier: &Verifier, plant: &Plant, dev_root: bool) -> Cell {
    match outcome(verifier, plant, dev_root) {
        Ok(Acceptance { publisher: Some(_), placement: Placement::InProcess, warning: None, .. }) => Ready,
        Ok(Acceptance {
            publisher: None, key_id: None, placement: Placement::Process, warning: Some(warning), ..
        }) => Child(WARNINGS.iter().find(|code| **code == warning.code).copied().unwrap_or("unexpected")),
        Ok(other) => panic!("{other:?}"),
        Err(error) => Blocked(error.code()),
    }
}

/// One row: strict, standard, development root.
fn check(what: &str, acme: &Acme, plant: &Plant, expected: [Cell; 3]) {
    let (strict, standard) = (acme.verifier(Policy::strict()), acme.standard());
    let found = [cell(&strict, plant, false), cell(&standard, plant, false), cell(&standard, plant, true)];
    assert_eq!(found, expected, "{what}");
    assert_eq!(cell(&strict, plant, true), expected[2], "{what}: a development root counts at either level");
}

#[test]
fn signed_by_a_trusted_key_under_its_prefix_is_ready() {
    let acme = Acme::new();
    check("signed", &acme, &Plant::new().signed(&acme.key), [Ready, Ready, Ready]);
    let mut sha256 = Plant::new();
    sha256.fill_checksum(DigestAlgorithm::Sha256);
    sha256.sign(&acme.key);
    check("signed over SHA-256", &acme, &sha256, [Ready, Ready, Ready]);
}

#[test]
fn a_publisher_trusted_with_a_child_only_gets_one() {
    let mut acme = Acme::new();
    acme.store.add_publisher("acme", acme.key.public_key(), &[], Placement::Process).unwrap();
    let acceptance = outcome(&acme.standard(), &Plant::new().signed(&acme.key), false).unwrap();
    assert_eq!((acceptance.placement, acceptance.warning), (Placement::Process, None));
}

#[test]
fn unsigned_under_no_prefix_needs_a_checksum() {
    let acme = Acme::new();
    let row = [Blocked("SignatureMissing"), Child("SignatureMissing"), Child("SignatureMissing")];
    check("checksum alone", &acme, &Plant::with_id("org.other.x").checksummed(), row);
    let row = [Blocked("MissingChecksum"), Blocked("MissingChecksum"), Child("MissingChecksum")];
    check("nothing at all", &acme, &Plant::with_id("org.other.x"), row);
}

#[test]
fn unsigned_where_a_signature_is_expected_is_stripped() {
    let acme = Acme::new();
    let row = [Blocked("SignatureStripped"), Blocked("SignatureStripped"), Child("SignatureStripped")];
    check("under a prefix", &acme, &Plant::new().checksummed(), row);
    check("under a prefix in other case", &acme, &Plant::with_id("COM.Acme.greeter").checksummed(), row);
}

#[test]
fn an_id_that_was_signed_once_stays_signed() {
    struct Signed;
    impl History for Signed {
        fn ever_signed(&self, id: &PluginId) -> bool {
            id.as_str() == "org.other.x"
        }
        fn verified_while_valid(&self, _digest: &Digest, _key: &KeyId) -> bool {
            false
        }
    }
    let verifier = Verifier::new(Arc::new(TrustStore::empty()), Policy::standard()).with_history(Arc::new(Signed));
    assert_eq!(code(&verifier, &Plant::with_id("org.other.x").checksummed()), "SignatureStripped");
    assert!(outcome(&verifier, &Plant::with_id("org.other.y").checksummed(), false).is_ok());
}

#[test]
fn an_unsigned_plugin_is_not_accepted_beside_a_signed_one_of_its_id() {
    let (acme, stranger) = (Acme::new(), SigningKey::generate().unwrap());
    let verifier = acme.standard();
    let codes = |plants: &[&Plant]| -> Vec<_> {
        let facts: Vec<_> = plants
            .iter()
            .map(|plant| (plant.document(), verifier.examine(&plant.directory(), &plant.document())))
            .collect();
        let group: Vec<_> =
            facts.iter().map(|(document, examination)| Subject { document, examination, dev_root: false }).collect();
        let verdicts = verifier.judge(&group).into_iter();
        verdicts.map(|verdict| verdict.outcome.map_or_else(|error| error.code(), |_| "child")).collect()
    };
    let unsigned = Plant::with_id("org.other.x").checksummed();
    let signed = Plant::with_id("org.other.x").signed(&stranger);
    let folded = Plant::with_id("Org.Other.x").checksummed();
    assert_eq!(codes(&[&unsigned]), ["child"]);
    assert_eq!(codes(&[&unsigned, &signed, &folded]), ["SignatureStripped", "UntrustedKey", "SignatureStripped"]);
    assert_eq!(codes(&[&signed]), ["UntrustedKey"]);
    let alone = verifier.verify(&unsigned.directory(), &unsigned.document(), false, true);
    assert_eq!(alone.unwrap_err().code(), "SignatureStripped");

    let mut forged = Plant::with_id("org.other.x").signed(&acme.key);
    forged.manifest["version"] = json!("2.0.0");
    assert_eq!(codes(&[&unsigned, &forged]), ["child", "SignatureInvalid"], "a wrong signature proves nothing");
}

#[test]
fn an_unknown_key_or_a_mismatch_is_excused_in_a_development_root_alone() {
    let (acme, stranger) = (Acme::new(), SigningKey::generate().unwrap());
    let row = [Blocked("UntrustedKey"), Blocked("UntrustedKey"), Child("UntrustedKey")];
    check("unknown key", &acme, &Plant::new().signed(&stranger), row);
    check("unknown key, foreign id", &acme, &Plant::with_id("org.other.x").signed(&stranger), row);
    let row = [Blocked("ChecksumMismatch"), Blocked("ChecksumMismatch"), Child("ChecksumMismatch")];
    let signed = Plant::new().signed(&acme.key);
    signed.write("data/words.txt", b"HELLO");
    check("signed, files changed", &acme, &signed, row);
    let unsigned = Plant::with_id("org.other.x").checksummed();
    unsigned.write("data/words.txt", b"HELLO");
    check("unsigned, files changed", &acme, &unsigned, row);
}

#[test]
fn what_is_proven_wrong_is_blocked_everywhere() {
    let mut acme = Acme::new();
    let everywhere = |code| [Blocked(code); 3];
    let mut edited = Plant::new().signed(&acme.key);
    edited.manifest["description"] = json!("Steals.");
    check("edited", &acme, &edited, everywhere("SignatureInvalid"));
    let mut malformed = Plant::new().signed(&acme.key);
    malformed.manifest["signature"]["value"] = json!("AAAA");
    check("malformed", &acme, &malformed, everywhere("MalformedSignature"));
    let foreign = Plant::with_id("org.other.x").signed(&acme.key);
    check("outside the prefix", &acme, &foreign, everywhere("PublisherNotAllowed"));

    let signed = Plant::new().signed(&acme.key);
    let good = acme.store.clone();
    acme.store.set_validity(&acme.id(), None, Some("2001-01-01T00:00:00Z".parse().unwrap())).unwrap();
    check("expired", &acme, &signed, everywhere("KeyExpired"));
    acme.store.set_validity(&acme.id(), Some("9999-01-01T00:00:00Z".parse().unwrap()), None).unwrap();
    check("not yet valid", &acme, &signed, everywhere("KeyNotYetValid"));
    acme.store = good.clone();
    acme.store.revoke(&acme.id(), "2026-01-01T00:00:00Z".parse().unwrap(), "lost").unwrap();
    check("revoked", &acme, &signed, everywhere("KeyRevoked"));
    acme.store = good;
    acme.store.deny(signed.digest());
    check("denied", &acme, &signed, everywhere("DigestDenied"));
    let unsigned = Plant::with_id("org.other.x").checksummed();
    acme.store.deny(unsigned.digest());
    check("denied, unsigned", &acme, &unsigned, everywhere("DigestDenied"));
    unsigned.write("data/words.txt", b"HELLO");
    check("denied by its claim", &acme, &unsigned, everywhere("DigestDenied"));
}

#[test]
fn validity_goes_by_the_verifiers_clock_to_the_second() {
    let mut acme = Acme::new();
    let (first, last): (Timestamp, Timestamp) =
        ("2026-01-01T00:00:00Z".parse().unwrap(), "2026-12-31T23:59:59Z".parse().unwrap());
    acme.store.set_validity(&acme.id(), Some(first), Some(last)).unwrap();
    let signed = Plant::new().signed(&acme.key);
    let second = Duration::from_secs(1);
    for (now, expected) in [
        (first.to_system_time() - second, Blocked("KeyNotYetValid")),
        (first.to_system_time(), Ready),
        (last.to_system_time(), Ready),
        (last.to_system_time() + second / 2, Ready),
        (last.to_system_time() + second, Blocked("KeyExpired")),
        (UNIX_EPOCH - second, Blocked("KeyNotYetValid")),
    ] {
        assert_eq!(cell(&acme.standard().with_clock(move || now), &signed, false), expected, "{now:?}");
    }
}

#[test]
fn an_expired_key_still_stands_for_what_it_was_seen_to_sign() {
    struct Saw(Digest, KeyId);
    impl History for Saw {
        fn ever_signed(&self, _id: &PluginId) -> bool {
            true
        }
        fn verified_while_valid(&self, digest: &Digest, key: &KeyId) -> bool {
            (*digest, *key) == (self.0, self.1)
        }
    }
    let mut acme = Acme::new();
    acme.store.set_validity(&acme.id(), None, Some("2001-01-01T00:00:00Z".parse().unwrap())).unwrap();
    let (seen, new) = (Plant::new().signed(&acme.key), Plant::new());
    new.write("data/words.txt", b"new");
    let new = new.signed(&acme.key);
    let verifier = acme.standard().with_history(Arc::new(Saw(seen.digest(), acme.id())));
    assert_eq!(cell(&verifier, &seen, false), Ready);
    assert_eq!(cell(&verifier, &new, false), Blocked("KeyExpired"));
    acme.store.revoke(&acme.id(), "2001-01-01T00:00:00Z".parse().unwrap(), "lost").unwrap();
    let verifier = acme.standard().with_history(Arc::new(Saw(seen.digest(), acme.id())));
    assert_eq!(cell(&verifier, &seen, false), Blocked("KeyRevoked"), "revocation voids everything");
}

#[test]
fn facts_outlive_changes_of_the_trust_store() {
    let acme = Acme::new();
    let plant = Plant::new().signed(&acme.key);
    let document = plant.document();
    let nobody = Verifier::new(Arc::new(TrustStore::empty()), Policy::standard());
    let judge = |verifier: &Verifier, examination: &Examination| {
        let verdict = verifier.judge(&[Subject { document: &document, examination, dev_root: false }]).remove(0);
        (verdict.outcome.map_or_else(|error| error.code(), |_| "ready"), verdict.signer)
    };
    let before = nobody.examine(&plant.directory(), &document);
    assert!(before.is_signed());
    assert_eq!(judge(&nobody, &before), ("UntrustedKey", None));
    assert_eq!(judge(&acme.standard(), &before), ("ready", Some("acme".into())), "the key came later");
    let after = acme.standard().examine(&plant.directory(), &document);
    assert_eq!(judge(&nobody, &after), ("UntrustedKey", None), "the key was removed");
}

#[test]
fn levels_are_named_on_the_command_line() {
    for level in [PolicyLevel::Strict, PolicyLevel::Standard] {
        assert_eq!(level.as_str().parse::<PolicyLevel>().unwrap(), level);
    }
    assert_eq!(PolicyLevel::default(), PolicyLevel::Standard);
    assert!("dev".parse::<PolicyLevel>().is_err());
}

#[test]
fn strict_lets_nothing_into_a_process_whose_linker_was_told_to_bring_in_other_code() {
    let acme = Acme::new();
    let plant = Plant::new().signed(&acme.key);
    let with = |policy, names: &[&str]| acme.verifier(policy).with_environment(names);
    for name in ["LD_PRELOAD", "LD_LIBRARY_PATH", "LD_AUDIT"] {
        let strict = with(Policy::strict(), &["PATH", name, "HOME"]);
        let error = outcome(&strict, &plant, false).unwrap_err();
        assert_eq!(error.code(), "UnsafeEnvironment");
        assert!(error.to_string().contains(name) && error.hint().unwrap().contains(name), "{error}");
        assert_eq!(code(&strict, &Plant::new()), "MissingChecksum", "what is wrong with the plugin comes first");
        assert!(outcome(&with(Policy::standard(), &[name]), &plant, false).is_ok());
    }
    for harmless in ["LD_PRELOAD_", "ld_preload", "LD_DEBUG", ""] {
        assert!(outcome(&with(Policy::strict(), &[harmless]), &plant, false).is_ok(), "{harmless}");
    }
    let mut store = TrustStore::empty();
    store.add_publisher("acme", acme.key.public_key(), &["com.acme"], Placement::Process).unwrap();
    let in_a_child = Verifier::new(Arc::new(store), Policy::strict()).with_environment(["LD_PRELOAD"]);
    assert!(outcome(&in_a_child, &plant, false).is_ok(), "a child is started without them");
}
