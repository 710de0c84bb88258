//! What there is to say about a path: its metadata, and what trust makes of the files.

use std::{
    fs::{self, File},
    io::Read as _,
    path::{Path, PathBuf},
};

use apex_package::ArchiveError;
use apex_plugins::{
    meta::{Document, Fault, JsonLimits, Reason, check},
    trust::{Acceptance, Subject, Verifier},
};

use crate::failure::{Failure, causes_of};

/// What was found at one path.
pub(super) struct Finding {
    /// The path that the user named.
    pub(super) path: PathBuf,
    /// The file that faults are in, as it is shown.
    pub(super) manifest: PathBuf,
    /// The text of `plugin.json`, to draw faults over.
    pub(super) text: String,
    pub(super) faults: Vec<Fault>,
    pub(super) warnings: Vec<Fault>,
    pub(super) trust: Trust,
}

/// What trust says.
pub(super) enum Trust {
    /// Nothing: metadata alone was to be checked, or is too broken to go on.
    NotAsked,
    Accepted(Acceptance),
    Refused(Reason),
}

impl Finding {
    /// A path that trust refuses before its metadata is of interest.
    fn refused(path: &Path, reason: Reason) -> Self {
        Self { trust: Trust::Refused(reason), ..Self::about(path, path.to_owned()) }
    }

    fn about(path: &Path, manifest: PathBuf) -> Self {
        let (text, faults, warnings) = (String::new(), Vec::new(), Vec::new());
        Self { path: path.to_owned(), manifest, text, faults, warnings, trust: Trust::NotAsked }
    }
}

const MANIFEST: &str = "plugin.json";

/// Examines a directory, a package or a `plugin.json`.
pub(super) fn path(path: &Path, verifier: &Verifier) -> Result<Finding, Failure> {
    let metadata = fs::metadata(path).map_err(|error| Failure::io("check", path, &error))?;
    if metadata.is_dir() {
        return directory(path, path, verifier);
    }
    if path.extension().is_some_and(|extension| extension == apex_package::EXTENSION) {
        return package(path, verifier);
    }
    let (finding, _) = read_metadata(Finding::about(path, path.to_owned()), path)?;
    Ok(finding)
}

/// Unpacks a package into a directory of its own, which is gone again afterwards, and examines that.
fn package(path: &Path, verifier: &Verifier) -> Result<Finding, Failure> {
    let temporary = tempfile::Builder::new().prefix("apex-check-").tempdir().map_err(|error| {
        Failure::new("Io", "cannot make a temporary directory to unpack to")
            .caused_by(&error)
            .hint("free some space, or set TMPDIR to a directory that is yours")
    })?;
    let unpacked = temporary.path().join("plugin");
    match apex_package::unpack(path, &unpacked) {
        Ok(()) => directory(path, &unpacked, verifier),
        Err(error) if is_system_error(&error) => Err(Failure::of(error.code(), &error).hint_if(error.hint())),
        Err(error) => Ok(Finding::refused(path, reason(&error))),
    }
}

/// Whether the file system failed; an archive that cannot be decompressed is a fault of the archive.
fn is_system_error(error: &ArchiveError) -> bool {
    matches!(error, ArchiveError::Unreadable { source, .. } | ArchiveError::Unwritable { source, .. }
        if source.raw_os_error().is_some())
}

fn reason(error: &ArchiveError) -> Reason {
    let sentence = [vec![error.to_string()], causes_of(error)].concat().join(": ");
    let reason = Reason::new(error.code(), sentence);
    match error.hint() {
        Some(hint) => reason.with_hint(hint),
        None => reason.with_hint("get the package from its publisher again"),
    }
}

/// Examines the directory of what the user named.
fn directory(path: &Path, directory: &Path, verifier: &Verifier) -> Result<Finding, Failure> {
    let manifest = directory.join(MANIFEST);
    match fs::symlink_metadata(&manifest) {
        Ok(metadata) if metadata.is_file() => {}
        Ok(_) => {
            let reason = Reason::new("NotRegularFile", format!("{} is not a regular file", manifest.display()));
            return Ok(Finding::refused(path, reason.with_hint("put the file itself there, not a link to it")));
        }
        Err(error) => {
            return Err(Failure::io("read", &manifest, &error).hint("name a directory that holds a plugin.json"));
        }
    }
    let (mut finding, document) = read_metadata(Finding::about(path, path.join(MANIFEST)), &manifest)?;
    if let Some(document) = document {
        finding.trust = trust(directory, &document, verifier);
    }
    Ok(finding)
}

/// Checks a `plugin.json`, and gives the document if it has no fault.
fn read_metadata(mut finding: Finding, manifest: &Path) -> Result<(Finding, Option<Document>), Failure> {
    let unreadable = |error| Failure::io("read", manifest, &error);
    // One byte more than allowed, so that the check sees that it is too large.
    let limit = JsonLimits::METADATA.max_bytes as u64 + 1;
    let mut bytes = Vec::new();
    File::open(manifest).map_err(unreadable)?.take(limit).read_to_end(&mut bytes).map_err(unreadable)?;
    let report = check(&bytes);
    finding.text = String::from_utf8(bytes).unwrap_or_default();
    finding.faults = report.faults().to_vec();
    finding.warnings = report.warnings().to_vec();
    Ok((finding, report.into_document().ok()))
}

fn trust(directory: &Path, document: &Document, verifier: &Verifier) -> Trust {
    let examination = verifier.examine(directory, document);
    let subject = Subject { document, examination: &examination, dev_root: false };
    match verifier.judge(&[subject]).pop().map(|judgement| judgement.outcome) {
        Some(Ok(acceptance)) => Trust::Accepted(acceptance),
        Some(Err(error)) => Trust::Refused(error.to_reason()),
        None => Trust::NotAsked,
    }
}
