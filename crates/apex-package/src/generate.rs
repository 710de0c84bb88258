//! Making `plugin.json`: what the code says, what `Cargo.toml` says, and what stands in `[package.metadata.apex]`.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use apex_meta::{Document, HOST_API_VERSION, InvalidDocument};
use serde_json::{Map, Value};

use crate::{
    Build, BuildError, DescribeError, LayoutError,
    describe::{Description, describe},
    manifest_file,
};

/// What follows from code and build, so that nobody may state it otherwise.
const RESERVED: &[&str] = &["id", "version", "entry_point", "actions", "configuration_schema", "checksum", "signature"];

/// The manifest of a plugin's crate, without checksum and signature.
///
/// It is the `plugin.json` in the crate, if there is one. Else it is made: of what the built `library` says about itself,
/// of version, description, authors, licence and home page of `Cargo.toml`, and of the members of
/// `[package.metadata.apex]`, such as `name`, `tags` and `permissions_required`, which go before the latter.
///
/// # Errors
/// There is neither or both, the library cannot be asked, or the result is not a manifest.
pub fn manifest(build: &Build<'_>, library: &Path) -> Result<Document, ManifestError> {
    let written = written(build.crate_directory)?;
    let described = match describe(build.describer, library) {
        Ok(described) => described,
        // What is written down stands, also for a library that cannot be asked, such as one built against an older host.
        Err(error) => return written.ok_or(error.into()),
    };
    match (written, described.members.is_some()) {
        (Some(_), true) => Err(ManifestError::Twice { path: build.crate_directory.join(manifest_file::NAME) }),
        (Some(document), false) => Ok(document),
        (None, false) => Err(ManifestError::Missing { directory: build.crate_directory.to_owned() }),
        (None, true) => generate(build, library, described),
    }
}

/// The `plugin.json` that the author wrote, if there is one.
pub(crate) fn written(directory: &Path) -> Result<Option<Document>, ManifestError> {
    match manifest_file::read_plain(&directory.join(manifest_file::NAME)) {
        Ok(document) => Ok(Some(document)),
        Err(LayoutError::Unreadable { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn generate(build: &Build<'_>, library: &Path, described: Description) -> Result<Document, ManifestError> {
    let cargo_toml = build.cargo_toml()?;
    let facts = facts(build.cargo, &cargo_toml)?;
    let mut members = of_cargo(&facts);
    if let Some(stated) = facts["metadata"]["apex"].as_object() {
        if let Some(member) = RESERVED.iter().find(|member| stated.contains_key(**member)) {
            return Err(ManifestError::Reserved { path: cargo_toml, member });
        }
        members.extend(stated.clone());
    }
    members.extend(described.members.unwrap_or_default());
    let crate_name = library_name(library).unwrap_or_default();
    members.insert("entry_point".to_owned(), format!("{crate_name}::{}", described.type_name).into());
    Document::from_value(members.into()).map_err(|source| ManifestError::Invalid { path: cargo_toml, source })
}

/// `libgreeter.so` is the library `greeter`.
fn library_name(library: &Path) -> Option<&str> {
    use std::env::consts::{DLL_PREFIX, DLL_SUFFIX};
    library.file_name()?.to_str()?.strip_prefix(DLL_PREFIX)?.strip_suffix(DLL_SUFFIX)
}

/// What cargo knows of a crate.
///
/// Source: The Cargo Book, "cargo metadata", the package objects of format version 1.
fn facts(cargo: &Path, cargo_toml: &Path) -> Result<Value, BuildError> {
    let output = Command::new(cargo)
        .args(["metadata", "--format-version", "1", "--no-deps", "--manifest-path"])
        .arg(cargo_toml)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|source| BuildError::CargoNotRun { cargo: cargo.to_owned(), source })?;
    let failed = || BuildError::CargoFailed { manifest: cargo_toml.to_owned(), status: output.status };
    let mut metadata: Value = serde_json::from_slice(&output.stdout).map_err(|_| failed())?;
    let packages = metadata["packages"].as_array_mut().ok_or_else(failed)?;
    let is_ours = |package: &&mut Value| package["manifest_path"].as_str().map(Path::new) == Some(cargo_toml);
    packages.iter_mut().find(is_ours).map(Value::take).ok_or_else(failed)
}

/// The members that `Cargo.toml` has under other names.
fn of_cargo(package: &Value) -> Map<String, Value> {
    let mut members = Map::new();
    for (member, key) in [
        ("name", "name"),
        ("version", "version"),
        ("description", "description"),
        ("license", "license"),
        ("homepage", "homepage"),
    ] {
        if package[key].is_string() {
            members.insert(member.to_owned(), package[key].clone());
        }
    }
    let authors: Vec<_> = package["authors"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    if !authors.is_empty() {
        members.insert("author".to_owned(), authors.join(", ").into());
    }
    // Built against this release's SDK: any host of the same major version will do.
    members.insert("api_version".to_owned(), format!("^{}", HOST_API_VERSION.as_semver().major).into());
    members
}

/// Why there is no manifest.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ManifestError {
    /// It is written by hand, and the code says it too.
    #[error("{} is written by hand, but the plugin's code says what stands in it", path.display())]
    Twice {
        /// The file.
        path: PathBuf,
    },
    /// Nobody says it.
    #[error("{} has no plugin.json, and its code does not describe itself", directory.display())]
    Missing {
        /// The crate.
        directory: PathBuf,
    },
    /// `[package.metadata.apex]` states what follows from the code.
    #[error("`{member}` under [package.metadata.apex] in {} follows from the code", path.display())]
    Reserved {
        /// The crate's `Cargo.toml`.
        path: PathBuf,
        /// The member.
        member: &'static str,
    },
    /// What was put together is not a manifest.
    #[error("{} and the plugin's code make no manifest", path.display())]
    Invalid {
        /// The crate's `Cargo.toml`.
        path: PathBuf,
        /// Its first fault.
        source: InvalidDocument,
    },
    /// The library cannot be asked.
    #[error(transparent)]
    Describe(#[from] DescribeError),
    /// Cargo cannot be asked.
    #[error(transparent)]
    Cargo(#[from] BuildError),
    /// A written manifest cannot be read.
    #[error(transparent)]
    Written(#[from] LayoutError),
}

impl ManifestError {
    /// The stable error code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Twice { .. } => "ManifestTwice",
            Self::Missing { .. } => "ManifestMissing",
            Self::Reserved { .. } => "MetadataReserved",
            Self::Describe(_) => "DescribeFailed",
            Self::Invalid { source, .. } => source.code(),
            Self::Cargo(source) => source.code(),
            Self::Written(source) => source.code(),
        }
    }

    /// What the reader can do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Twice { path } => Some(format!(
                "remove {}; what the code does not say goes into [package.metadata.apex] of Cargo.toml",
                path.display()
            )),
            Self::Missing { .. } => Some("put `#[plugin(id = \"...\")]` over the plugin's `impl` block, or write plugin.json".into()),
            Self::Reserved { member, .. } => Some(format!("remove `{member}` there")),
            Self::Invalid { .. } => Some(
                "`authors` and `description` stand in [package], `name`, `tags` and the like in [package.metadata.apex]".into(),
            ),
            Self::Describe(_) => Some("run the plugin's own tests; its static initializers run when it is loaded".into()),
            Self::Cargo(source) => source.hint(),
            Self::Written(source) => source.hint(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn cargos_names_become_those_of_the_manifest() {
        let package = json!({
            "name": "greeter", "version": "1.2.3", "description": "Greets.", "license": null, "homepage": null,
            "authors": ["Ada", "Grace <g@example.com>"], "metadata": null,
        });
        let expected = json!({
            "name": "greeter", "version": "1.2.3", "description": "Greets.", "author": "Ada, Grace <g@example.com>",
            "api_version": "^1",
        });
        assert_eq!(Value::from(of_cargo(&package)), expected);
    }

    #[test]
    fn the_library_is_named_by_its_file() {
        use std::env::consts::{DLL_PREFIX, DLL_SUFFIX};
        assert_eq!(library_name(Path::new(&format!("/x/{DLL_PREFIX}greeter{DLL_SUFFIX}"))), Some("greeter"));
        assert_eq!(library_name(Path::new("/x/greeter.txt")), None);
    }
}
