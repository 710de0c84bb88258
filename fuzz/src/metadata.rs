//! `plugin.json`: two readers, one judgement.

use apex_meta::{Document, FaultCode, Severity, check};

/// What `check` looks at and [`Document::parse`] leaves alone.
const LEFT_TO_THE_CHECK: &[FaultCode] = &[
    FaultCode::HomepageUrl,
    FaultCode::UnsupportedSignatureMethod,
    FaultCode::MalformedSignature,
    FaultCode::InvalidSchema,
    FaultCode::RefNotLocal,
    FaultCode::RefUnresolved,
    FaultCode::RefCyclic,
    FaultCode::SchemaTooComplex,
];

/// `check` and [`Document::parse`] agree, faults lie inside the text, and a document survives being written and read.
pub fn metadata(bytes: &[u8]) {
    let (report, parsed) = (check(bytes), Document::parse(bytes));
    assert_eq!(report.document().is_some(), report.faults().is_empty(), "a document exactly if there is no fault");
    match (report.document(), &parsed) {
        (Some(checked), Ok(parsed)) => assert_eq!(checked, parsed, "both read the same"),
        (Some(_), Err(error)) => panic!("checked, but not parsed: {error}"),
        (None, Ok(_)) => {
            let known = |code| LEFT_TO_THE_CHECK.contains(&code);
            let other = report.faults().iter().find(|fault| !known(fault.code));
            assert!(other.is_none(), "parsed, but not checked: {other:?}");
        }
        (None, Err(error)) => assert!(error.code().parse::<FaultCode>().is_ok(), "a stable code: {error}"),
    }
    for fault in report.all() {
        let (start, end) = (fault.span.start, fault.span.end);
        assert!(fault.line > 0 && fault.column > 0, "places count from one: {fault:?}");
        assert!(start <= end && start <= bytes.len() && end <= bytes.len() + 1, "a place in the text: {fault:?}");
        assert_eq!(fault.message.lines().count(), 1, "one line: {fault:?}");
    }
    assert!(report.faults().iter().all(|fault| fault.severity == Severity::Error));
    assert!(report.warnings().iter().all(|fault| fault.severity == Severity::Warning));
    if let Ok(document) = parsed {
        let written = serde_json::to_vec(document.value()).unwrap();
        assert_eq!(Document::parse(&written).unwrap(), document, "written and read again");
        assert_eq!(Document::from_value(document.value().clone()).unwrap(), document, "by way of its value");
        let manifest = document.manifest();
        let id = document.id().as_str();
        assert!(!id.contains(['/', '\\', '\0']) && id != "." && id != "..", "an id is one segment of a path");
        for path in manifest.entry_point.library_paths() {
            assert!(path.split('/').all(|segment| !matches!(segment, "" | "." | "..")), "{path} stays inside");
        }
    }
}
