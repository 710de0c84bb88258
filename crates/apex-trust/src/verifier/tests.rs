//! Tests of the policy's table and of the attacks that end in it (R3.4-R3.7, attacks 1-26, 33-40).
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::{
    fs,
    path::PathBuf,
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant, UNIX_EPOCH},
};

use apex_meta::{Digest, Placement, PluginId};
use serde_json::{Value, json};

use super::*;
use crate::{KeyId, PolicyLevel, SigningKey, Timestamp, minimal_elf::MinimalElf, tree_digest};

mod attacks;
mod later_stores;
mod races;
mod stored;
mod table;

/// How long a test goes on until an attacker beside it has had a turn, on a machine that has much else to do.
const PATIENCE: Duration = Duration::from_secs(60);

/// A plugin in a directory of its own, which tests change at will.
struct Plant {
    root: tempfile::TempDir,
    manifest: Value,
}

impl Plant {
    /// `com.acme.greeter` with a library and a resource, neither checksum nor signature.
    fn new() -> Self {
        let plant = Self {
            root: tempfile::tempdir().unwrap(),
            manifest: json!({
                "name": "Greeter", "id": "com.acme.greeter", "version": "1.0.0", "description": "Greets.",
                "author": "Acme", "entry_point": "greeter::Greeter", "actions": [],
            }),
        };
        plant.write(&plant.library(), &MinimalElf::with_content(b"machine code"));
        plant.write("data/words.txt", b"hello");
        plant
    }

    fn with_id(id: &str) -> Self {
        let mut plant = Self::new();
        plant.manifest["id"] = json!(id);
        plant
    }

    fn library(&self) -> String {
        self.document().manifest().entry_point.library_paths()[0].clone()
    }

    fn path(&self, path: &str) -> PathBuf {
        self.directory().join(path)
    }

    fn directory(&self) -> PathBuf {
        self.root.path().join("plugin")
    }

    fn write(&self, path: &str, content: &[u8]) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        #[expect(clippy::disallowed_methods, reason = "a test's file needs to be neither atomic nor durable")]
        fs::write(path, content).unwrap();
    }

    fn document(&self) -> Document {
        Document::from_value(self.manifest.clone()).unwrap()
    }

    fn checksummed(mut self) -> Self {
        self.fill_checksum(DigestAlgorithm::Blake3);
        self
    }

    fn fill_checksum(&mut self, algorithm: DigestAlgorithm) {
        let digest = tree_digest(&self.directory(), algorithm).unwrap();
        self.manifest["checksum"] = serde_json::to_value(digest).unwrap();
    }

    fn signed(self, key: &SigningKey) -> Self {
        let mut plant = self.checksummed();
        plant.sign(key);
        plant
    }

    fn sign(&mut self, key: &SigningKey) {
        self.manifest.as_object_mut().unwrap().remove("signature");
        self.manifest["signature"] = serde_json::to_value(key.sign(&self.document()).unwrap()).unwrap();
    }

    fn without(mut self, member: &str) -> Self {
        self.manifest.as_object_mut().unwrap().remove(member);
        self
    }

    fn digest(&self) -> Digest {
        tree_digest(&self.directory(), DigestAlgorithm::Blake3).unwrap()
    }
}

/// What the verifier makes of a plugin by both of its ways, which must agree.
fn outcome(verifier: &Verifier, plant: &Plant, dev_root: bool) -> Result<Acceptance, TrustError> {
    let document = plant.document();
    let examination = verifier.examine(&plant.directory(), &document);
    let subject = Subject { document: &document, examination: &examination, dev_root };
    let judged = verifier.judge(&[subject]).remove(0).outcome;
    let verified = verifier.verify(&plant.directory(), &document, dev_root, false);
    match (&judged, &verified) {
        (Ok(acceptance), Ok(verified)) => {
            assert_eq!(verified.placement(), acceptance.placement);
            assert_eq!(verified.publisher(), acceptance.publisher.as_deref());
            assert_eq!(verified.key_id(), acceptance.key_id.as_ref());
            assert_eq!(verified.digest(), acceptance.digest.as_ref());
        }
        (Err(judged), Err(verified)) => assert_eq!(judged.code(), verified.code()),
        _ => panic!("judged {judged:?}, but verified {verified:?}"),
    }
    judged
}

fn code(verifier: &Verifier, plant: &Plant) -> &'static str {
    match outcome(verifier, plant, false) {
        Ok(acceptance) => panic!("accepted: {acceptance:?}"),
        Err(error) => {
            assert!(!error.to_string().is_empty());
            assert_eq!(error.to_reason().code, error.code());
            error.code()
        }
    }
}

/// A publisher with a key, trusted with `com.acme` in process.
struct Acme {
    key: SigningKey,
    store: TrustStore,
}

impl Acme {
    fn new() -> Self {
        let key = SigningKey::generate().unwrap();
        let mut store = TrustStore::empty();
        store.add_publisher("acme", key.public_key(), &["com.acme"], Placement::InProcess).unwrap();
        Self { key, store }
    }

    fn id(&self) -> KeyId {
        self.key.public_key().key_id()
    }

    fn verifier(&self, policy: Policy) -> Verifier {
        Verifier::new(Arc::new(self.store.clone()), policy)
    }

    fn standard(&self) -> Verifier {
        self.verifier(Policy::standard())
    }
}
