//! The whole way of a plugin from its crate to its package.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use apex_meta::{Document, TARGET_TRIPLE};
use apex_trust::SigningKey;

use crate::{
    ArchiveError, Build, BuildError, EXTENSION, Layout, LayoutError, ManifestError, generate::written, manifest, pack,
};

/// A finished package.
#[derive(Debug, Clone)]
pub struct Packaged {
    /// The plugin's directory, `<out>/<id>/<version>`.
    pub directory: PathBuf,
    /// The archive, `<out>/<id>-<version>.apexpkg`.
    pub archive: PathBuf,
    /// The manifest with its checksum and, if there was a key, its signature.
    pub document: Document,
}

/// Builds a plugin's crate, lays the plugin out below `out`, signs it if there is a key, and packs it.
///
/// `libraries` are those that were built elsewhere, each with the target triple that it is for; if this platform's is
/// among them, nothing is built. What an earlier run left of the same id and version is replaced. The same library, manifest, resources and key give
/// the same bytes.
///
/// # Errors
/// One of the steps fails; the result of an earlier run is then still there.
pub fn package(
    build: &Build<'_>,
    libraries: &BTreeMap<String, PathBuf>,
    out: &Path,
    key: Option<&SigningKey>,
) -> Result<Packaged, PackageError> {
    // What is wrong with a written manifest shows without a build.
    written(build.crate_directory)?;
    let library = match libraries.get(TARGET_TRIPLE) {
        Some(library) => library.clone(),
        None => build.run()?,
    };
    let mut layout = Layout::with_resources(build.crate_directory, manifest(build, &library)?)?;
    layout.add_library(TARGET_TRIPLE, &library)?;
    for (triple, library) in libraries.iter().filter(|(triple, _)| *triple != TARGET_TRIPLE) {
        layout.add_library(triple, library)?;
    }
    publish(&layout, out, key)
}

/// Writes a layout below `out` as [`package()`] does, for a caller that has the libraries already.
///
/// # Errors
/// As [`package()`], but for the build.
pub fn publish(layout: &Layout, out: &Path, key: Option<&SigningKey>) -> Result<Packaged, PackageError> {
    let (id, version) = (layout.document().id(), layout.document().version());
    let parent = out.join(id.as_str());
    let (directory, archive) = (parent.join(version.to_string()), out.join(format!("{id}-{version}.{EXTENSION}")));
    fs::create_dir_all(&parent).map_err(|source| LayoutError::unwritable(&parent, source))?;
    let staging = tempfile::Builder::new()
        .prefix(".staging-")
        .tempdir_in(out)
        .map_err(|source| LayoutError::unwritable(out, source))?;
    let staged = staging.path().join("plugin");
    let document = layout.write(&staged, key)?;
    pack(&staged, &archive)?;
    replace(&staged, &directory, &staging.path().join("old"))
        .map_err(|source| LayoutError::unwritable(&directory, source))?;
    Ok(Packaged { directory, archive, document })
}

/// Puts a directory in the place of another, which goes to `aside`.
#[expect(clippy::disallowed_methods, reason = "a build's output can be made again: it need not survive a power cut")]
fn replace(new: &Path, place: &Path, aside: &Path) -> io::Result<()> {
    match fs::rename(place, aside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    fs::rename(new, place)
}

/// Why a plugin cannot be packaged.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PackageError {
    /// Its library cannot be built.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// It has no manifest.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// Its directory cannot be laid out.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// Its directory cannot be packed.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
}

impl PackageError {
    /// The stable error code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Build(source) => source.code(),
            Self::Manifest(source) => source.code(),
            Self::Layout(source) => source.code(),
            Self::Archive(source) => source.code(),
        }
    }

    /// What the reader can do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Build(source) => source.hint(),
            Self::Manifest(source) => source.hint(),
            Self::Layout(source) => source.hint(),
            Self::Archive(source) => source.hint(),
        }
    }
}

#[cfg(all(test, unix))]
mod tests;
