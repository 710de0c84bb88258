//! Laying a plugin out: from a crate's sources and its library to the directory that users get.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use apex_meta::{Document, Runtime, TARGET_TRIPLE};
use apex_trust::{SigningKey, Tree, TreePath};

use crate::{LayoutError, manifest_file};

/// What a plugin's directory is to hold, before it is written.
///
/// An author's crate holds what the plugin needs at run time in `resources/`; it goes into the plugin, and an icon that
/// stands elsewhere in the crate as well. Libraries stand in `lib/<target triple>/`, one for each platform.
#[derive(Debug)]
pub struct Layout {
    document: Document,
    files: BTreeMap<TreePath, Source>,
}

/// A file to copy.
#[derive(Debug)]
struct Source {
    path: PathBuf,
    executable: bool,
}

/// The folder of a plugin's crate that is copied as it is.
const RESOURCES: &str = "resources";

impl Layout {
    /// Takes the written manifest and the resources of a plugin's crate.
    ///
    /// # Errors
    /// The crate has no `plugin.json`, it is not the manifest of a native plugin, or a resource cannot be shipped.
    pub fn from_crate(directory: &Path) -> Result<Self, LayoutError> {
        Self::with_resources(directory, manifest_file::read_plain(&directory.join(manifest_file::NAME))?)
    }

    /// Takes the resources of a plugin's crate, beside its [manifest](crate::manifest()).
    ///
    /// # Errors
    /// The manifest is not that of a native plugin, or a resource cannot be shipped.
    pub fn with_resources(directory: &Path, document: Document) -> Result<Self, LayoutError> {
        let mut layout = Self::new(document)?;
        layout.add_resources(&directory.join(RESOURCES))?;
        layout.add_icon(directory)?;
        Ok(layout)
    }

    /// A layout of a manifest alone.
    ///
    /// # Errors
    /// The entry point is not native.
    pub fn new(document: Document) -> Result<Self, LayoutError> {
        let entry_point = &document.manifest().entry_point;
        if entry_point.runtime() != Runtime::Native {
            return Err(LayoutError::NotNative { entry_point: entry_point.clone() });
        }
        Ok(Self { document, files: BTreeMap::new() })
    }

    /// The manifest, as the author wrote it.
    pub fn document(&self) -> &Document {
        &self.document
    }

    /// Adds the library for a target triple, under its own file name.
    ///
    /// # Errors
    /// For the triple of this program: the file name is not the one that the entry point leads to.
    pub fn add_library(&mut self, triple: &str, library: &Path) -> Result<(), LayoutError> {
        let name = library.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let expected = self.document.manifest().entry_point.library_file_name().unwrap_or_default();
        if triple == TARGET_TRIPLE && name != expected {
            let entry_point = self.document.manifest().entry_point.clone();
            return Err(LayoutError::LibraryName { entry_point, expected, found: name });
        }
        let path = format!("lib/{triple}/{name}").parse().map_err(LayoutError::Path)?;
        // No executable bit: libraries are mapped, not run, and build tools disagree about it.
        self.add_file(path, library, false);
        Ok(())
    }

    /// Adds any other file; one of the same path is replaced.
    pub fn add_file(&mut self, path: TreePath, source: &Path, executable: bool) {
        self.files.insert(path, Source { path: source.to_owned(), executable });
    }

    fn add_resources(&mut self, directory: &Path) -> Result<(), LayoutError> {
        if !directory.is_dir() {
            return Ok(());
        }
        let tree = Tree::open(directory).map_err(LayoutError::Tree)?;
        for file in tree.files().iter().chain(tree.manifest()) {
            let path = format!("{RESOURCES}/{}", file.path).parse().map_err(LayoutError::Path)?;
            self.add_file(path, &directory.join(file.path.as_str()), file.executable);
        }
        Ok(())
    }

    fn add_icon(&mut self, directory: &Path) -> Result<(), LayoutError> {
        let icon = match &self.document.manifest().icon {
            Some(icon) if !icon.contains("://") => icon.clone(),
            _ => return Ok(()),
        };
        let path: TreePath = icon.parse().map_err(LayoutError::Path)?;
        if !self.files.contains_key(&path) {
            let source = directory.join(path.as_str());
            self.add_file(path, &source, false);
        }
        Ok(())
    }

    /// Writes the plugin's directory, which must not exist yet, with its checksum and, given a key, its signature.
    ///
    /// # Errors
    /// A file cannot be read or written, or the result is not a plugin's tree; then nothing is left.
    pub fn write(&self, directory: &Path, key: Option<&SigningKey>) -> Result<Document, LayoutError> {
        create_directory(directory)?;
        let written = self.write_into(directory, key);
        if written.is_err() {
            // The first error is what matters.
            let _ = fs::remove_dir_all(directory);
        }
        written
    }

    fn write_into(&self, directory: &Path, key: Option<&SigningKey>) -> Result<Document, LayoutError> {
        for (path, source) in &self.files {
            let mut parent = directory.to_owned();
            for segment in path.parent().into_iter().flat_map(|parent| parent.split('/')) {
                parent.push(segment);
                if !parent.is_dir() {
                    create_directory(&parent)?;
                }
            }
            copy(&source.path, &directory.join(path.as_str()), source.executable)?;
        }
        manifest_file::write(&directory.join(manifest_file::NAME), &self.document)?;
        manifest_file::seal_directory(directory, key)
    }
}

fn copy(from: &Path, to: &Path, executable: bool) -> Result<(), LayoutError> {
    let mut source = File::open(from).map_err(|source| LayoutError::unreadable(from, source))?;
    let unwritable = |source| LayoutError::unwritable(to, source);
    let mut target = File::create_new(to).map_err(unwritable)?;
    io::copy(&mut source, &mut target).map_err(unwritable)?;
    set_mode(&target, executable).map_err(unwritable)
}

/// Directories and files get the same mode whatever the umask, so that an archive does not depend on it.
fn create_directory(path: &Path) -> Result<(), LayoutError> {
    let unwritable = |source| LayoutError::unwritable(path, source);
    fs::create_dir(path).map_err(unwritable)?;
    #[cfg(unix)]
    fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).map_err(unwritable)?;
    Ok(())
}

#[cfg(unix)]
pub(crate) fn set_mode(file: &File, executable: bool) -> io::Result<()> {
    let mode = if executable { 0o755 } else { 0o644 };
    file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(mode))
}

#[cfg(not(unix))]
pub(crate) fn set_mode(_file: &File, _executable: bool) -> io::Result<()> {
    Ok(())
}

#[cfg(all(test, unix))]
mod tests;
