//! Plants plugins in temporary roots, and judges them by what their manifests say of themselves.

use std::{
    fs,
    hash::{DefaultHasher, Hash, Hasher},
    path::{Path, PathBuf},
};

use apex_discover::{Assess, Assessment, Candidate, Catalogue, Entry, Overrides, Root, discover};
use apex_meta::{Digest, DigestAlgorithm, Document, EntryPoint, Placement, Reason, Status};
use serde_json::{Value, json};
use tempfile::TempDir;

/// A plugin to be written into a directory.
#[derive(Debug, Clone)]
pub(crate) struct Plugin {
    manifest: Value,
    library: bool,
    content: String,
}

impl Plugin {
    pub(crate) fn new(id: &str, version: &str) -> Self {
        let manifest = json!({
            "name": "A plugin", "id": id, "version": version, "description": "Does things.", "author": "Acme",
            "entry_point": "things::Things",
            "actions": [{"name": "act", "description": "Acts."}],
        });
        Self { manifest, library: true, content: String::new() }
    }

    pub(crate) fn with(mut self, member: &str, value: Value) -> Self {
        self.manifest[member] = value;
        self
    }

    /// As if a trusted publisher had signed it.
    pub(crate) fn signed_by(self, publisher: &str) -> Self {
        self.with("x-signer", publisher.into())
    }

    /// As if trust refused it.
    pub(crate) fn refused(self, code: &str) -> Self {
        self.with("x-refused", code.into())
    }

    /// Requires other plugins: id and, perhaps, versions.
    pub(crate) fn requires(self, dependencies: &[(&str, Option<&str>)]) -> Self {
        let plugins: Vec<_> = dependencies
            .iter()
            .map(|(id, versions)| match versions {
                Some(versions) => json!({"id": id, "version_specifier": versions}),
                None => json!({"id": id}),
            })
            .collect();
        self.with("dependencies", json!({"plugins": plugins}))
    }

    pub(crate) fn without_library(mut self) -> Self {
        self.library = false;
        self
    }

    /// Further content, which changes the digest.
    pub(crate) fn containing(mut self, content: &str) -> Self {
        self.content = content.to_owned();
        self
    }

    /// The text of its `plugin.json`.
    pub(crate) fn text(&self) -> String {
        self.manifest.to_string()
    }

    pub(crate) fn plant(&self, directory: &Path) -> PathBuf {
        fs::create_dir_all(directory).unwrap();
        fs::write(directory.join("plugin.json"), self.text()).unwrap();
        fs::write(directory.join("content"), &self.content).unwrap();
        if self.library {
            let entry_point: EntryPoint = self.manifest["entry_point"].as_str().unwrap().parse().unwrap();
            if let Some(file) = entry_point.library_file_name() {
                fs::write(directory.join(file), b"a library").unwrap();
            }
        }
        directory.to_owned()
    }
}

/// Judges by the manifest's `x-signer` and `x-refused`; the digest is over the file `content`.
pub(crate) struct Judge;

impl Assess for Judge {
    type Facts = Digest;

    fn examine(&self, candidate: &Candidate, _document: &Document) -> Digest {
        let mut hasher = DefaultHasher::new();
        fs::read(candidate.directory().join("content")).unwrap_or_default().hash(&mut hasher);
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&hasher.finish().to_le_bytes());
        Digest::new(DigestAlgorithm::Blake3, bytes)
    }

    fn judge(&self, group: &[(&Candidate, &Digest)]) -> Vec<Assessment> {
        assert!(group.windows(2).all(|pair| pair[0].0.id().eq_ignore_case(pair[1].0.id())));
        group.iter().map(|(candidate, digest)| assessment(candidate, **digest)).collect()
    }

    fn store_facts(&self, facts: &Digest) -> Option<Vec<u8>> {
        Some(facts.to_string().into_bytes())
    }

    fn restore_facts(&self, stored: &[u8]) -> Option<Digest> {
        std::str::from_utf8(stored).ok()?.parse().ok()
    }
}

fn assessment(candidate: &Candidate, digest: Digest) -> Assessment {
    let member = |name| candidate.document().unwrap().value().get(name).and_then(Value::as_str).map(str::to_owned);
    let mut assessment = match member("x-refused").as_deref() {
        None => Assessment::accepted(),
        Some("UntrustedKey") => Assessment::refused(Reason::new("UntrustedKey", "the key is not trusted")),
        Some(_) => Assessment::refused(Reason::new("ChecksumMismatch", "the files are not those of the checksum")),
    };
    assessment.signer = member("x-signer");
    assessment.trusted = assessment.signer.is_some();
    assessment.placement = Some(Placement::Process);
    assessment.digest = Some(digest);
    assessment
}

/// Roots in a temporary directory, in order.
pub(crate) struct Roots {
    temp: TempDir,
    pub(crate) roots: Vec<Root>,
}

impl Roots {
    pub(crate) fn new(count: usize) -> Self {
        let temp = tempfile::tempdir().unwrap();
        let roots = (0..count)
            .map(|number| {
                let path = temp.path().join(format!("root{number}"));
                fs::create_dir(&path).unwrap();
                Root::new(path)
            })
            .collect();
        Self { temp, roots }
    }

    /// The temporary directory that holds the roots, resolved.
    pub(crate) fn base(&self) -> PathBuf {
        self.temp.path().canonicalize().unwrap()
    }

    /// A path in the first root.
    pub(crate) fn at(&self, path: &str) -> PathBuf {
        self.in_root(0, path)
    }

    pub(crate) fn in_root(&self, number: usize, path: &str) -> PathBuf {
        self.base().join(format!("root{number}")).join(path)
    }

    pub(crate) fn discover(&self) -> Catalogue {
        discover(&self.roots, &Judge, &Overrides::empty())
    }

    pub(crate) fn discover_with(&self, overrides: &Overrides) -> Catalogue {
        discover(&self.roots, &Judge, overrides)
    }
}

/// The one entry for a directory.
pub(crate) fn entry_at<'a>(catalogue: &'a Catalogue, path: &Path) -> &'a Entry {
    let found: Vec<_> = catalogue.entries().iter().filter(|entry| entry.path() == Some(path)).collect();
    assert_eq!(found.len(), 1, "{} among {:#?}", path.display(), catalogue.entries());
    found[0]
}

/// Its status and the code of its reason.
pub(crate) fn outcome(entry: &Entry) -> (Status, Option<&str>) {
    (entry.status(), entry.reason().map(|reason| reason.code.as_ref()))
}

#[track_caller]
pub(crate) fn assert_outcome(
    catalogue: &Catalogue,
    path: &Path,
    status: Status,
    code: impl Into<Option<&'static str>>,
) {
    assert_eq!(outcome(entry_at(catalogue, path)), (status, code.into()), "{}", path.display());
}
