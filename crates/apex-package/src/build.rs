//! Building a plugin's library with cargo; the one place of this crate that starts a process.

use std::{
    io,
    path::{Path, PathBuf},
    process::{Command, ExitStatus, Stdio},
};

use serde_json::Value;

/// How to build a plugin's crate.
#[derive(Debug, Clone)]
pub struct Build<'a> {
    /// The cargo to run; inside a cargo command its own path is in the variable `CARGO`.
    pub cargo: &'a Path,
    /// The plugin's crate, a directory with a `Cargo.toml`.
    pub crate_directory: &'a Path,
    /// The cargo profile, such as `release`.
    pub profile: &'a str,
    /// Where cargo builds; its own choice, if there is none.
    pub target_directory: Option<&'a Path>,
    /// The program that asks a library what it is: one that calls [`run_if_describing`](crate::run_if_describing).
    pub describer: &'a Path,
}

impl Build<'_> {
    /// The crate's `Cargo.toml`, as cargo reports it: a resolved path.
    pub(crate) fn cargo_toml(&self) -> Result<PathBuf, BuildError> {
        let path = self.crate_directory.join("Cargo.toml").canonicalize();
        path.map_err(|source| BuildError::NoCrate { directory: self.crate_directory.to_owned(), source })
    }

    /// Builds the crate's `cdylib` and returns its path; cargo's own messages go to standard error.
    ///
    /// # Errors
    /// Cargo cannot be run or fails, or the crate makes no `cdylib`.
    pub fn run(&self) -> Result<PathBuf, BuildError> {
        let manifest = self.cargo_toml()?;
        let mut command = Command::new(self.cargo);
        command
            .args(["build", "--lib", "--message-format=json-render-diagnostics", "--profile", self.profile])
            .arg("--manifest-path")
            .arg(&manifest);
        if let Some(directory) = self.target_directory {
            command.arg("--target-dir").arg(directory);
        }
        let output = command
            .stdin(Stdio::null())
            .stderr(Stdio::inherit())
            .output()
            .map_err(|source| BuildError::CargoNotRun { cargo: self.cargo.to_owned(), source })?;
        if !output.status.success() {
            return Err(BuildError::CargoFailed { manifest, status: output.status });
        }
        find_library(&output.stdout, &manifest).ok_or(BuildError::NoLibrary { manifest })
    }
}

/// Finds the `cdylib` of a crate in cargo's messages, one JSON object a line.
///
/// Source: The Cargo Book, "External tools", JSON messages, artifact messages.
fn find_library(messages: &[u8], manifest: &Path) -> Option<PathBuf> {
    let artifacts = messages.split(|byte| *byte == b'\n').filter_map(|line| {
        let message: Value = serde_json::from_slice(line).ok()?;
        (message["reason"] == "compiler-artifact").then_some(message)
    });
    let is_ours = |message: &Value| {
        let kinds = message["target"]["crate_types"].as_array();
        let is_library = kinds.is_some_and(|kinds| kinds.iter().any(|kind| kind == "cdylib"));
        is_library && message["manifest_path"].as_str().is_some_and(|path| Path::new(path) == manifest)
    };
    let files =
        artifacts.filter(is_ours).flat_map(|message| message["filenames"].as_array().cloned().unwrap_or_default());
    files
        .filter_map(|file| file.as_str().map(PathBuf::from))
        .find(|file| file.to_string_lossy().ends_with(std::env::consts::DLL_SUFFIX))
}

/// Why a plugin's library could not be built.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// There is no crate.
    #[error("{} is not a plugin's crate: it has no Cargo.toml that can be read", directory.display())]
    NoCrate {
        /// The directory.
        directory: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Cargo could not be started.
    #[error("cannot run cargo as {}", cargo.display())]
    CargoNotRun {
        /// The program.
        cargo: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Cargo failed; it said why on standard error.
    #[error("cargo could not build {}: {status}", manifest.display())]
    CargoFailed {
        /// The crate's `Cargo.toml`.
        manifest: PathBuf,
        /// How cargo ended.
        status: ExitStatus,
    },
    /// The crate makes no dynamic library.
    #[error("{} makes no cdylib", manifest.display())]
    NoLibrary {
        /// The crate's `Cargo.toml`.
        manifest: PathBuf,
    },
}

impl BuildError {
    /// The stable error code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoCrate { .. } => "NotACrate",
            Self::CargoNotRun { .. } | Self::CargoFailed { .. } => "BuildFailed",
            Self::NoLibrary { .. } => "LibraryMissing",
        }
    }

    /// What the reader can do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NoCrate { .. } => {
                Some("name a directory that holds Cargo.toml and src/lib.rs; `apex new` makes one".into())
            }
            Self::NoLibrary { .. } => Some("add to its Cargo.toml: [lib] crate-type = [\"cdylib\"]".into()),
            Self::CargoNotRun { .. } | Self::CargoFailed { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(manifest: &str, kind: &str, file: &str) -> String {
        serde_json::json!({
            "reason": "compiler-artifact", "manifest_path": manifest,
            "target": {"crate_types": [kind]}, "filenames": ["/target/extra.rlib", file],
        })
        .to_string()
    }

    #[test]
    fn the_crates_own_dynamic_library_is_found_among_all_messages() {
        let library = format!("/target/libmine{}", std::env::consts::DLL_SUFFIX);
        let lines = [
            "not JSON at all".to_owned(),
            r#"{"reason": "build-script-executed"}"#.to_owned(),
            message("/other/Cargo.toml", "cdylib", "/target/libother.so"),
            message("/mine/Cargo.toml", "bin", "/target/mine"),
            message("/mine/Cargo.toml", "cdylib", &library),
            r#"{"reason": "build-finished", "success": true}"#.to_owned(),
        ];
        let messages = lines.join("\n");
        assert_eq!(find_library(messages.as_bytes(), Path::new("/mine/Cargo.toml")), Some(library.into()));
        assert_eq!(find_library(messages.as_bytes(), Path::new("/none/Cargo.toml")), None);
        assert_eq!(find_library(b"", Path::new("/mine/Cargo.toml")), None);
    }

    #[test]
    fn a_directory_without_a_crate_and_a_cargo_that_is_not_there_are_told_apart() {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let (source, missing) = (here.join("src"), Path::new("/nonexistent/cargo"));
        let build = |crate_directory| Build {
            cargo: missing,
            crate_directory,
            profile: "dev",
            target_directory: None,
            describer: missing,
        };
        assert_eq!(build(&source).run().map_err(|error| error.code()), Err("NotACrate"));
        assert_eq!(build(here).run().map_err(|error| error.code()), Err("BuildFailed"));
    }
}
