//! Attacks on real packages, each ending in its named error while everything else goes on; `attacks.md` lists them all.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]
#![expect(clippy::disallowed_methods, reason = "tampering is the point, durability is not")]

use std::{
    fs,
    path::PathBuf,
    sync::{Mutex, PoisonError},
};

use apex_plugins::{FileStateStore, Placement, PluginManager, Status, TrustStore};
use apex_plugins_tests::{Publisher, package, package_changed};
use serde_json::{Value, json};
use tempfile::TempDir;

#[path = "hostile/afterwards.rs"]
mod afterwards;
#[path = "hostile/caches.rs"]
mod caches;
#[path = "hostile/contests.rs"]
mod contests;
#[path = "hostile/encodings.rs"]
mod encodings;
#[path = "hostile/files.rs"]
mod files;
#[path = "hostile/libraries.rs"]
mod libraries;
#[path = "hostile/metadata.rs"]
mod metadata;
#[path = "hostile/signatures.rs"]
mod signatures;
#[path = "hostile/stores.rs"]
mod stores;
#[path = "hostile/swaps.rs"]
mod swaps;

const GREETER: &str = "com.apexagent.examples.greeter";
const COUNTER: &str = "org.neighbour.counter";

/// A row of the table: the attack's number in the catalogue of attacks, what is done, how, and the code it ends in.
type Attack = (u8, &'static str, fn(&mut Scene), &'static str);

/// A signed greeter to tamper with, and what the operator trusts.
struct Scene {
    directory: TempDir,
    publisher: Publisher,
    store: TrustStore,
    plugin: PathBuf,
}

impl Scene {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let publisher = Publisher::new();
        let store = publisher.trusted(Placement::InProcess);
        let plugin = package("greeter", Some(&publisher), &directory.path().join("attacked"));
        Self { directory, publisher, store, plugin }
    }

    fn root(&self) -> PathBuf {
        self.directory.path().join("attacked")
    }

    fn path(&self, path: &str) -> PathBuf {
        self.plugin.join(path)
    }

    fn library(&self) -> PathBuf {
        self.plugin.join("lib").join(apex_plugins::meta::TARGET_TRIPLE).join("libgreeter.so")
    }

    /// Puts another package in the place of the first.
    fn package(&mut self, publisher: &Publisher, change: impl FnOnce(&mut Value)) {
        fs::remove_dir_all(self.root()).unwrap();
        self.plugin = package_changed("greeter", Some(publisher), &self.root(), change).directory;
    }

    /// Changes the metadata and leaves checksum and signature as they are.
    fn edit(&self, change: impl FnOnce(&mut Value)) {
        let mut metadata: Value = serde_json::from_str(&self.text()).unwrap();
        change(&mut metadata);
        self.write(metadata.to_string());
    }

    /// The text of the metadata.
    fn text(&self) -> String {
        fs::read_to_string(self.path("plugin.json")).unwrap()
    }

    fn write(&self, metadata: impl AsRef<[u8]>) {
        fs::write(self.path("plugin.json"), metadata).unwrap();
    }

    /// Takes checksum and signature anew: the attack is the publisher's own.
    fn seal(&self) {
        apex_package::seal_directory(&self.plugin, Some(&self.publisher.key)).unwrap();
    }
}

/// Makes each attack in a scene of its own, and asks what the host says, and whether the rest still works.
fn withstands(attacks: &[Attack]) {
    // One scene at a time: each holds libraries in memory.
    static TURN: Mutex<()> = Mutex::new(());
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    for (number, what, attack, expected) in attacks {
        let mut scene = Scene::new();
        attack(&mut scene);
        runtime.block_on(ends_in(&scene, &format!("{number}: {what}"), expected));
    }
}

async fn ends_in(scene: &Scene, attack: &str, expected: &str) {
    let untouched = scene.directory.path().join("untouched");
    let (neighbour, mut store) = (Publisher::new(), scene.store.clone());
    package_changed("counter", Some(&neighbour), &untouched, |metadata| metadata["id"] = json!(COUNTER));
    store.add_publisher("neighbour", neighbour.key.public_key(), &["org.neighbour"], Placement::InProcess).unwrap();
    let builder = PluginManager::builder().root(scene.root()).root(&untouched).trust(store);
    let builder = builder.state(FileStateStore::open(scene.directory.path().join("states")).unwrap());
    let plugins = builder.build().await.unwrap_or_else(|error| panic!("{attack}: {error}"));
    let catalogue = plugins.catalogue();

    let attacked: Vec<_> = catalogue
        .entries()
        .iter()
        .filter(|entry| entry.path().is_some_and(|path| path.starts_with(scene.root())))
        .collect();
    assert!(attacked.iter().all(|entry| entry.status() != Status::Ready), "{attack}: {attacked:?}");
    let reasons = attacked.iter().filter_map(|entry| entry.reason());
    let reasons: Vec<_> = reasons.chain(catalogue.problems().iter().map(|problem| problem.reason())).collect();
    let codes: Vec<_> = reasons.iter().map(|reason| &*reason.code).collect();
    assert_eq!(codes, [expected], "{attack}: {reasons:?}");
    assert_eq!(reasons[0].message.lines().count(), 1, "{attack}: {reasons:?}");

    let call = plugins.call(GREETER, "greet").params(json!({"name": "Ada"})).result().await;
    assert!(call.is_err(), "{attack}: {call:?}");
    let total = plugins.call(COUNTER, "add").params(json!({"by": 3})).result().await;
    assert_eq!(total.unwrap_or_else(|error| panic!("{attack}: {error}")), json!(3), "{attack}");
}

#[tokio::test]
async fn without_an_attack_both_answer() {
    let scene = Scene::new();
    let builder = PluginManager::builder().root(scene.root()).trust(scene.store.clone());
    let plugins = builder.build().await.unwrap();
    plugins.call(GREETER, "greet").params(json!({"name": "Ada"})).result().await.unwrap();
}
