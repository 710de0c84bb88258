//! The trust store as tables and as JSON.

use std::path::Path;

use apex_plugins::trust::{Publisher, TrustStore, TrustedKey};
use serde_json::{Value, json};

use crate::{
    escape,
    failure::Failure,
    output::{Cell, Output, Tone},
};

/// Shows a store that was read from a file.
pub(crate) fn store(file: &Path, store: &TrustStore, output: &mut Output) -> Result<(), Failure> {
    if output.is_json() {
        return output.json(&to_json(file, store));
    }
    let mut rows = Vec::new();
    for (name, publisher) in store.publishers() {
        for key in publisher.keys() {
            let (state, tone) = state(key);
            rows.push(vec![
                Cell::new(name).tone(Tone::Strong),
                Cell::new(&prefixes(publisher)),
                Cell::new(&publisher.placement()),
                Cell::new(&state).tone(tone),
                Cell::new(&key.key.key_id()),
            ]);
        }
    }
    if rows.is_empty() {
        output.line("No publisher is trusted.")?;
    } else {
        output.table(&["PUBLISHER", "PREFIXES", "PLACEMENT", "STATE", "KEY"], &rows)?;
    }
    for digest in store.denied() {
        output.line(format!("denied: {digest}"))?;
    }
    for root in store.roots() {
        output.line(format!("root: {}", escape::line(&root.display().to_string())))?;
    }
    for root in store.dev_roots() {
        output.line(format!("development root: {}", escape::line(&root.display().to_string())))?;
    }
    Ok(())
}

/// The ids that a publisher may sign, in a sentence.
pub(crate) fn prefixes(publisher: &Publisher) -> String {
    publisher.prefixes().iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn state(key: &TrustedKey) -> (String, Tone) {
    if let Some(revocation) = &key.revoked {
        return (format!("revoked at {}: {}", revocation.at, revocation.reason), Tone::Bad);
    }
    match (key.not_before, key.not_after) {
        (None, None) => ("trusted".to_owned(), Tone::Good),
        (Some(from), None) => (format!("from {from}"), Tone::Plain),
        (None, Some(until)) => (format!("until {until}"), Tone::Plain),
        (Some(from), Some(until)) => (format!("from {from} until {until}"), Tone::Plain),
    }
}

/// Shows a store to programs.
pub(crate) fn to_json(file: &Path, store: &TrustStore) -> Value {
    let publishers: Vec<_> = store.publishers().map(|(name, publisher)| publisher_to_json(name, publisher)).collect();
    json!({
        "file": file.to_string_lossy(),
        "version": store.version(),
        "publishers": publishers,
        "deny": store.denied().map(ToString::to_string).collect::<Vec<_>>(),
        "roots": store.roots(),
        "dev_roots": store.dev_roots(),
    })
}

fn publisher_to_json(name: &str, publisher: &Publisher) -> Value {
    let key = |trusted: &TrustedKey| {
        json!({
            "id": trusted.key.key_id().to_string(),
            "public": trusted.key.to_base64(),
            "not_before": trusted.not_before,
            "not_after": trusted.not_after,
            "revoked": trusted.revoked.as_ref().map(|revoked| json!({"at": revoked.at, "reason": revoked.reason})),
        })
    };
    json!({
        "name": name,
        "prefixes": publisher.prefixes(),
        "placement": publisher.placement(),
        "keys": publisher.keys().iter().map(key).collect::<Vec<_>>(),
    })
}
