//! The JSON form of the trust store, `apex-trust/1`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use apex_meta::{JsonLimits, Placement, parse_strict_json};
use serde::{Deserialize, Serialize};

use super::{KeyFault, Publisher, PublisherFault, Revocation, TrustStore, TrustStoreError, TrustedKey};
use crate::{PublicKey, Timestamp};

const FORMAT: &str = "apex-trust/1";
const ED25519: &str = "ed25519";

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoreJson {
    format: String,
    version: u64,
    publishers: BTreeMap<String, PublisherJson>,
    #[serde(default)]
    deny: Vec<String>,
    #[serde(default)]
    roots: Vec<PathBuf>,
    #[serde(default)]
    dev_roots: Vec<PathBuf>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PublisherJson {
    prefixes: Vec<String>,
    #[serde(default = "process")]
    placement: Placement,
    keys: Vec<KeyJson>,
}

fn process() -> Placement {
    Placement::Process
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyJson {
    id: String,
    alg: String,
    public: String,
    #[serde(default)]
    not_before: Option<Timestamp>,
    #[serde(default)]
    not_after: Option<Timestamp>,
    #[serde(default)]
    revoked: Option<RevocationJson>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RevocationJson {
    at: Timestamp,
    reason: String,
}

pub(super) fn parse(bytes: &[u8]) -> Result<TrustStore, TrustStoreError> {
    let value = parse_strict_json(bytes, JsonLimits::METADATA).map_err(TrustStoreError::Json)?;
    // The format first: a later one would be full of members that are unknown here.
    match value.get("format").and_then(serde_json::Value::as_str) {
        Some(format) if format != FORMAT => {
            return Err(TrustStoreError::Format { found: format.chars().take(80).collect() });
        }
        _ => {}
    }
    let json: StoreJson = serde_json::from_value(value).map_err(TrustStoreError::Shape)?;
    let mut publishers = BTreeMap::new();
    for (name, publisher) in json.publishers {
        let publisher = read_publisher(&name, publisher)?;
        publishers.insert(name, publisher);
    }
    let deny: Result<BTreeSet<_>, _> = json.deny.iter().map(|digest| digest.parse()).collect();
    let store = TrustStore {
        version: json.version,
        publishers,
        deny: deny.map_err(TrustStoreError::Deny)?,
        roots: json.roots,
        dev_roots: json.dev_roots,
    };
    store.check()?;
    Ok(store)
}

fn read_publisher(name: &str, json: PublisherJson) -> Result<Publisher, TrustStoreError> {
    let prefixes: Result<Vec<_>, _> = json.prefixes.iter().map(|prefix| prefix.parse()).collect();
    let prefixes = prefixes.map_err(|source| TrustStoreError::Publisher {
        name: name.to_owned(),
        fault: PublisherFault::Prefix(source),
    })?;
    let keys: Result<Vec<_>, _> = json
        .keys
        .into_iter()
        .enumerate()
        .map(|(position, key)| {
            read_key(key).map_err(|fault| TrustStoreError::Key { publisher: name.to_owned(), position, fault })
        })
        .collect();
    Ok(Publisher { prefixes, placement: json.placement, keys: keys? })
}

fn read_key(json: KeyJson) -> Result<TrustedKey, KeyFault> {
    if json.alg != ED25519 {
        return Err(KeyFault::Algorithm { name: json.alg.chars().take(80).collect() });
    }
    let key = PublicKey::from_base64(&json.public).map_err(KeyFault::Key)?;
    let (stated, computed) = (json.id.parse().map_err(KeyFault::Key)?, key.key_id());
    if stated != computed {
        return Err(KeyFault::WrongId { stated, computed });
    }
    let revoked = json.revoked.map(|RevocationJson { at, reason }| Revocation { at, reason });
    Ok(TrustedKey { key, not_before: json.not_before, not_after: json.not_after, revoked })
}

/// The store as pretty JSON with a line feed at its end.
pub(super) fn write(store: &TrustStore) -> Result<Vec<u8>, serde_json::Error> {
    let publishers = store.publishers.iter().map(|(name, publisher)| (name.clone(), write_publisher(publisher)));
    let json = StoreJson {
        format: FORMAT.to_owned(),
        version: store.version,
        publishers: publishers.collect(),
        deny: store.deny.iter().map(ToString::to_string).collect(),
        roots: store.roots.clone(),
        dev_roots: store.dev_roots.clone(),
    };
    let mut bytes = serde_json::to_vec_pretty(&json)?;
    bytes.push(b'\n');
    Ok(bytes)
}

fn write_publisher(publisher: &Publisher) -> PublisherJson {
    let keys = publisher.keys.iter().map(|trusted| KeyJson {
        id: trusted.key.key_id().to_string(),
        alg: ED25519.to_owned(),
        public: trusted.key.to_base64(),
        not_before: trusted.not_before,
        not_after: trusted.not_after,
        revoked: trusted.revoked.clone().map(|Revocation { at, reason }| RevocationJson { at, reason }),
    });
    PublisherJson {
        prefixes: publisher.prefixes.iter().map(ToString::to_string).collect(),
        placement: publisher.placement,
        keys: keys.collect(),
    }
}
