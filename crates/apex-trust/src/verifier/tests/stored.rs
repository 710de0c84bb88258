//! Facts that were stored: the same verdicts, and nothing that would not load without them (attack 48).

use apex_meta::Runtime;
use proptest::prelude::*;

use super::*;
use crate::StoredExamination;

fn through_text(stored: &StoredExamination) -> StoredExamination {
    serde_json::from_str(&serde_json::to_string(stored).unwrap()).unwrap()
}

fn judged(verifier: &Verifier, plant: &Plant, examination: &Examination) -> Result<Acceptance, &'static str> {
    let document = plant.document();
    let subject = Subject { document: &document, examination, dev_root: false };
    verifier.judge(&[subject]).remove(0).outcome.map_err(|error| error.code())
}

#[test]
fn stored_facts_lead_to_the_same_verdicts_even_after_the_trust_store_changed() {
    let acme = Acme::new();
    let stranger = SigningKey::generate().unwrap();
    let mut unfit = Plant::new().signed(&acme.key);
    unfit.manifest["signature"]["value"] = json!("AAAA");
    let mut edited = Plant::new().signed(&acme.key);
    edited.manifest["description"] = json!("Greets twice.");
    let missing = Plant::new().signed(&acme.key);
    fs::remove_file(missing.path(&missing.library())).unwrap();
    let plants = [
        ("signed", Plant::new().signed(&acme.key)),
        ("unsigned", Plant::with_id("org.example.tool").checksummed()),
        ("no checksum", Plant::with_id("org.example.tool")),
        ("unknown key", Plant::new().signed(&stranger)),
        ("malformed signature", unfit),
        ("edited after signing", edited),
        ("no library", missing),
    ];
    let mut later = acme.store.clone();
    later.add_publisher("stranger", stranger.public_key(), &["org.stranger"], Placement::Process).unwrap();
    later.revoke(&acme.id(), Timestamp::from_system_time(UNIX_EPOCH), "lost").unwrap();
    let later = Verifier::new(Arc::new(later), Policy::standard());
    for (what, plant) in plants {
        let examination = acme.standard().examine(&plant.directory(), &plant.document());
        let stored = examination.to_stored().unwrap();
        assert_eq!(through_text(&stored), stored);
        let restored = Examination::from(through_text(&stored));
        assert_eq!(restored.is_signed(), examination.is_signed(), "{what}");
        for verifier in [&acme.standard(), &acme.verifier(Policy::strict()), &later] {
            assert_eq!(judged(verifier, &plant, &restored), judged(verifier, &plant, &examination), "{what}");
        }
    }
}

#[test]
fn faults_that_may_lie_outside_the_plugins_files_are_not_stored() {
    let acme = Acme::new();
    let plant = Plant::new().signed(&acme.key);
    let examine = || acme.standard().examine(&plant.directory(), &plant.document()).to_stored();
    assert!(examine().is_some());
    plant.write(&plant.library(), b"no library");
    assert_eq!(examine(), None, "what the rules for libraries say may change with the program");
    std::os::unix::fs::symlink("words.txt", plant.path("data/link")).unwrap();
    assert_eq!(examine(), None, "not a tree");
}

#[test]
fn forged_facts_load_nothing() {
    let acme = Acme::new();
    let honest = Plant::new().signed(&acme.key);
    let forged = acme.standard().examine(&honest.directory(), &honest.document()).to_stored().unwrap();
    let forged = Examination::from(through_text(&forged));
    // The same manifest, but other code: by these facts all is well.
    let evil = Plant::new();
    evil.write(&evil.library(), &MinimalElf::with_content(b"evil code"));
    let evil = Plant { manifest: honest.manifest, ..evil };
    assert!(judged(&acme.standard(), &evil, &forged).is_ok());
    let error = acme.standard().verify(&evil.directory(), &evil.document(), false, false).unwrap_err();
    assert_eq!(error.code(), "ChecksumMismatch");
    // A manifest that another key signed is not taken for signed by the one of the facts.
    let stranger = Plant::new().signed(&SigningKey::generate().unwrap());
    assert_eq!(judged(&acme.standard(), &stranger, &forged), Err("UntrustedKey"));
    let error = acme.standard().verify(&stranger.directory(), &stranger.document(), false, false).unwrap_err();
    assert_eq!(error.code(), "UntrustedKey");
}

#[test]
fn what_is_no_path_digest_or_key_is_not_read() {
    let acme = Acme::new();
    let plant = Plant::new().signed(&acme.key);
    assert_eq!(plant.document().manifest().entry_point.runtime(), Runtime::Native);
    let stored = acme.standard().examine(&plant.directory(), &plant.document()).to_stored().unwrap();
    let value = serde_json::to_value(&stored).unwrap();
    let edits: [(&str, Value); 5] = [
        ("/digest", json!("md5:00")),
        ("/library/Found", json!("../../etc/passwd")),
        ("/signature/Checked/key_id", json!("ab")),
        ("/signature/Checked/holds", json!(1)),
        ("/signature", json!("Trusted")),
    ];
    for (pointer, edit) in edits {
        let mut forged = value.clone();
        *forged.pointer_mut(pointer).unwrap() = edit;
        assert!(serde_json::from_value::<StoredExamination>(forged).is_err(), "{pointer}");
    }
}

fn any_stored() -> impl Strategy<Value = Value> {
    let library = prop_oneof![
        "[a-z]{1,8}(/[a-z]{1,8}){0,3}".prop_map(|path| json!({"Found": path})),
        prop::collection::vec("\\PC{0,20}", 0..4).prop_map(|places| json!({"Missing": places})),
    ];
    let signature = prop_oneof![
        prop_oneof![Just("Absent"), Just("Unfit"), Just("Unknown")].prop_map(|name| json!(name)),
        ("[0-9a-f]{64}", any::<bool>()).prop_map(|(id, holds)| json!({"Checked": {"key_id": id, "holds": holds}})),
    ];
    let digest = ("(blake3|sha256)", "[0-9a-f]{64}").prop_map(|(algorithm, hex)| format!("{algorithm}:{hex}"));
    (digest, library, signature)
        .prop_map(|(digest, library, signature)| json!({"digest": digest, "library": library, "signature": signature}))
}

proptest! {
    #[test]
    fn every_stored_examination_survives_storing_and_restoring(value in any_stored()) {
        let stored: StoredExamination = serde_json::from_value(value.clone()).unwrap();
        prop_assert_eq!(serde_json::to_value(&stored).unwrap(), value);
        let restored = Examination::from(stored.clone());
        prop_assert_eq!(restored.to_stored(), Some(stored));
    }

    #[test]
    fn no_forged_facts_make_a_plugin_load_that_would_not_without(value in any_stored()) {
        let forged = Examination::from(serde_json::from_value::<StoredExamination>(value).unwrap());
        let acme = Acme::new();
        // Stripped of its signature: whatever the facts say of a key, the manifest names none.
        let plant = Plant::new().checksummed();
        prop_assert!(judged(&acme.standard(), &plant, &forged).is_err());
        prop_assert!(acme.standard().verify(&plant.directory(), &plant.document(), false, false).is_err());
    }
}
