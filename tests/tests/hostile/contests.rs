//! Attacks by libraries of another interface and by plugins that pose as another (44, 68).

use std::fs;

use apex_plugins::{FileStateStore, Placement, PluginManager, Status, meta::ErrorKind};
use apex_plugins_tests::{
    Publisher, apex_host,
    minimal_elf::{DT_SYMTAB, MinimalElf},
    package_changed,
};
use serde_json::{Value, json};

use crate::{COUNTER, GREETER, Scene};

/// How the header of every abi_stable library begins; major and minor version follow.
const MAGIC: &[u8] = b"abi stable library for Rust     ";

/// Raises a number of the interface's version in the library's header.
fn raise_version(scene: &Scene, number: usize) {
    let mut library = fs::read(scene.library()).unwrap();
    let at = library.windows(MAGIC.len()).position(|window| window == MAGIC).expect("a plugin has a header");
    library[at + MAGIC.len() + 4 * number] += 1;
    fs::write(scene.library(), library).unwrap();
}

#[tokio::test]
async fn a_library_of_another_interface_is_named_and_the_rest_goes_on() {
    type Attack = (&'static str, fn(&Scene));
    let attacks: [Attack; 3] = [
        ("no plugin at all", |scene| {
            fs::write(scene.library(), MinimalElf::new().entry(DT_SYMTAB, 0).build()).unwrap();
        }),
        ("another major version", |scene| raise_version(scene, 0)),
        ("another minor version", |scene| raise_version(scene, 1)),
    ];
    let placements = [Placement::InProcess, Placement::Process];
    for (placement, (what, attack)) in placements.into_iter().flat_map(|at| attacks.map(|attack| (at, attack))) {
        let mut scene = Scene::new();
        attack(&scene);
        scene.seal();
        let neighbours = scene.directory.path().join("neighbours");
        package_changed("counter", Some(&scene.publisher), &neighbours, |metadata| {
            metadata["id"] = json!("com.apexagent.examples.neighbour");
        });
        scene.store = scene.publisher.trusted(placement);
        let builder = PluginManager::builder().root(scene.root()).root(&neighbours).trust(scene.store.clone());
        let builder = builder
            .child_program(apex_host())
            .state(FileStateStore::open(scene.directory.path().join("states")).unwrap());
        let plugins = builder.build().await.unwrap();
        let error = plugins.call(GREETER, "greet").params(json!({"name": "Ada"})).result().await.expect_err(what);
        assert_eq!(error.kind(), ErrorKind::AbiMismatch, "{placement}, {what}: {error}");
        assert_eq!(error.to_string().lines().count(), 1, "{placement}, {what}: {error}");
        let neighbour = plugins.call("com.apexagent.examples.neighbour", "add").params(json!({"by": 3}));
        assert_eq!(neighbour.result().await.unwrap(), json!(3), "{what}");
    }
}

#[tokio::test]
async fn of_two_plugins_of_one_id_and_version_the_later_root_gives_way() {
    let scene = Scene::new();
    let (first, second) = (scene.directory.path().join("a"), scene.directory.path().join("b"));
    let describe = |text: &'static str| move |metadata: &mut Value| metadata["description"] = json!(text);
    package_changed("greeter", Some(&scene.publisher), &first, describe("The one."));
    package_changed("greeter", Some(&scene.publisher), &second, describe("The other."));
    let builder = PluginManager::builder().root(&first).root(&second).trust(scene.store.clone());
    let plugins = builder.build().await.unwrap();
    let catalogue = plugins.catalogue();
    let found: Vec<_> = catalogue
        .entries()
        .iter()
        .map(|entry| {
            let is_first = entry.path().is_some_and(|path| path.starts_with(&first));
            (is_first, entry.status() == Status::Ready, entry.reason().map(|reason| reason.code.to_string()))
        })
        .collect();
    assert!(found.contains(&(true, true, None)), "{found:?}");
    assert!(found.contains(&(false, false, Some("DuplicatePlugin".to_owned()))), "{found:?}");
    plugins.call(GREETER, "greet").params(json!({"name": "Ada"})).result().await.unwrap();
}

#[tokio::test]
async fn a_signed_plugin_wins_over_an_unsigned_one_of_its_id_and_version_in_an_earlier_root() {
    let scene = Scene::new();
    let (first, second) = (scene.directory.path().join("a"), scene.directory.path().join("b"));
    let stranger = |metadata: &mut Value| metadata["id"] = json!(COUNTER);
    let neighbour = Publisher::new();
    package_changed("counter", None, &first, stranger);
    package_changed("counter", Some(&neighbour), &second, stranger);
    let mut store = scene.store.clone();
    store.add_publisher("neighbour", neighbour.key.public_key(), &["org.neighbour"], Placement::InProcess).unwrap();
    let builder = PluginManager::builder().root(&first).root(&second).trust(store);
    let builder = builder.state(FileStateStore::open(scene.directory.path().join("states")).unwrap());
    let plugins = builder.build().await.unwrap();
    let ready: Vec<_> = plugins
        .catalogue()
        .entries()
        .iter()
        .filter(|entry| entry.status() == Status::Ready)
        .map(|entry| entry.path().unwrap().to_owned())
        .collect();
    assert_eq!(ready.len(), 1, "{ready:?}");
    assert!(ready[0].starts_with(&second), "{ready:?}");
    assert_eq!(plugins.call(COUNTER, "add").params(json!({"by": 3})).result().await.unwrap(), json!(3));
}
