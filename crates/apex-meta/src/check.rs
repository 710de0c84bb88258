//! The check of a `plugin.json`: every fault in one pass.

use crate::{Document, Fault, FaultCode, InvalidDocument, JsonLimits, Severity, parse_strict_json};

/// What a check of a `plugin.json` found.
#[derive(Debug, Clone)]
pub struct Report {
    document: Option<Document>,
    faults: Vec<Fault>,
    warnings: Vec<Fault>,
}

impl Report {
    /// The document, if there is no fault.
    pub fn document(&self) -> Option<&Document> {
        self.document.as_ref()
    }

    /// What makes the plugin invalid, in the order of the text; empty exactly if there is a document.
    pub fn faults(&self) -> &[Fault] {
        &self.faults
    }

    /// What the author should look at, in the order of the text.
    pub fn warnings(&self) -> &[Fault] {
        &self.warnings
    }

    /// Faults first, then warnings.
    pub fn all(&self) -> impl Iterator<Item = &Fault> {
        self.faults.iter().chain(&self.warnings)
    }

    /// The document, or the faults that stand against it.
    ///
    /// # Errors
    /// The faults, in the order of the text.
    pub fn into_document(self) -> Result<Document, Vec<Fault>> {
        self.document.ok_or(self.faults)
    }
}

/// Checks the bytes of a `plugin.json`.
pub fn check(bytes: &[u8]) -> Report {
    let document =
        parse_strict_json(bytes, JsonLimits::METADATA).map_err(InvalidDocument::from).and_then(Document::from_strict);
    match document {
        Ok(document) => Report { document: Some(document), faults: Vec::new(), warnings: Vec::new() },
        Err(error) => Report {
            document: None,
            warnings: Vec::new(),
            faults: vec![Fault {
                severity: Severity::Error,
                code: error.code().parse().unwrap_or(FaultCode::InvalidValue),
                pointer: String::new(),
                line: 1,
                column: 1,
                message: error.to_string(),
                hint: None,
                span: 0..0,
            }],
        },
    }
}
