//! A source of packages, and an install store that they go into.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use apex_package::Packaged;
use apex_plugins::{
    Builder, FileStateStore, Placement, PluginManager, Policy,
    install::{Index, Planner, Source, Sources, Store},
    resolve::Request,
    trust::Verifier,
};
use serde_json::Value;
use tempfile::TempDir;

use crate::{PREFIX, Publisher, apex_host, library, package_library};

/// A publisher's source of this workspace's plugins, with a store, states and the operator's files for a host.
pub struct Shop {
    directory: TempDir,
    /// Who signs what the source has.
    pub publisher: Publisher,
    placement: Placement,
}

impl Shop {
    /// An empty source, whose publisher is trusted with this placement.
    pub fn new(placement: Placement) -> Self {
        let directory = TempDir::new().expect("a directory can be made");
        fs::create_dir(directory.path().join("source")).expect("a directory can be made");
        let shop = Self { directory, publisher: Publisher::new(), placement };
        let source = Source { name: "shop".to_owned(), location: shop.path("source") };
        shop.publish_nothing();
        Sources::add(&shop.path("sources.json"), source).expect("a source can be added");
        shop
    }

    /// A path beside all of it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The install store.
    pub fn store(&self) -> Store {
        Store::new(self.path("store"))
    }

    /// Where the plugins' states are kept.
    pub fn states(&self) -> FileStateStore {
        FileStateStore::open(self.path("states")).expect("a directory for states can be made")
    }

    /// Publishes a plugin, with its metadata changed before it is signed.
    pub fn publish(&self, plugin: &str, change: impl FnOnce(&mut Value)) -> Packaged {
        self.offer(plugin, &library(plugin), Some(&self.publisher), change)
    }

    /// Publishes an example plugin whose library stands elsewhere.
    pub fn publish_library(&self, plugin: &str, library: &Path) -> Packaged {
        self.offer(plugin, library, Some(&self.publisher), |_| ())
    }

    /// Offers an example plugin that nobody signed, with its metadata changed.
    pub fn publish_unsigned(&self, plugin: &str, change: impl FnOnce(&mut Value)) -> Packaged {
        self.offer(plugin, &library(plugin), None, change)
    }

    fn offer(
        &self,
        plugin: &str,
        library: &Path,
        publisher: Option<&Publisher>,
        change: impl FnOnce(&mut Value),
    ) -> Packaged {
        let out = tempfile::tempdir_in(self.directory.path()).expect("a directory can be made");
        let packaged = package_library(plugin, library, publisher, out.path(), change);
        let name = packaged.archive.file_name().expect("an archive has a name");
        fs::copy(&packaged.archive, self.path("source").join(name)).expect("an archive can be copied");
        self.publish_nothing();
        packaged
    }

    /// Publishes a version of a plugin that differs in nothing else.
    pub fn publish_version(&self, plugin: &str, version: &str) -> Packaged {
        self.publish(plugin, |manifest| manifest["version"] = version.into())
    }

    /// Makes the source's index anew.
    fn publish_nothing(&self) {
        let source = self.path("source");
        let index = Index::of_directory(&source, self.directory.path()).expect("its own packages are sound");
        index.save(&source.join("index.json")).expect("an index can be written");
    }

    /// Installs a version of a plugin, as the command line does.
    pub fn install(&self, plugin: &str, version: &str) {
        self.install_id(&format!("{PREFIX}.{plugin}"), version);
    }

    /// Installs a version of a plugin of any id.
    pub fn install_id(&self, id: &str, version: &str) {
        let (store, trust) = (self.store(), self.publisher.trusted(self.placement));
        let ledger = store.ledger().expect("the ledger is sound");
        let source = Source { name: "shop".to_owned(), location: self.path("source") };
        let index = source.index().expect("the index is sound");
        let request = Request {
            plugin: id.parse().expect("an id"),
            specifier: Some(format!("=={version}").parse().expect("a specifier")),
        };
        let planner = Planner::new(&store, &ledger, &trust, Policy::standard()).source(&source, &index);
        let plan = planner.plan(&[request]).expect("it can be installed");
        store.apply(&plan, &Verifier::new(Arc::new(trust), Policy::standard()), 2).expect("it is installed");
    }

    /// A host that runs what is installed, and updates it from the source.
    pub fn host(&self) -> Builder {
        PluginManager::builder()
            .store(self.path("store"))
            .sources(self.path("sources.json"))
            .state(self.states())
            .trust(self.publisher.trusted(self.placement))
            .overrides(self.path("overrides.json"))
            .grants_file(self.path("grants.json"))
            .child_program(apex_host())
    }
}
