//! The author's side of the command line: a plugin's crate is built, asked what it is, and laid out.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use apex_package::{Build, Packaged};
use apex_plugins::{meta::Document, trust::SigningKey};

use crate::{environment, failure::Failure};

/// A plugin's crate and how to build it.
pub(crate) struct Workshop {
    cargo: PathBuf,
    directory: PathBuf,
    profile: String,
    describer: PathBuf,
}

impl Workshop {
    /// The workshop of a crate.
    pub(crate) fn new(directory: &Path, profile: &str) -> Result<Self, Failure> {
        let describer = apex_package::this_program()
            .map_err(|error| Failure::new("Io", "cannot tell which program this is").caused_by(&error))?;
        Ok(Self {
            cargo: environment::cargo(),
            directory: directory.to_owned(),
            profile: profile.to_owned(),
            describer,
        })
    }

    /// How to build the crate.
    pub(crate) fn build(&self) -> Build<'_> {
        Build {
            cargo: &self.cargo,
            crate_directory: &self.directory,
            profile: &self.profile,
            target_directory: None,
            describer: &self.describer,
        }
    }

    /// Builds the crate and gives its manifest, without checksum and signature.
    pub(crate) fn manifest(&self) -> Result<Document, Failure> {
        let build = self.build();
        Ok(apex_package::manifest(&build, &build.run()?)?)
    }

    /// Builds the crate and lays it out below `out`.
    pub(crate) fn package(&self, out: &Path, key: Option<&SigningKey>) -> Result<Packaged, Failure> {
        Ok(apex_package::package(&self.build(), &BTreeMap::new(), out, key)?)
    }
}
