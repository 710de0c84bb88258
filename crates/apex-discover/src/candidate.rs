//! Candidates: plugins whose `plugin.json` could be read and is valid; and what becomes of the others.

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
    sync::Arc,
};

use apex_meta::{
    Digest, Document, Fault, JsonLimits, Manifest, PluginId, PluginVersion, Reason, Signature, check, parse_strict_json,
};
use serde_json::Value;

use crate::{
    Root,
    directory::{Directory, Refusal},
    exposure::{Guard, Part},
    fitness::unfitness,
    library::find_library,
    metadata::Metadata,
    summary::Summary,
};

/// The file that makes a directory a plugin.
pub(crate) const MANIFEST: &str = "plugin.json";

/// A plugin whose `plugin.json` could be read and is valid, before trust has been asked.
///
/// It may have been read in an earlier scan: then only a summary of it is at hand, and the rest is fetched when it is
/// asked for.
#[derive(Debug)]
pub struct Candidate {
    pub(crate) place: Place,
    pub(crate) summary: Summary,
    pub(crate) metadata: Metadata,
    /// Why this host cannot use it, whoever vouches for it.
    pub(crate) unfit: Option<Box<Reason>>,
    pub(crate) exposure: Option<Box<Reason>>,
}

impl Candidate {
    /// The root that it was found in.
    pub fn root(&self) -> &Root {
        &self.place.root
    }

    /// Whether the operator lists its root as a developer's.
    pub fn is_dev(&self) -> bool {
        self.place.root.is_dev()
    }

    /// Its directory, absolute and below the resolved root, with no symbolic link on the way.
    pub fn directory(&self) -> &Path {
        &self.place.directory
    }

    /// Its id.
    pub fn id(&self) -> &PluginId {
        &self.summary.id
    }

    /// Its version.
    pub fn version(&self) -> &PluginVersion {
        &self.summary.version
    }

    /// The digest that it claims for its files.
    pub fn checksum(&self) -> Option<Digest> {
        self.summary.checksum
    }

    /// The signature that it carries.
    pub fn signature(&self) -> Option<&Signature> {
        self.summary.signature.as_deref()
    }

    /// Its manifest and the value that it was read from, fetched if need be.
    ///
    /// None if its text was read in an earlier scan and is not to be had any more: it changes right now.
    pub fn document(&self) -> Option<&Document> {
        self.metadata.document(&self.place.directory)
    }

    /// Its manifest, as far as [`Candidate::document`] is to be had.
    pub fn manifest(&self) -> Option<&Manifest> {
        self.document().map(Document::manifest)
    }
}

/// Where a find stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) root: Arc<Root>,
    /// The root's place in the order of roots.
    pub(crate) rank: usize,
    pub(crate) directory: PathBuf,
    pub(crate) layout: Layout,
}

impl Place {
    /// The last name of the directory where it lies two levels below the root.
    pub(crate) fn child(&self) -> Option<&[u8]> {
        let name = self.directory.file_name().filter(|_| self.layout == Layout::Versioned)?;
        Some(name.as_encoded_bytes())
    }
}

/// How a plugin lies below its root.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Layout {
    /// `<root>/<any>/plugin.json`
    Flat,
    /// `<root>/<id>/<version>/plugin.json`, as an installer lays it.
    Versioned,
}

/// Anything in a root that is a plugin, or should be one; a candidate comes with the facts about it.
#[derive(Debug)]
pub(crate) enum Find<F> {
    Candidate(Arc<Candidate>, F),
    Invalid(Arc<Invalid>),
}

/// A find whose metadata cannot be had or has faults.
#[derive(Debug)]
pub(crate) struct Invalid {
    pub(crate) place: Place,
    pub(crate) reason: Reason,
    pub(crate) faults: Vec<Fault>,
    pub(crate) warnings: Vec<Fault>,
    pub(crate) id: Option<PluginId>,
    pub(crate) version: Option<PluginVersion>,
    pub(crate) name: Option<String>,
}

impl<F> Find<F> {
    pub(crate) fn place(&self) -> &Place {
        match self {
            Self::Candidate(candidate, _) => &candidate.place,
            Self::Invalid(invalid) => &invalid.place,
        }
    }

    pub(crate) fn id(&self) -> Option<&PluginId> {
        match self {
            Self::Candidate(candidate, _) => Some(candidate.id()),
            Self::Invalid(invalid) => invalid.id.as_ref(),
        }
    }
}

impl Invalid {
    /// A find that could not be opened or read.
    pub(crate) fn refused(place: Place, path: &Path, refusal: &Refusal) -> Self {
        let reason = refusal.reason(path);
        let (faults, warnings) = (Vec::new(), Vec::new());
        Self { place, reason, faults, warnings, id: None, version: None, name: None }
    }
}

/// What a `plugin.json` turned out to be.
pub(crate) enum Read {
    /// A candidate, its document and its text.
    Candidate(Arc<Candidate>, Document, Vec<u8>),
    Invalid(Arc<Invalid>),
}

/// Reads and checks the `plugin.json` of a directory, and looks for its library.
pub(crate) fn read(directory: &Directory, place: Place, exposure: Option<Reason>, guard: &Guard) -> Read {
    let path = place.directory.join(MANIFEST);
    // One byte more than allowed, so that the check sees that it is too large.
    let limit = JsonLimits::METADATA.max_bytes as u64 + 1;
    let (bytes, ownership) = match directory.read(OsStr::new(MANIFEST), limit) {
        Ok(read) => read,
        Err(refusal) => return Read::Invalid(Arc::new(Invalid::refused(place, &path, &refusal))),
    };
    let report = check(&bytes);
    let warnings = report.warnings().to_vec();
    match report.into_document() {
        Ok(document) => {
            let library = find_library(directory, &place.directory, &document.manifest().entry_point);
            let unfit = unfitness(&place, document.manifest(), &library);
            let exposure = exposure.or_else(|| guard.exposure(&path, ownership?, Part::Own));
            let (summary, metadata) = (Summary::of(&document, warnings), Metadata::read(document.clone(), &bytes));
            let candidate =
                Candidate { place, summary, metadata, unfit: unfit.map(Box::new), exposure: exposure.map(Box::new) };
            Read::Candidate(Arc::new(candidate), document, bytes)
        }
        Err(faults) => Read::Invalid(Arc::new(invalid(place, &bytes, faults, warnings))),
    }
}

fn invalid(place: Place, bytes: &[u8], faults: Vec<Fault>, warnings: Vec<Fault>) -> Invalid {
    let reason =
        faults.first().map_or_else(|| Reason::new("MetadataSyntax", "plugin.json is not valid"), Fault::to_reason);
    // What can still be known of it helps people to recognise it; nothing else is taken from an invalid file.
    let value = parse_strict_json(bytes, JsonLimits::METADATA).unwrap_or(Value::Null);
    let text = |member| value.get(member).and_then(Value::as_str);
    let id = text("id").and_then(|id| id.parse().ok());
    let version = text("version").and_then(|version| version.parse().ok());
    let name = text("name").map(str::to_owned);
    Invalid { place, reason, faults, warnings, id, version, name }
}
