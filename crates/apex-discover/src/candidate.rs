//! Candidates: plugins whose `plugin.json` could be read and is valid; and what becomes of the others.

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
    sync::Arc,
};

use apex_meta::{Document, Fault, JsonLimits, Manifest, PluginId, PluginVersion, Reason, check, parse_strict_json};
use serde_json::Value;

use crate::{
    Root,
    directory::{Directory, Refusal},
    exposure::{Guard, Part},
    library::{Library, find_library},
};

/// The file that makes a directory a plugin.
pub(crate) const MANIFEST: &str = "plugin.json";

/// A plugin whose `plugin.json` could be read and is valid, before trust has been asked.
#[derive(Debug)]
pub struct Candidate {
    pub(crate) place: Place,
    pub(crate) document: Document,
    pub(crate) warnings: Vec<Fault>,
    pub(crate) library: Library,
    pub(crate) exposure: Option<Reason>,
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

    /// Its manifest and the value that it was read from.
    pub fn document(&self) -> &Document {
        &self.document
    }

    /// Its manifest.
    pub fn manifest(&self) -> &Manifest {
        self.document.manifest()
    }

    /// Its id.
    pub fn id(&self) -> &PluginId {
        self.document.id()
    }

    /// Its version.
    pub fn version(&self) -> &PluginVersion {
        self.document.version()
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

/// How a plugin lies below its root.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Layout {
    /// `<root>/<any>/plugin.json`
    Flat,
    /// `<root>/<id>/<version>/plugin.json`, as an installer lays it.
    Versioned,
}

/// Anything in a root that is a plugin, or should be one.
#[derive(Debug)]
pub(crate) enum Find {
    Candidate(Box<Candidate>),
    Invalid(Box<Invalid>),
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

impl Find {
    pub(crate) fn place(&self) -> &Place {
        match self {
            Self::Candidate(candidate) => &candidate.place,
            Self::Invalid(invalid) => &invalid.place,
        }
    }

    /// A find that could not be opened or read.
    pub(crate) fn refused(place: Place, path: &Path, refusal: &Refusal) -> Self {
        let reason = refusal.reason(path);
        let (faults, warnings) = (Vec::new(), Vec::new());
        Self::Invalid(Box::new(Invalid { place, reason, faults, warnings, id: None, version: None, name: None }))
    }
}

/// Reads and checks the `plugin.json` of a directory, and looks for its library.
pub(crate) fn read(directory: &Directory, place: Place, exposure: Option<Reason>, guard: &Guard) -> Find {
    let path = place.directory.join(MANIFEST);
    // One byte more than allowed, so that the check sees that it is too large.
    let limit = JsonLimits::METADATA.max_bytes as u64 + 1;
    let (bytes, ownership) = match directory.read(OsStr::new(MANIFEST), limit) {
        Ok(read) => read,
        Err(refusal) => return Find::refused(place, &path, &refusal),
    };
    let report = check(&bytes);
    let warnings = report.warnings().to_vec();
    match report.into_document() {
        Ok(document) => {
            let library = find_library(directory, &place.directory, &document.manifest().entry_point);
            let exposure = exposure.or_else(|| guard.exposure(&path, ownership?, Part::Own));
            Find::Candidate(Box::new(Candidate { place, document, warnings, library, exposure }))
        }
        Err(faults) => Find::Invalid(Box::new(invalid(place, &bytes, faults, warnings))),
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
