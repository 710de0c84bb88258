//! A plugin's own files, read through the host in every placement; and what a process may have open.
#![expect(clippy::disallowed_methods, reason = "files that a test tampers with")]

use std::{fs, os::unix::fs::symlink, path::PathBuf, time::Duration};

use apex_plugin_sdk::linked;
use apex_plugins::{CallError, ErrorKind, Limits, Placement, PluginManager};
use apex_plugins_tests::{Publisher, apex_host, package};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::FAULTY;

/// A host of the plugin with files of its own, and where they are.
async fn host(placement: Placement, limits: Limits, configuration: Value) -> (PluginManager, PathBuf, TempDir) {
    let home = tempfile::tempdir().unwrap();
    let (publisher, root) = (Publisher::new(), home.path().join("plugins"));
    let directory = package("faulty", Some(&publisher), &root);
    fs::create_dir(directory.join("resources")).unwrap();
    fs::write(directory.join("resources/words.txt"), "one two").unwrap();
    fs::write(directory.join("resources/large.bin"), vec![7; 3 << 20]).unwrap();
    fs::write(home.path().join("secret"), "one two").unwrap();
    apex_package::seal_directory(&directory, Some(&publisher.key)).unwrap();
    let built = PluginManager::builder()
        .root(&root)
        .trust(publisher.trusted(placement))
        .child_program(apex_host())
        .limits(limits)
        .configuration(FAULTY.parse().unwrap(), configuration);
    (built.build().await.unwrap(), directory, home)
}

async fn read(plugins: &PluginManager, path: &str) -> Result<Value, CallError> {
    plugins.call(FAULTY, "resource").params(json!({ "path": path })).result().await
}

async fn text(plugins: &PluginManager, path: &str) -> Value {
    read(plugins, path).await.unwrap()["text"].clone()
}

async fn refused(plugins: &PluginManager, path: &str, kind: ErrorKind) {
    let error = read(plugins, path).await.unwrap_err();
    assert_eq!(error.kind(), kind, "{path}: {error:?}");
}

const PLACEMENTS: [Placement; 2] = [Placement::InProcess, Placement::Process];

/// R6.11: without any grant, by the host's hand, and nothing but what was verified.
#[tokio::test]
async fn a_plugin_reads_its_own_files_as_they_were_verified_and_nothing_else() {
    for placement in PLACEMENTS {
        let (plugins, directory, home) = host(placement, Limits::default(), json!({})).await;
        assert_eq!(text(&plugins, "resources/words.txt").await, "one two", "{placement}");
        assert_eq!(read(&plugins, "resources/large.bin").await.unwrap()["length"], 3 << 20, "{placement}");
        let secret = home.path().join("secret");
        for path in ["absent", "resources", "../../../secret", secret.to_str().unwrap(), "plugin.json", "", "a\0b"] {
            refused(&plugins, path, ErrorKind::ResourceNotFound).await;
        }
        // Whatever takes its place after the load is not what was verified.
        let words = directory.join("resources/words.txt");
        fs::write(&words, "one tow").unwrap();
        refused(&plugins, "resources/words.txt", ErrorKind::ResourceChanged).await;
        fs::remove_file(&words).unwrap();
        refused(&plugins, "resources/words.txt", ErrorKind::ResourceChanged).await;
        symlink(&secret, &words).unwrap();
        refused(&plugins, "resources/words.txt", ErrorKind::ResourceChanged).await;
        fs::write(directory.join("resources/later.txt"), "came later").unwrap();
        refused(&plugins, "resources/later.txt", ErrorKind::ResourceNotFound).await;
        assert_eq!(read(&plugins, "resources/large.bin").await.unwrap()["length"], 3 << 20, "{placement}");
        drop(plugins.shutdown(Duration::from_secs(60)).await);
    }
}

#[tokio::test]
async fn a_plugin_reads_its_files_while_it_is_initialized_too() {
    for placement in PLACEMENTS {
        for (path, expected) in [("resources/words.txt", None), ("absent", Some(ErrorKind::ResourceNotFound))] {
            let (plugins, _, _home) = host(placement, Limits::default(), json!({ "resource": path })).await;
            let echo = plugins.call(FAULTY, "echo").params(json!({"number": 1})).result().await;
            assert_eq!(echo.err().map(|error| error.kind()), expected, "{placement}: {path}");
            drop(plugins.shutdown(Duration::from_secs(60)).await);
        }
    }
}

#[tokio::test]
async fn no_more_is_read_at_once_than_the_host_allows_and_many_readers_wait_for_their_turn() {
    for placement in PLACEMENTS {
        let limits = Limits { max_resource_bytes: (3 << 20) - 1, ..Limits::default() };
        let (plugins, _, _home) = host(placement, limits, json!({})).await;
        refused(&plugins, "resources/large.bin", ErrorKind::ResourceLimit).await;
        assert_eq!(text(&plugins, "resources/words.txt").await, "one two", "{placement}");
        drop(plugins.shutdown(Duration::from_secs(60)).await);

        let (plugins, _, _home) = host(placement, Limits::default(), json!({})).await;
        let readers: Vec<_> = (0..40).map(|_| read(&plugins, "resources/large.bin")).collect();
        for answer in futures::future::join_all(readers).await {
            assert_eq!(answer.unwrap()["length"], 3 << 20, "{placement}");
        }
        drop(plugins.shutdown(Duration::from_secs(60)).await);
    }
}

#[tokio::test]
async fn a_plugin_that_is_linked_in_has_no_files_and_is_told_so() {
    let manifest = include_str!("../../plugins/faulty/plugin.json");
    let built = PluginManager::builder().builtin(manifest, linked::<faulty::Faulty>()).unwrap();
    let plugins = built.build().await.unwrap();
    let error = read(&plugins, "resources/words.txt").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ResourceNotFound, "{error:?}");
    assert!(error.to_string().contains("include_bytes!"), "{error}");
}

/// Row 76: descriptors without end.
#[tokio::test]
async fn who_opens_files_without_end_meets_the_limit_of_its_process_and_the_host_keeps_its_own() {
    let limits = Limits { child_files: Some(200), ..Limits::default() };
    let (plugins, _, _home) = host(Placement::Process, limits, json!({})).await;
    let echo = async || plugins.call(FAULTY, "echo").params(json!({"number": 5})).result().await;
    assert_eq!(echo().await.unwrap(), 5);
    let error = plugins.call(FAULTY, "leak_descriptors").result().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ResourceLimit, "{error:?}");
    let leaked: u64 = error.message().split(' ').find_map(|word| word.parse().ok()).unwrap();
    assert!((100..200).contains(&leaked), "{error}");
    assert_eq!(echo().await.unwrap(), 5, "the process answers what needs no descriptor");
    // What needs none in the child is served as well: the host reads.
    assert_eq!(text(&plugins, "resources/words.txt").await, "one two");
    assert!(plugins.shutdown(Duration::from_secs(60)).await.leftovers.is_empty());
}
