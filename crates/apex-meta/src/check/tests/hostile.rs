//! Whatever the bytes: no panic, and places that are in the text.

use proptest::prelude::*;

use super::{check, manifest::full};
use crate::{Document, strict_json::line_and_column};

fn holds(bytes: &[u8]) -> Result<(), TestCaseError> {
    let report = check(bytes);
    prop_assert_eq!(report.document().is_some(), report.faults().is_empty());
    prop_assert!(report.document().is_none() || Document::parse(bytes).is_ok());
    let text = String::from_utf8_lossy(bytes);
    for fault in report.all() {
        prop_assert!(fault.line >= 1 && fault.column >= 1);
        prop_assert!(fault.span.start <= bytes.len(), "{:?}", fault);
        if std::str::from_utf8(bytes).is_ok() {
            prop_assert_eq!((fault.line, fault.column), line_and_column(&text, fault.span.start), "{:?}", fault);
        }
        prop_assert!(!fault.message.contains(char::is_control), "{:?}", fault.message);
        prop_assert!(!fault.hint.as_deref().unwrap_or_default().contains(char::is_control), "{:?}", fault.hint);
    }
    Ok(())
}

proptest! {
    #[test]
    fn random_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        holds(&bytes)?;
    }

    #[test]
    fn random_json_punctuation_is_survived(text in "[\\[\\]{}:,\"\\\\a1 \n.e-]{0,60}") {
        holds(text.as_bytes())?;
    }

    #[test]
    fn a_manifest_with_bytes_changed_is_survived(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..3_u8), 1..6), pretty in any::<bool>(),
    ) {
        let text = if pretty { serde_json::to_vec_pretty(&full()) } else { serde_json::to_vec(&full()) };
        let mut bytes = text.unwrap();
        for (index, byte, kind) in changes {
            let at = index.index(bytes.len());
            match kind {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, b"\"{}[],:\\0e"[usize::from(byte) % 10]),
                _ => _ = bytes.remove(at),
            }
        }
        holds(&bytes)?;
    }

    #[test]
    fn a_manifest_with_a_part_doubled_or_cut_is_survived(from in any::<prop::sample::Index>(), to in any::<prop::sample::Index>()) {
        let text = serde_json::to_string_pretty(&full()).unwrap();
        let (from, to) = (text.floor_char_boundary(from.index(text.len())), text.floor_char_boundary(to.index(text.len())));
        let (from, to) = (from.min(to), from.max(to));
        holds(&text.as_bytes()[..to])?;
        holds(format!("{}{}", &text[..to], &text[from..]).as_bytes())?;
        holds(format!("{}{}", &text[..from], &text[to..]).as_bytes())?;
    }
}
