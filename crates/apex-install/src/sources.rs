//! `sources.json`: where packages come from.

use std::path::{Path, PathBuf};

use apex_files::SoleWriter;
use serde::{Deserialize, Serialize};

use crate::{
    FileKind, Index, InstallError,
    disk::{Disk as _, OsDisk},
    index::index_file,
    strict,
};

/// The tag of the file's format.
const FORMAT: &str = "apex-sources/1";

/// The sources that packages come from, in the order in which they were added; earlier ones win.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sources {
    sources: Vec<Source>,
}

/// A place that packages come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// What the operator calls it.
    pub name: String,
    /// A directory with an `index.json`, or such a file, as an absolute path.
    pub location: PathBuf,
}

impl Source {
    /// The longest name, in bytes.
    pub const MAX_NAME: usize = 64;

    /// What it has to offer now.
    ///
    /// # Errors
    /// Its index cannot be read, or is invalid.
    pub fn index(&self) -> Result<Index, InstallError> {
        Index::load(&self.location)
    }

    /// The directory that the files of its index are relative to.
    pub fn directory(&self) -> PathBuf {
        let file = index_file(&self.location);
        file.parent().map(Path::to_owned).unwrap_or(file)
    }
}

impl Sources {
    /// Reads the stored form; `path` is for messages.
    ///
    /// # Errors
    /// The bytes are not strict JSON, not of this format, name a source twice, or a location that is not absolute.
    pub fn parse(path: &Path, bytes: &[u8]) -> Result<Self, InstallError> {
        let sources: Self = strict::read(FileKind::Sources, path, FORMAT, bytes)?;
        for (index, source) in sources.sources.iter().enumerate() {
            if sources.sources[..index].iter().any(|other| other.name == source.name) {
                return Err(InstallError::content(FileKind::Sources, path, format!("`{}` stands twice", source.name)));
            }
            source.check(path)?;
        }
        Ok(sources)
    }

    /// Loads a file; where there is none, there are no sources.
    ///
    /// # Errors
    /// The file could be changed by others, cannot be read, or does not [parse](Self::parse).
    pub fn load(path: &Path) -> Result<Self, InstallError> {
        match OsDisk.read(path, strict::LIMITS.max_bytes)? {
            Some(bytes) => Self::parse(path, &bytes),
            None => Ok(Self::default()),
        }
    }

    /// Adds a source, or moves the one of that name to another place.
    ///
    /// # Errors
    /// The name or the location cannot be stored, or the file cannot be read or written.
    pub fn add(path: &Path, source: Source) -> Result<Self, InstallError> {
        source.check(path)?;
        Self::edit(path, |sources| {
            match sources.sources.iter_mut().find(|other| other.name == source.name) {
                Some(other) => other.location = source.location,
                None => sources.sources.push(source),
            }
            Ok(())
        })
    }

    /// Removes a source.
    ///
    /// # Errors
    /// There is none of that name, or the file cannot be read or written.
    pub fn remove(path: &Path, name: &str) -> Result<Self, InstallError> {
        Self::edit(path, |sources| {
            let before = sources.sources.len();
            sources.sources.retain(|source| source.name != name);
            match before == sources.sources.len() {
                true => Err(InstallError::NotInstalled { what: format!("source `{}`", name.escape_debug()) }),
                false => Ok(()),
            }
        })
    }

    /// The sources, in their order.
    pub fn iter(&self) -> impl Iterator<Item = &Source> {
        self.sources.iter()
    }

    fn edit(path: &Path, change: impl FnOnce(&mut Self) -> Result<(), InstallError>) -> Result<Self, InstallError> {
        let writer = SoleWriter::lock_making_directory(path).map_err(replace_error)?;
        let mut sources = Self::load(path)?;
        change(&mut sources)?;
        let bytes = strict::write(FORMAT, &sources, path)?;
        writer.replace(&bytes).map_err(replace_error)?;
        Ok(sources)
    }
}

impl Source {
    fn check(&self, path: &Path) -> Result<(), InstallError> {
        let is_good = |character: char| character.is_ascii_alphanumeric() || "-_.".contains(character);
        if self.name.is_empty() || self.name.len() > Self::MAX_NAME || !self.name.chars().all(is_good) {
            let fault =
                format!("`{}` is no name of a source: letters, digits, `-`, `_`, `.`", self.name.escape_debug());
            return Err(InstallError::content(FileKind::Sources, path, fault));
        }
        if !self.location.is_absolute() {
            let fault = format!("{} is not an absolute path", self.location.display());
            return Err(InstallError::content(FileKind::Sources, path, fault));
        }
        Ok(())
    }
}

pub(crate) fn replace_error(error: apex_files::ReplaceError) -> InstallError {
    InstallError::Io { action: error.action, path: error.path, source: error.source }
}
