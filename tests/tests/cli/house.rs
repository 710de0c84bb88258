//! A house of its own for each test: a home directory, a root with plugins, a trust store, and `apex` in it.

use std::{
    ffi::OsStr,
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use apex_plugins::{
    meta::{DigestAlgorithm, Document, Placement, TARGET_TRIPLE},
    trust::{SigningKey, TrustStore, tree_digest},
};
use apex_plugins_tests::{Publisher, minimal_elf::MinimalElf};
use serde_json::{Value, json};
use tempfile::TempDir;

/// A home directory, with a root for plugins in it that `--root` names and a trust store that `--trust` names.
pub(crate) struct House {
    directory: TempDir,
    publisher: Publisher,
}

/// What a run of `apex` ended in.
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// What a planted plugin brings as proof.
#[derive(Clone, Copy)]
pub(crate) enum Proof<'a> {
    Nothing,
    Checksum,
    Signature(&'a SigningKey),
}

impl House {
    /// A house whose trust store trusts [`House::key`] with `com.acme`, in process.
    pub(crate) fn new() -> Self {
        let house = Self { directory: TempDir::new().unwrap(), publisher: Publisher::new() };
        for directory in [house.root(), house.path("home")] {
            fs::create_dir(directory).unwrap();
        }
        let mut store = TrustStore::empty();
        let prefixes = ["com.acme", "com.apexagent.examples"];
        store.add_publisher("acme", house.key().public_key(), &prefixes, Placement::InProcess).unwrap();
        store.save(&house.path("trust.json")).unwrap();
        house
    }

    /// The publisher's key.
    pub(crate) fn key(&self) -> &SigningKey {
        &self.publisher.key
    }

    /// The publisher that the house trusts.
    pub(crate) fn publisher(&self) -> &Publisher {
        &self.publisher
    }

    /// A path in the house.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The root with plugins.
    pub(crate) fn root(&self) -> PathBuf {
        self.path("plugins")
    }

    /// `apex` with an environment of its own and nothing else given.
    pub(crate) fn bare(&self) -> Command {
        let mut command = Command::new(apex_plugins_tests::apex());
        command.env_clear().env("HOME", self.path("home")).current_dir(self.directory.path()).stdin(Stdio::null());
        command
    }

    /// `apex` with the options that name root, trust store and directories.
    pub(crate) fn command(&self) -> Command {
        let mut command = self.bare();
        command.arg("--root").arg(self.root()).arg("--trust").arg(self.path("trust.json"));
        command.arg("--store").arg(self.path("store")).arg("--state-dir").arg(self.path("states"));
        command
    }

    /// Runs `apex` with these arguments.
    pub(crate) fn apex(&self, arguments: &[&str]) -> Ended {
        Ended::of(self.command().args(arguments))
    }

    /// Runs `apex` with these arguments and `--json`, and gives the value on standard output.
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        let ended = self.apex(&[&["--json"], arguments].concat());
        serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{error}: {}{}", ended.stdout, ended.stderr))
    }

    /// Lays a plugin of the workspace out in the root, signed by the trusted publisher.
    pub(crate) fn install(&self, plugin: &str) -> PathBuf {
        apex_plugins_tests::package(plugin, Some(&self.publisher), &self.root())
    }

    /// Plants a plugin that could be loaded but for its library, which is empty; `change` edits its manifest.
    pub(crate) fn plant(&self, name: &str, proof: Proof<'_>, change: impl FnOnce(&mut Value)) -> PathBuf {
        let directory = self.root().join(name);
        let library = directory.join("lib").join(TARGET_TRIPLE);
        fs::create_dir_all(&library).unwrap();
        let file = format!("{}planted{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
        fs::File::create(library.join(file)).unwrap().write_all(&MinimalElf::new().build()).unwrap();
        let mut manifest = manifest(name);
        change(&mut manifest);
        seal(&directory, manifest, proof);
        directory
    }
}

/// A valid manifest of a plugin `com.acme.<name>`.
pub(crate) fn manifest(name: &str) -> Value {
    json!({
        "name": "Planted", "id": format!("com.acme.{name}"), "version": "1.0.0", "description": "A plugin for tests.",
        "author": "Acme", "entry_point": "planted::Planted", "license": "MIT",
        "actions": [{"name": "act", "description": "Acts.", "parameters": []}],
    })
}

/// Writes `plugin.json` with checksum and signature, as far as they are wanted.
pub(crate) fn seal(directory: &Path, mut manifest: Value, proof: Proof<'_>) {
    if !matches!(proof, Proof::Nothing) {
        let digest = tree_digest(directory, DigestAlgorithm::Blake3).unwrap();
        manifest["checksum"] = json!(digest);
    }
    if let Proof::Signature(key) = proof {
        let document = Document::from_value(manifest.clone()).unwrap();
        manifest["signature"] = json!(key.sign(&document).unwrap());
    }
    write(&directory.join("plugin.json"), &serde_json::to_string_pretty(&manifest).unwrap());
}

/// Writes a file afresh.
pub(crate) fn write(path: &Path, text: &str) {
    fs::File::create(path).unwrap().write_all(text.as_bytes()).unwrap();
}

impl Ended {
    /// Runs a command to its end.
    pub(crate) fn of(command: &mut Command) -> Self {
        let output = command.output().unwrap();
        let text = |bytes| String::from_utf8(bytes).expect("apex writes UTF-8");
        Self { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    /// The error that `--json` shows as the last line of standard error.
    pub(crate) fn error(&self) -> Value {
        let last = self.stderr.lines().last().unwrap_or_default();
        let object: Value = serde_json::from_str(last).unwrap_or_else(|error| panic!("{error}: {}", self.stderr));
        object["error"].clone()
    }

    /// Asserts the exit code, and shows everything if it is another.
    #[track_caller]
    pub(crate) fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "stdout: {}\nstderr: {}", self.stdout, self.stderr);
        self
    }
}

/// The find with this id, or in this directory.
pub(crate) fn find<'a>(listing: &'a Value, name: &str) -> &'a Value {
    let plugins = listing["plugins"].as_array().unwrap();
    let is_meant = |plugin: &&Value| {
        let directory = Path::new(plugin["path"].as_str().unwrap_or_default()).file_name();
        directory == Some(OsStr::new(name))
    };
    plugins.iter().find(is_meant).unwrap_or_else(|| panic!("{name} is not in {listing:#}"))
}
