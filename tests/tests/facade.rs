//! The facade's own promises: linked plugins, the operator's decisions, events, and who is trusted to run where.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

use std::{fs, path::Path, time::Duration};

use apex_plugin_sdk::{Context, Error, Host, Params, Plugin, Reply, Result, async_trait, linked, reply};
use apex_plugins::{
    CallEvent, ErrorKind, Event, FileStateStore, Placement, PluginManager, PluginSpec, Status,
    exec::Lifecycle,
    resolve::Request,
    trust::{Policy, TrustStore},
};
use apex_plugins_tests::{Publisher, copy_tree, package, package_changed};
use futures::StreamExt as _;
use serde_json::json;

const GREETER: &str = "com.apexagent.examples.greeter";

/// A plugin of the test's own, linked into it.
struct Doubler;

#[async_trait]
impl Plugin for Doubler {
    async fn initialize(_: &Host) -> Result<Self> {
        Ok(Self)
    }

    async fn execute(&self, action: &str, params: Params, _: &Context) -> Result<Reply> {
        match action {
            "double" => reply(params.get::<i64>("n")? * 2),
            _ => Err(Error::action_not_found(action)),
        }
    }
}

const DOUBLER: &str = r#"{
    "id": "com.acme.doubler", "name": "Doubler", "version": "1.0.0", "description": "Doubles.", "author": "Acme",
    "entry_point": "tests::Doubler",
    "actions": [{
        "name": "double", "description": "Doubles a number.",
        "parameters": [{"name": "n", "type": "integer", "required": true, "description": "The number."}]
    }]
}"#;

/// R6.12: the same contract, with no library, no checksum and no key.
#[tokio::test]
async fn a_plugin_linked_into_the_host_is_listed_and_called_like_any_other() {
    let builder = PluginManager::builder().builtin(DOUBLER, linked::<Doubler>()).unwrap();
    let plugins = builder.build().await.unwrap();
    let catalogue = plugins.catalogue();
    let [entry] = catalogue.entries() else { panic!("one plugin: {:?}", catalogue.entries()) };
    assert_eq!((entry.status(), entry.placement(), entry.path()), (Status::Ready, Some(Placement::Linked), None));
    let call = |params| plugins.call("com.acme.doubler", "double").params(params);
    assert_eq!(call(json!({"n": 21})).result().await.unwrap(), json!(42));
    assert_eq!(call(json!({"n": "21"})).result().await.unwrap_err().kind(), ErrorKind::InvalidParameters);
    let raw = plugins.call("com.acme.doubler", "double").raw(br#"{"n": 4}"#).await.unwrap();
    assert_eq!(raw, b"8");
    assert_eq!(plugins.verify_entry(entry).await.unwrap_err().code, "NothingToVerify");
}

/// R4.5: the closure of a request, in the order in which it loads.
#[tokio::test]
async fn a_request_is_resolved_with_all_that_it_depends_on() {
    let asker = DOUBLER.replace("com.acme.doubler", "com.acme.asker").replacen(
        '{',
        r#"{"dependencies": {"plugins": [{"id": "com.acme.doubler", "version_specifier": "^1"}]},"#,
        1,
    );
    let builder = PluginManager::builder().builtin(&asker, linked::<Doubler>()).unwrap();
    let plugins = builder.builtin(DOUBLER, linked::<Doubler>()).unwrap().build().await.unwrap();
    let solution = plugins.resolve(&[Request::any("com.acme.asker".parse().unwrap())]).unwrap();
    let order: Vec<_> = solution.chosen.iter().map(|chosen| chosen.plugin.to_string()).collect();
    assert_eq!(order, ["com.acme.doubler", "com.acme.asker"]);
    let error = plugins.resolve(&[Request::any("com.acme.absent".parse().unwrap())]).unwrap_err();
    assert_eq!((error.code(), error.kind()), ("PluginNotFound", ErrorKind::PluginNotFound));
}

/// The blocking twins need no runtime at all.
#[test]
fn a_host_without_a_runtime_uses_the_blocking_twins() {
    let builder = PluginManager::builder().builtin(DOUBLER, linked::<Doubler>()).unwrap();
    let plugins = futures::executor::block_on(builder.build()).unwrap();
    let call = || plugins.call("com.acme.doubler", "double").params(json!({"n": 1})).timeout(Duration::from_secs(30));
    assert_eq!(call().result_blocking().unwrap(), json!(2));
    let events: Vec<_> = call().events_blocking().collect();
    assert!(matches!(&events[..], [CallEvent::Done(result)] if *result == json!(2)), "{events:?}");
}

fn greeter(directory: &Path) -> (Publisher, std::path::PathBuf) {
    let publisher = Publisher::new();
    let root = directory.join("plugins");
    package("greeter", Some(&publisher), &root);
    (publisher, root)
}

/// R2.5: the decision outlives the manager, and the manifest's `default_enabled`.
#[tokio::test]
async fn a_plugin_that_was_switched_off_stays_off_until_it_is_switched_on() {
    let directory = tempfile::tempdir().unwrap();
    let (publisher, root) = greeter(directory.path());
    let overrides = directory.path().join("overrides.json");
    let build = async || {
        let trust = publisher.trusted(Placement::InProcess);
        PluginManager::builder().root(&root).trust(trust).overrides(&overrides).build().await.unwrap()
    };
    let spec: PluginSpec = GREETER.parse().unwrap();
    let changed = build().await.set_enabled(&spec, false).await.unwrap();
    assert_eq!(changed[0].status(), Status::Disabled);

    let plugins = build().await;
    let error = plugins.call(GREETER, "greet").params(json!({"name": "Ada"})).result().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PluginDisabled, "{error}");
    plugins.set_enabled(&spec, true).await.unwrap();
    assert!(plugins.call(GREETER, "greet").params(json!({"name": "Ada"})).result().await.is_ok());
}

/// R6.2: each transition is an event.
#[tokio::test]
async fn the_life_of_a_plugin_is_told_as_events() {
    let directory = tempfile::tempdir().unwrap();
    let (publisher, root) = greeter(directory.path());
    let trust = publisher.trusted(Placement::InProcess);
    let plugins = PluginManager::builder().root(&root).trust(trust).build().await.unwrap();
    let mut events = plugins.events();
    plugins.call(GREETER, "greet").params(json!({"name": "Ada"})).result().await.unwrap();
    plugins.shutdown(Duration::from_secs(60)).await;
    let mut seen = Vec::new();
    while seen.last() != Some(&Lifecycle::Stopped) {
        let event = tokio::time::timeout(Duration::from_secs(60), events.next()).await;
        match event.unwrap_or_else(|_| panic!("no more events after {seen:?}")) {
            Some(Event::Lifecycle { to, .. }) => seen.push(to),
            Some(_) => {}
            None => break,
        }
    }
    for state in [Lifecycle::Initialized, Lifecycle::Running, Lifecycle::Draining, Lifecycle::Stopped] {
        assert!(seen.contains(&state), "{state} in {seen:?}");
    }
}

/// Row 70: a state that rotted on the disk comes back from its backup, and somebody is told.
#[tokio::test]
async fn a_damaged_state_is_recovered_from_its_backup_and_told_as_an_event() {
    const COUNTER: &str = "com.apexagent.examples.counter";
    let directory = tempfile::tempdir().unwrap();
    let (publisher, root, states) =
        (Publisher::new(), directory.path().join("plugins"), directory.path().join("states"));
    package("counter", Some(&publisher), &root);
    let plugins = PluginManager::builder()
        .root(&root)
        .trust(publisher.trusted(Placement::InProcess))
        .state(FileStateStore::open(&states).unwrap())
        .build()
        .await
        .unwrap();
    let add = || plugins.call(COUNTER, "add").params(json!({"by": 1})).result();
    add().await.unwrap();
    assert_eq!(add().await.unwrap(), json!(2));
    let file = states.join(COUNTER).join("state_v1.0.0.json");
    let text = fs::read_to_string(&file).unwrap();
    #[expect(clippy::disallowed_methods, reason = "rotting is the point, durability is not")]
    fs::write(&file, text.replace("\"generation\"", "\"generatiom\"")).unwrap();
    let mut events = plugins.events();
    assert_eq!(add().await.unwrap(), json!(2), "the backup held 1");
    let told = async {
        while let Some(event) = events.next().await {
            if let Event::StateRecovered { plugin, reason } = event {
                return (plugin.to_string(), reason);
            }
        }
        panic!("the events ended");
    };
    let (plugin, reason) = tokio::time::timeout(Duration::from_secs(60), told).await.unwrap();
    assert_eq!((plugin.as_str(), reason.code.as_ref()), (COUNTER, "StateRecovered"));
    assert!(reason.message.contains(".corrupt-"), "{}", reason.message);
}

/// What the catalogue said a while ago does not count: the bytes are verified again when they are loaded.
#[tokio::test]
async fn a_library_that_changes_after_the_scan_is_not_loaded() {
    let directory = tempfile::tempdir().unwrap();
    let (publisher, root) = greeter(directory.path());
    let trust = publisher.trusted(Placement::InProcess);
    let plugins = PluginManager::builder().root(&root).trust(trust).build().await.unwrap();
    assert_eq!(plugins.catalogue().count(Status::Ready), 1);
    let entry = plugins.catalogue().entries()[0].clone();
    let file = entry.path().unwrap().join("lib").join(apex_plugins::meta::TARGET_TRIPLE).join("libgreeter.so");
    let mut bytes = fs::read(&file).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    #[expect(clippy::disallowed_methods, reason = "tampering is the point, durability is not")]
    fs::write(&file, bytes).unwrap();
    let error = plugins.call(GREETER, "greet").params(json!({"name": "Ada"})).result().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PluginBlocked);
    assert!(error.to_string().contains("ChecksumMismatch"), "{error}");
}

#[tokio::test]
async fn nobody_is_trusted_by_default_and_developers_never_run_in_process() {
    let directory = tempfile::tempdir().unwrap();
    let (_, root) = greeter(directory.path());
    let plugins = PluginManager::builder().root(&root).build().await.unwrap();
    let reason = plugins.catalogue().entries()[0].reason().cloned().unwrap();
    assert_eq!(reason.code, "UntrustedKey");

    let unsigned = directory.path().join("unsigned");
    package("greeter", None, &unsigned);
    let builder = PluginManager::builder().dev_root(&unsigned).child_program("/nonexistent/apex-host");
    let plugins = builder.build().await.unwrap();
    assert_eq!(plugins.catalogue().entries()[0].status(), Status::Ready);
    let error = plugins.call(GREETER, "greet").params(json!({"name": "Ada"})).result().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ChildHostMissing, "it never runs in process: {error}");

    let strict = PluginManager::builder().root(&unsigned).policy(Policy::strict()).build().await.unwrap();
    assert_eq!(strict.catalogue().entries()[0].status(), Status::Blocked);
}

/// Attack 10: a copy with its signature cut off, beside the real one.
#[tokio::test]
async fn a_stripped_signature_is_seen_and_the_signed_one_serves() {
    let directory = tempfile::tempdir().unwrap();
    let (publisher, root) = greeter(directory.path());
    let stripped = directory.path().join("stripped");
    package_changed("greeter", None, &stripped, |metadata| metadata["version"] = json!("1.1.0"));
    let trust: TrustStore = publisher.trusted(Placement::InProcess);
    let plugins = PluginManager::builder().root(&stripped).root(&root).trust(trust).build().await.unwrap();
    let catalogue = plugins.catalogue();
    let blocked = catalogue.entries().iter().find(|entry| entry.status() == Status::Blocked).unwrap();
    assert_eq!(blocked.reason().unwrap().code, "SignatureStripped");
    let verified = plugins.verify_entry(blocked).await.unwrap_err();
    assert_eq!(verified.code, "SignatureStripped", "verification now says the same as the scan");
    assert!(plugins.call(GREETER, "greet").params(json!({"name": "Ada"})).result().await.is_ok());
}

/// R6.1: a library that is none, or exports another type than the entry point names, is a typed error in one line.
#[tokio::test]
async fn a_library_that_does_not_fit_is_a_typed_error() {
    let directory = tempfile::tempdir().unwrap();
    let publisher = Publisher::new();
    let root = directory.path().join("plugins");
    let other = |metadata: &mut serde_json::Value| metadata["entry_point"] = json!("greeter::Stranger");
    package_changed("greeter", Some(&publisher), &root, other);
    let trust = publisher.trusted(Placement::InProcess);
    let plugins = PluginManager::builder().root(&root).trust(trust).build().await.unwrap();
    let error = plugins.call(GREETER, "greet").params(json!({"name": "Ada"})).result().await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::AbiMismatch | ErrorKind::LoadFailed), "{error}");
    assert_eq!(error.to_string().lines().count(), 1);
}

/// The same version in two roots with the same content: the earlier root serves, the later is shadowed.
#[tokio::test]
async fn the_same_plugin_twice_is_shadowed_once() {
    let directory = tempfile::tempdir().unwrap();
    let (publisher, root) = greeter(directory.path());
    let second = directory.path().join("second");
    copy_tree(&root, &second);
    let trust = publisher.trusted(Placement::InProcess);
    let plugins = PluginManager::builder().root(&root).root(&second).trust(trust).build().await.unwrap();
    let catalogue = plugins.catalogue();
    let [first, other] = catalogue.entries() else { panic!("two finds: {:?}", catalogue.entries()) };
    assert_eq!((first.status(), other.status()), (Status::Ready, Status::Shadowed));
    assert!(first.path().unwrap().starts_with(&root));
}
