//! Plugins laid out and signed in a directory of the test's own.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use apex_package::{Build, Layout, Packaged, publish};
use apex_plugins::{
    Placement, TrustStore,
    meta::{Document, TARGET_TRIPLE},
    trust::SigningKey,
};
use serde_json::Value;

use crate::{apex, library, workspace_root};

/// The prefix of the ids of all plugins of this workspace.
pub const PREFIX: &str = "com.apexagent.examples";

/// A publisher with a fresh key of its own.
pub struct Publisher {
    /// The private key.
    pub key: SigningKey,
}

impl Publisher {
    /// A publisher nobody knows yet.
    pub fn new() -> Self {
        Self { key: SigningKey::generate().expect("the system has random numbers") }
    }

    /// A trust store that knows this publisher as `examples`, for all plugins of this workspace.
    pub fn trusted(&self, placement: Placement) -> TrustStore {
        let mut store = TrustStore::empty();
        store.add_publisher("examples", self.key.public_key(), &[PREFIX], placement).expect("a well-formed publisher");
        store
    }
}

impl Default for Publisher {
    fn default() -> Self {
        Self::new()
    }
}

/// Lays a plugin of this workspace out below `root` as `<id>/<version>`, signed if there is a publisher; gives that directory.
pub fn package(plugin: &str, publisher: Option<&Publisher>, root: &Path) -> PathBuf {
    package_changed(plugin, publisher, root, |_| {}).directory
}

/// Lays a plugin of this workspace out with its metadata changed before checksum and signature are made.
pub fn package_changed(
    plugin: &str,
    publisher: Option<&Publisher>,
    root: &Path,
    change: impl FnOnce(&mut Value),
) -> Packaged {
    package_library(plugin, &library(plugin), publisher, root, change)
}

/// The same with another library.
pub fn package_library(
    plugin: &str,
    library: &Path,
    publisher: Option<&Publisher>,
    root: &Path,
    change: impl FnOnce(&mut Value),
) -> Packaged {
    let mut metadata = metadata(plugin);
    change(&mut metadata);
    let document = Document::from_value(metadata).expect("its metadata is valid");
    let mut layout = Layout::new(document).expect("its metadata makes a layout");
    layout.add_library(TARGET_TRIPLE, library).expect("the built library fits the entry point");
    publish(&layout, root, publisher.map(|publisher| &publisher.key)).expect("a fresh directory can be written")
}

/// The metadata of a plugin of this workspace, without checksum and signature; made once a process.
pub fn metadata(plugin: &str) -> Value {
    static MADE: Mutex<BTreeMap<String, Value>> = Mutex::new(BTreeMap::new());
    let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
    made.entry(plugin.to_owned()).or_insert_with(|| make_metadata(plugin)).clone()
}

/// The crate of a plugin: an example in `plugins/`, else one that is made for tests in `tests/plugins/`.
fn crate_directory(plugin: &str) -> PathBuf {
    let folders = ["plugins", "tests/plugins"].map(|folder| workspace_root().join(folder).join(plugin));
    folders.into_iter().find(|folder| folder.is_dir()).unwrap_or_else(|| panic!("there is no plugin `{plugin}`"))
}

fn make_metadata(plugin: &str) -> Value {
    let library = library(plugin);
    let build = Build {
        cargo: Path::new(env!("CARGO")),
        crate_directory: &crate_directory(plugin),
        profile: "dev",
        target_directory: None,
        describer: &apex(),
    };
    apex_package::manifest(&build, &library).expect("a plugin of the workspace has metadata").value().clone()
}

/// Copies a directory with all that is in it, so that a test can tamper with the copy.
pub fn copy_tree(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a fresh directory can be made");
    for entry in std::fs::read_dir(from).expect("the directory can be read") {
        let entry = entry.expect("its entries can be read");
        let target = to.join(entry.file_name());
        if entry.file_type().expect("its entries have a type").is_dir() {
            copy_tree(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), &target).expect("a file can be copied");
        }
    }
}
