//! What the chain shows, and what the file holds against.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
#![expect(clippy::disallowed_methods, reason = "tampering is the point, durability is not")]

use std::{
    fs::{self, OpenOptions},
    io::{Read as _, Write as _},
    path::Path,
    sync::Mutex,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use apex_meta::{Placement, Reason};
use proptest::prelude::*;

use crate::{
    AuditError, AuditSink, Broken, Chain, FileSink, Happening, Head, Record, Subject, line, params_digest,
    verify_chain, verify_chain_against,
};

fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}

fn subject(name: &str) -> Subject {
    Subject::new(format!("com.acme.{name}").parse().unwrap(), "1.2.0".parse().unwrap())
}

/// Several records of different kinds.
fn records(count: usize) -> Vec<Record> {
    let record = |index: usize| {
        let (at, subject) = (at(index as u64), subject("x"));
        match index % 4 {
            0 => Record::verified(at, subject.with_signer(Some("acme".into()), Some("ab".into()))),
            1 => Record::loaded(at, subject, Placement::InProcess),
            2 => Record::blocked(at, subject, &Reason::new("KeyRevoked", "revoked: \"lost\"\n\u{1b}")),
            _ => {
                let params = params_digest(b"{}");
                Record {
                    at,
                    happening: Happening::Call { subject, action: "act".into(), params, caller: None, error: None },
                }
            }
        }
    };
    (0..count).map(record).collect()
}

/// The bytes of a log of so many lines.
fn log(count: usize) -> Vec<u8> {
    let (mut bytes, mut prev) = (Vec::new(), line::hash_of(b""));
    for (index, record) in records(count).iter().enumerate() {
        let line = line::write(index as u64 + 1, &prev, record).unwrap();
        prev = line::hash_of(&line);
        bytes.extend(line);
    }
    bytes
}

fn lines(bytes: &[u8]) -> Vec<&[u8]> {
    bytes.split_inclusive(|byte| *byte == b'\n').collect()
}

#[test]
fn a_sound_log_is_summed_up_with_its_head() {
    let bytes = log(5);
    let summary = verify_chain(&bytes[..]).unwrap();
    assert_eq!((summary.lines, summary.first_at, summary.last_at), (5, Some(at(0)), Some(at(4))));
    assert_eq!(summary.head, Head { seq: 5, hash: line::hash_of(lines(&bytes)[4]) });
    let empty = verify_chain(&b""[..]).unwrap();
    assert_eq!((empty.lines, empty.first_at, empty.head.seq), (0, None, 0));
    let kinds: Vec<_> = Chain::new(&bytes[..]).map(|line| line.unwrap().kind).collect();
    assert_eq!(kinds, ["verify", "load", "block", "call", "verify"]);
    let first = Chain::new(&bytes[..]).next().unwrap().unwrap();
    assert_eq!((&first.members["plugin"], &first.members["publisher"]), (&"com.acme.x".into(), &"acme".into()));
}

#[test]
fn removed_moved_and_inserted_lines_are_seen() {
    let bytes = log(5);
    let all = lines(&bytes);
    let check = |order: &[usize]| verify_chain(&order.iter().flat_map(|at| all[*at].to_vec()).collect::<Vec<_>>()[..]);
    assert!(matches!(check(&[1, 2, 3, 4]), Err(Broken::Sequence { line: 1, found: 2 })));
    assert!(matches!(check(&[0, 1, 3, 4]), Err(Broken::Sequence { line: 3, found: 4 })));
    assert!(matches!(check(&[0, 2, 1, 3, 4]), Err(Broken::Sequence { line: 2, found: 3 })));
    assert!(matches!(check(&[0, 1, 1, 2, 3, 4]), Err(Broken::Sequence { line: 3, found: 2 })));
}

/// With a seal and a number of its own, a forged line still does not fit in.
#[test]
fn a_line_that_was_written_anew_breaks_the_link_to_the_next() {
    let bytes = log(3);
    let all = lines(&bytes);
    let forged = line::write(2, &line::hash_of(all[0]), &Record::verified(at(9), subject("forged"))).unwrap();
    let spliced = [all[0], &forged, all[2]].concat();
    assert!(matches!(verify_chain(&spliced[..]), Err(Broken::Link { line: 3 })));
}

#[test]
fn only_a_head_kept_elsewhere_shows_that_the_end_was_cut_off_or_all_was_made_anew() {
    let bytes = log(5);
    let head = verify_chain(&bytes[..]).unwrap().head;
    let cut = lines(&bytes)[..3].concat();
    assert_eq!(verify_chain(&cut[..]).unwrap().lines, 3, "the file alone does not tell");
    assert!(matches!(verify_chain_against(&cut[..], &head), Err(Broken::CutOff { lines: 3, known: 5 })));
    let (mut anew, mut prev) = (Vec::new(), line::hash_of(b""));
    for seq in 1..=6 {
        let line = line::write(seq, &prev, &Record::verified(at(seq), subject("forged"))).unwrap();
        prev = line::hash_of(&line);
        anew.extend(line);
    }
    assert!(matches!(verify_chain_against(&anew[..], &head), Err(Broken::Replaced { line: 5 })));
    assert_eq!(verify_chain_against(&log(7)[..], &head).unwrap().lines, 7, "it may have grown");
}

#[test]
fn long_lines_and_other_formats_are_refused_in_bounded_memory() {
    let endless = std::io::repeat(b'x');
    assert!(matches!(verify_chain(endless), Err(Broken::TooLong { line: 1 })));
    let sealed = |content: &str| format!("{content},\"seal\":\"{}\"}}\n", line::hash_of(content.as_bytes()));
    for content in ["{\"a\":1", "{\"seq\":1,\"seq\":1", "{\"seq\":1,\"at_ms\":\"x\"", "[", ""] {
        let verified = verify_chain(sealed(content).as_bytes());
        assert!(matches!(verified, Err(Broken::Malformed { line: 1, .. })), "{content}: {verified:?}");
    }
}

proptest! {
    #[test]
    fn every_changed_byte_is_seen(count in 1_usize..6, place in any::<prop::sample::Index>(), change in 1_u8..) {
        let mut bytes = log(count);
        let at = place.index(bytes.len());
        bytes[at] ^= change;
        prop_assert!(verify_chain(&bytes[..]).is_err(), "byte {at}");
    }

    #[test]
    fn every_removed_or_inserted_byte_is_seen(place in any::<prop::sample::Index>(), byte: u8) {
        let bytes = log(3);
        let at = place.index(bytes.len());
        let removed = [&bytes[..at], &bytes[at + 1..]].concat();
        prop_assert!(verify_chain(&removed[..]).is_err());
        let inserted = [&bytes[..at], &[byte][..], &bytes[at..]].concat();
        prop_assert!(verify_chain(&inserted[..]).is_err());
    }

    #[test]
    fn no_bytes_make_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let summary = verify_chain(&bytes[..]);
        prop_assert_eq!(summary.is_ok(), bytes.is_empty());
    }

    #[test]
    fn whatever_a_reason_says_makes_one_sound_line(message in ".{0,3000}") {
        let record = Record::blocked(at(1), subject("x"), &Reason::new("Code", message));
        let line = line::write(1, &line::hash_of(b""), &record).unwrap();
        prop_assert!(line.len() < crate::MAX_LINE_BYTES / 4);
        prop_assert_eq!(verify_chain(&line[..]).unwrap().lines, 1);
    }
}

fn read(path: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    FileSink::read(path).unwrap().read_to_end(&mut bytes).unwrap();
    bytes
}

#[test]
fn several_writers_make_one_chain() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("audit.jsonl");
    let failures = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let sink = FileSink::new(&path);
                let failed = records(10).iter().filter_map(|record| sink.append(record).err()).collect::<Vec<_>>();
                failures.lock().unwrap().extend(failed);
            });
        }
    });
    assert!(failures.into_inner().unwrap().is_empty());
    assert_eq!(verify_chain(&read(&path)[..]).unwrap().lines, 40);
}

#[test]
fn a_torn_line_is_set_aside_and_told_of() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("audit.jsonl");
    let sink = FileSink::new(&path);
    for record in records(2) {
        sink.append(&record).unwrap();
    }
    for (torn, kept_in) in [(&b"{\"seq\":3,\"at"[..], "audit.jsonl.torn-3"), (b"{", "audit.jsonl.torn-5")] {
        OpenOptions::new().append(true).open(&path).unwrap().write_all(torn).unwrap();
        assert!(matches!(verify_chain(&read(&path)[..]), Err(Broken::Torn { .. })));
        sink.append(&records(1)[0]).unwrap();
        let bytes = read(&path);
        let lines: Vec<_> = Chain::new(&bytes[..]).map(Result::unwrap).collect();
        let told = &lines[lines.len() - 2];
        assert_eq!((&*told.kind, &told.members["kept_in"]), ("torn", &kept_in.into()));
        assert_eq!(told.members["blake3"], line::hash_of(torn));
        assert_eq!(fs::read(directory.path().join(kept_in)).unwrap(), torn);
    }
}

#[test]
fn a_file_that_is_all_torn_begins_anew() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("audit.jsonl");
    FileSink::new(&path).append(&records(1)[0]).unwrap();
    let whole = fs::read(&path).unwrap();
    OpenOptions::new().write(true).open(&path).unwrap().set_len(whole.len() as u64 / 2).unwrap();
    FileSink::new(&path).append(&records(1)[0]).unwrap();
    let kinds: Vec<_> = Chain::new(&read(&path)[..]).map(|line| line.unwrap().kind).collect();
    assert_eq!(kinds, ["torn", "verify"]);
}

#[test]
fn nothing_is_bound_to_a_line_that_was_changed() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("audit.jsonl");
    let sink = FileSink::new(&path);
    sink.append(&records(1)[0]).unwrap();
    let text = fs::read_to_string(&path).unwrap().replace("1.2.0", "1.2.1");
    fs::write(&path, &text).unwrap();
    let error = sink.append(&records(1)[0]).unwrap_err();
    assert!(matches!(error, AuditError::Unsound { .. }), "{error}");
    assert_eq!(error.code(), "AuditBroken");
    assert_eq!(fs::read_to_string(&path).unwrap(), text, "it is evidence");
    fs::rename(&path, directory.path().join("evidence")).unwrap();
    sink.append(&records(1)[0]).unwrap();
    assert_eq!(verify_chain(&read(&path)[..]).unwrap().lines, 1);
}

#[cfg(unix)]
#[test]
fn a_file_is_made_for_its_owner_alone_and_others_may_not_write_to_it() {
    use std::os::unix::fs::PermissionsExt as _;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("audit.jsonl");
    let sink = FileSink::new(&path);
    sink.append(&records(1)[0]).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o622)).unwrap();
    assert!(matches!(sink.append(&records(1)[0]), Err(AuditError::Insecure { mode: 0o622, .. })));
    assert!(FileSink::read(&path).is_err());

    let link = directory.path().join("link");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    std::os::unix::fs::symlink(&path, &link).unwrap();
    assert!(matches!(FileSink::new(&link).append(&records(1)[0]), Err(AuditError::Io { .. })));
    assert!(FileSink::new(directory.path()).append(&records(1)[0]).is_err());
    assert_eq!(verify_chain(&read(&path)[..]).unwrap().lines, 1);
}
