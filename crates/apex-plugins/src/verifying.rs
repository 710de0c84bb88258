//! Verifying a find on demand, without loading it.

use std::{path::Path, sync::Arc};

use apex_audit::Happening;
use apex_discover::Entry;
use apex_meta::{PluginId, PluginVersion, Reason};
use apex_trust::Verified;

use crate::{
    PluginManager,
    audit::{subject_of, subject_of_entry},
    background,
};

impl PluginManager {
    /// Verifies a version now: takes the digest of every byte and checks the signature, loading nothing.
    ///
    /// # Errors
    /// There is no such entry with metadata that could be read, or verification fails; the reason says which check.
    pub async fn verify(&self, id: &PluginId, version: &PluginVersion) -> Result<Verified, Reason> {
        let catalogue = self.catalogue();
        let entry = catalogue.get(id, version).ok_or_else(|| {
            Reason::new("VersionNotFound", format!("there is no plugin {id} of version {version} to verify"))
        })?;
        self.verify_entry(entry).await
    }

    /// Verifies a find of the catalogue now, as [`verify`](Self::verify) does for the one that its version is served by.
    ///
    /// # Errors
    /// It has no readable metadata or no directory, or verification fails.
    pub async fn verify_entry(&self, entry: &Entry) -> Result<Verified, Reason> {
        let Some(path) = entry.path().map(std::path::Path::to_path_buf) else {
            return Err(Reason::new("NothingToVerify", "the plugin is linked into this program and has no files"));
        };
        let (inner, is_dev, found) = (Arc::clone(&self.inner), entry.is_dev(), entry.clone());
        // Whether another find of the id is signed was settled by the scan, which saw all of them.
        let siblings_signed = entry.reason().is_some_and(|reason| reason.code == "SignatureStripped");
        let subject = subject_of_entry(entry);
        let verify = move || {
            // Where a cache spared reading it, it is read now.
            let Some(document) = found.document().cloned() else { return Err(without_document(&found)) };
            let verified = inner.authority.verify(&path, &document, is_dev, siblings_signed);
            match (&verified, subject) {
                (Ok(verified), _) => inner.auditor.record(Happening::Verify { subject: subject_of(verified) }),
                (Err(reason), Some(subject)) => inner.auditor.blocked(subject, reason),
                // What has a document has an id and a version.
                (Err(_), None) => {}
            }
            verified
        };
        background::run("apex-verify", verify)
            .await
            .map_err(|error| Reason::new("VerificationFailed", error.to_string()))?
    }
}

/// Why an entry has no document: it never had one, or it changes right now.
fn without_document(entry: &Entry) -> Reason {
    let changed = || {
        let path = entry.path().unwrap_or(Path::new("")).display();
        Reason::new("Unreadable", format!("the plugin.json in {path} is not the one that was scanned"))
            .with_hint("scan again once nothing changes the directory any more")
    };
    entry.reason().cloned().unwrap_or_else(changed)
}
