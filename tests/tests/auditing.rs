//! What a host decides about plugins is recorded, and a record that cannot be kept stops nothing.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

use std::{
    path::Path,
    sync::{Arc, Mutex},
    time::{Duration, UNIX_EPOCH},
};

use apex_plugins::{
    AuditError, AuditSink, Event, FileSink, Placement, PluginManager,
    audit_log::{Chain, Record, verify_chain},
};
use apex_plugins_tests::{Publisher, package};
use futures::StreamExt as _;
use serde_json::json;

const GREETER: &str = "com.apexagent.examples.greeter";

async fn greet(plugins: &PluginManager) -> Result<serde_json::Value, apex_plugins::CallError> {
    plugins.call(GREETER, "greet").params(json!({"name": "Ada"})).result().await
}

fn lines(log: &Path) -> Vec<String> {
    let line = |line: apex_plugins::audit_log::Line| match line.members.get("code") {
        Some(code) => format!("{} {}", line.kind, code.as_str().unwrap()),
        None => line.kind,
    };
    Chain::new(FileSink::read(log).unwrap()).map(|read| line(read.unwrap())).collect()
}

#[tokio::test]
async fn a_plugins_way_from_acceptance_to_its_end_is_recorded() {
    let directory = tempfile::tempdir().unwrap();
    let (log, root, publisher) = (directory.path().join("audit.jsonl"), directory.path().join("p"), Publisher::new());
    package("greeter", Some(&publisher), &root);
    let trust = publisher.trusted(Placement::InProcess);
    let at = UNIX_EPOCH + Duration::from_secs(1_795_336_200);
    let builder =
        PluginManager::builder().root(&root).trust(trust.clone()).audit(FileSink::new(&log)).clock(move || at);
    let plugins = builder.build().await.unwrap();
    assert!(!log.exists(), "a scan decides nothing");
    let mut events = plugins.events();
    greet(&plugins).await.unwrap();
    greet(&plugins).await.unwrap();
    assert_eq!(lines(&log), ["verify", "load"], "a plugin is loaded once");
    let mut store = trust;
    let key = publisher.key.public_key().key_id();
    store.revoke(&key, "2026-11-22T08:30:00Z".parse().unwrap(), "stolen").unwrap();
    plugins.set_trust(store).await.unwrap();
    while !matches!(events.next().await.unwrap(), Event::StoppedUntrusted { .. }) {}
    for _ in 0..3 {
        greet(&plugins).await.unwrap_err();
    }
    let mut seen = lines(&log);
    // The instance ends on a thread of its own, before or after the scan.
    seen[2..].sort();
    let expected = ["verify", "load", "block KeyRevoked", "block KeyRevoked", "stop KeyRevoked", "trust_change"];
    assert_eq!(seen, expected, "the scan, and the first of equal refusals");
    let summary = verify_chain(FileSink::read(&log).unwrap()).unwrap();
    assert_eq!((summary.first_at, summary.last_at), (Some(at), Some(at)), "the clock is the builder's");
    assert_eq!(plugins.audit_failures(), 0);
}

/// Row 45: the library is edited where it lies, after the scan and with its old times.
#[tokio::test]
async fn what_was_changed_since_the_scan_is_blocked_when_it_is_called_and_recorded() {
    let directory = tempfile::tempdir().unwrap();
    let (log, root, publisher) = (directory.path().join("audit.jsonl"), directory.path().join("p"), Publisher::new());
    let plugin = package("greeter", Some(&publisher), &root);
    let trust = publisher.trusted(Placement::InProcess);
    let plugins = PluginManager::builder().root(&root).trust(trust).audit(FileSink::new(&log)).build().await.unwrap();
    let library = plugin.join("lib").join(apex_plugins::meta::TARGET_TRIPLE).join("libgreeter.so");
    let times = std::fs::metadata(&library).unwrap();
    let mut bytes = std::fs::read(&library).unwrap();
    // The last byte of the section headers, which no loader looks at.
    *bytes.last_mut().unwrap() ^= 1;
    let file = std::fs::OpenOptions::new().write(true).open(&library).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&file, &bytes, 0).unwrap();
    file.set_modified(times.modified().unwrap()).unwrap();
    let error = greet(&plugins).await.unwrap_err();
    assert_eq!(error.details().unwrap()["reason"]["code"], "ChecksumMismatch", "{error}");
    assert_eq!(lines(&log), ["block ChecksumMismatch"]);
}

/// Fails or panics, as it is told.
struct Broken {
    panics: bool,
    asked: Arc<Mutex<u64>>,
}

impl AuditSink for Broken {
    fn append(&self, record: &Record) -> Result<(), AuditError> {
        *self.asked.lock().unwrap() += 1;
        assert!(!self.panics, "on purpose");
        Err(AuditError::Other { message: format!("no room for {:?}", record.happening) })
    }
}

#[tokio::test]
async fn a_sink_that_fails_or_panics_is_told_of_and_stops_nothing() {
    for panics in [false, true] {
        let directory = tempfile::tempdir().unwrap();
        let publisher = Publisher::new();
        package("greeter", Some(&publisher), directory.path());
        let asked = Arc::new(Mutex::new(0));
        let sink = Broken { panics, asked: Arc::clone(&asked) };
        let trust = publisher.trusted(Placement::InProcess);
        let builder = PluginManager::builder().root(directory.path()).trust(trust).audit(sink);
        let plugins = builder.build().await.unwrap();
        let mut events = plugins.events();
        greet(&plugins).await.unwrap();
        assert_eq!(plugins.audit_failures(), 2, "verified and loaded");
        let failed = async {
            loop {
                if let Some(Event::AuditFailed { reason }) = events.next().await {
                    return reason;
                }
            }
        };
        let reason = tokio::time::timeout(Duration::from_secs(30), failed).await.unwrap();
        assert_eq!(reason.code, "AuditIo", "{reason}");
        let asked = asked.lock().map_or_else(|poisoned| *poisoned.into_inner(), |asked| *asked);
        assert!(asked > 0);
    }
}
