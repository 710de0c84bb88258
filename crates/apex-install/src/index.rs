//! `index.json`: what a source has to offer.

use std::{
    fs::{self, File},
    io::Write as _,
    path::{Path, PathBuf},
};

use apex_meta::{Digest, PluginDependency, PluginId, PluginVersion};
use apex_trust::{KeyId, TreePath};
use serde::{Deserialize, Serialize};

use crate::{FileKind, InstallError, Package, strict};

/// The tag of the file's format.
const FORMAT: &str = "apex-index/1";

/// The name of the file in a source's directory.
pub const INDEX_FILE: &str = "index.json";

/// What a source has to offer, as its `index.json` says; nothing in it is proof of anything.
///
/// What is installed is verified by its own manifest and signature, and must be what the index announced.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Index {
    /// The packages, by id, highest version first.
    pub packages: Vec<Announced>,
}

/// A package as an index announces it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Announced {
    /// The plugin.
    pub id: PluginId,
    /// The version.
    pub version: PluginVersion,
    /// The name for people.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// Words to find it by.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// The package, relative to the index.
    #[serde(with = "strict::text")]
    pub file: TreePath,
    /// The length of the package, in bytes.
    pub size: u64,
    /// The digest of its files.
    #[serde(with = "strict::text")]
    pub digest: Digest,
    /// The BLAKE3 hash of its manifest as it is signed.
    #[serde(with = "strict::text")]
    pub manifest: Digest,
    /// The key that signed it, if one did.
    #[serde(with = "strict::optional_text")]
    pub signer: Option<KeyId>,
    /// The plugins that it needs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dependencies: Vec<PluginDependency>,
    /// The permissions that it asks for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub permissions: Vec<String>,
    /// Why it was taken back, if it was: it is then only installed if a lock names it.
    pub yanked: Option<String>,
}

impl Announced {
    pub(crate) fn of(package: &Package, file: TreePath) -> Self {
        let manifest = package.document.manifest();
        Self {
            id: manifest.id.clone(),
            version: manifest.version.clone(),
            name: manifest.name.clone(),
            description: manifest.description.clone(),
            tags: manifest.tags.clone(),
            file,
            size: package.bytes,
            digest: package.digest,
            manifest: package.manifest,
            signer: package.signer,
            dependencies: manifest.plugin_dependencies().to_vec(),
            permissions: manifest.permissions_required.clone(),
            yanked: None,
        }
    }
}

impl Index {
    /// Reads the stored form; `path` is for messages.
    ///
    /// # Errors
    /// The bytes are not strict JSON, not of this format, name a package twice, or one outside of the source.
    pub fn parse(path: &Path, bytes: &[u8]) -> Result<Self, InstallError> {
        let index: Self = strict::read(FileKind::Index, path, FORMAT, bytes)?;
        let mut all: Vec<_> = index.packages.iter().map(|package| (&package.id, &package.version)).collect();
        all.sort();
        match all.windows(2).find(|pair| pair[0] == pair[1]) {
            Some(pair) => {
                let fault = format!("it names {} {} twice", pair[0].0, pair[0].1);
                Err(InstallError::content(FileKind::Index, path, fault))
            }
            None => Ok(index),
        }
    }

    /// Writes the stored form.
    ///
    /// # Errors
    /// It has no form as JSON, which no index lacks.
    pub fn to_bytes(&self, path: &Path) -> Result<Vec<u8>, InstallError> {
        strict::write(FORMAT, self, path)
    }

    /// Stores it in a file, durably, and all or nothing.
    ///
    /// # Errors
    /// The file cannot be written; what was there before is still there.
    pub fn save(&self, path: &Path) -> Result<(), InstallError> {
        let bytes = self.to_bytes(path)?;
        write_public(path, &bytes).map_err(InstallError::io("write", path))
    }

    /// Reads the index of a source: a directory with an `index.json`, or that file itself.
    ///
    /// # Errors
    /// It cannot be read, or does not [parse](Self::parse).
    pub fn load(location: &Path) -> Result<Self, InstallError> {
        let path = index_file(location);
        strict::load(FileKind::Index, &path, Self::parse)
    }

    /// Makes the index of all packages in a directory; what an earlier one says of yanked versions stays.
    ///
    /// # Errors
    /// The directory or a package in it cannot be read, or a package is refused.
    pub fn of_directory(directory: &Path, scratch: &Path) -> Result<Self, InstallError> {
        let before = match Self::load(directory) {
            Err(InstallError::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => Self::default(),
            before => before?,
        };
        let mut packages = Vec::new();
        for path in archives_in(directory)? {
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            let file: TreePath = name.parse().map_err(|fault: apex_trust::InvalidPath| {
                InstallError::content(FileKind::Index, &path, format!("its name is not portable: {fault}"))
            })?;
            let mut announced = Announced::of(&Package::read(&path, scratch)?, file);
            let known = before.packages.iter().find(|known| {
                known.id == announced.id && known.version == announced.version && known.digest == announced.digest
            });
            announced.yanked = known.and_then(|known| known.yanked.clone());
            packages.push(announced);
        }
        packages.sort_by(|a, b| a.id.cmp(&b.id).then_with(|| b.version.cmp(&a.version)));
        let index = Self { packages };
        // What cannot be read again must not be written.
        Self::parse(directory, &index.to_bytes(directory)?)
    }
}

/// Where the index of a source is.
pub(crate) fn index_file(location: &Path) -> PathBuf {
    if location.is_dir() { location.join(INDEX_FILE) } else { location.to_owned() }
}

/// Replaces a file that others shall be able to read.
fn write_public(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let parent = path.parent().filter(|parent| *parent != Path::new("")).unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new().prefix(".index-").tempfile_in(parent)?;
    file.write_all(bytes)?;
    #[cfg(unix)]
    file.as_file().set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644))?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    if cfg!(unix) { File::open(parent)?.sync_all() } else { Ok(()) }
}

fn archives_in(directory: &Path) -> Result<Vec<PathBuf>, InstallError> {
    let mut archives = Vec::new();
    for entry in fs::read_dir(directory).map_err(InstallError::io("list", directory))? {
        let path = entry.map_err(InstallError::io("list", directory))?.path();
        if path.extension().is_some_and(|extension| extension == apex_package::EXTENSION) {
            archives.push(path);
        }
    }
    archives.sort();
    Ok(archives)
}
