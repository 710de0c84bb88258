//! What the audit log learns of a store (R9.8).

use std::{
    io,
    sync::{Arc, Mutex},
};

use apex_audit::{AuditError, AuditSink, Happening, Record};

use super::fixture::{Workshop, steps};
use crate::Planner;

/// Keeps what is recorded as lines for people, or fails.
#[derive(Clone, Default)]
struct Book {
    lines: Arc<Mutex<Vec<String>>>,
    fails: bool,
}

impl AuditSink for Book {
    fn append(&self, record: &Record) -> Result<(), AuditError> {
        if self.fails {
            let source = io::Error::from(io::ErrorKind::StorageFull);
            return Err(AuditError::Io { path: "audit.jsonl".into(), doing: "written", source });
        }
        let line = match &record.happening {
            Happening::Install { subject, source } => {
                assert!(source.ends_with(".apexpkg") && subject.key_id.is_some() && subject.digest.is_some());
                format!("install {} {:?}", subject.plugin, subject.version.as_ref().map(ToString::to_string))
            }
            Happening::Update { subject, from } => {
                let text = |version: &Option<apex_meta::PluginVersion>| version.as_ref().map(ToString::to_string);
                format!("update {} {:?} {:?}", subject.plugin, text(from), text(&subject.version))
            }
            Happening::Remove { subject } => {
                format!("remove {} {:?}", subject.plugin, subject.version.as_ref().map(ToString::to_string))
            }
            Happening::Block { subject, code, .. } => format!("block {} {code}", subject.plugin),
            other => panic!("{other:?}"),
        };
        self.lines.lock().unwrap().push(line);
        Ok(())
    }
}

impl Book {
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.lines.lock().unwrap())
    }
}

#[test]
fn every_change_of_a_store_is_recorded_whatever_made_it() {
    let shop = Workshop::new();
    shop.publish("app", "1.0.0", &["base"]);
    shop.publish("base", "1.0.0", &[]);
    let book = Book::default();
    let store = shop.store("store").with_audit(book.clone());
    shop.install(&store, &["app"]).unwrap();
    let installed = [r#"install com.acme.app Some("1.0.0")"#, r#"install com.acme.base Some("1.0.0")"#];
    assert_eq!(book.take(), installed);
    shop.install(&store, &["app"]).unwrap();
    assert_eq!(book.take(), Vec::<String>::new(), "nothing changed");
    let lock = crate::Lock::of(&store.ledger().unwrap(), &apex_trust::Grants::empty());
    shop.publish("app", "1.1.0", &["base"]);
    shop.install(&store, &["app >=1.1"]).unwrap();
    assert_eq!(book.take(), [r#"update com.acme.app Some("1.0.0") Some("1.1.0")"#]);
    let ledger = store.ledger().unwrap();
    let plan = Planner::new(&store, &ledger, &shop.trust, apex_trust::Policy::standard()).locked(lock).sync().unwrap();
    assert_eq!(steps(&plan), ["downgrade app 1.0.0"]);
    shop.apply(&store, &plan).unwrap();
    assert_eq!(book.take(), [r#"update com.acme.app Some("1.1.0") Some("1.0.0")"#]);
    store.collect(0).unwrap();
    assert_eq!(book.take(), [r#"remove com.acme.app Some("1.1.0")"#]);
    shop.remove(&store, &["app", "base"], false).unwrap();
    assert_eq!(book.take(), [r#"remove com.acme.app Some("1.0.0")"#, r#"remove com.acme.base Some("1.0.0")"#]);
}

#[test]
fn a_package_that_is_not_what_its_source_says_is_recorded_as_blocked() {
    let shop = Workshop::new();
    let archive = shop.publish("app", "1.0.0", &[]);
    let book = Book::default();
    let store = shop.store("store").with_audit(book.clone());
    let plan = shop.plan(&store, &["app"]).unwrap();
    std::fs::copy(shop.publish("other", "1.0.0", &[]), &archive).unwrap();
    assert_eq!(shop.apply(&store, &plan).unwrap_err().code(), "IndexMismatch");
    assert_eq!(book.take(), ["block com.acme.app IndexMismatch"]);
}

#[test]
fn a_change_that_cannot_be_recorded_has_happened_and_says_so() {
    let shop = Workshop::new();
    shop.publish("app", "1.0.0", &[]);
    let store = shop.store("store").with_audit(Book { fails: true, ..Book::default() });
    let plan = shop.plan(&store, &["app"]).unwrap();
    let done = store.apply(&plan, &shop.verifier(), 2).unwrap();
    assert_eq!((done.ledger.active().count(), done.unrecorded.len()), (1, 1));
}
