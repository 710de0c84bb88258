//! Plugins that call each other: declared, granted, on behalf of the same, within the same time, and not for ever.

use std::{path::Path, time::Duration};

use apex_plugins::{CallContext, CallError, CancellationToken, ErrorKind, FileSink, PluginManager, audit_log::Chain};
use apex_plugins_tests::Publisher;
use serde_json::{Value, json};

use super::{PROBE, call, grants, host, lay_out, owned};

const OTHER: &str = "com.apexagent.examples.probe.other";

/// Two probes: the first declares and may call the second, as far as it is said.
async fn pair(directory: &Path, declares: bool, may: bool) -> PluginManager {
    let (publisher, root) = (Publisher::new(), directory.join("plugins"));
    let (to_other, to_first) = (vec![format!("call:{OTHER}")], vec![format!("call:{PROBE}")]);
    lay_out(&publisher, &root, PROBE, &to_other, if declares { &[OTHER] } else { &[] });
    lay_out(&publisher, &root, OTHER, &to_first, &[PROBE]);
    let granted = if may { to_other } else { owned(&["process.spawn"]) };
    let built = host(&publisher, &root).grants(grants(&[(PROBE, &granted), (OTHER, &to_first)]));
    built.audit(FileSink::new(directory.join("audit.jsonl"))).audit_calls().build().await.unwrap()
}

fn calling(plugin: &str, action: &str, params: &Value) -> Value {
    json!({"plugin": plugin, "action": action, "params": params})
}

async fn called(plugins: &PluginManager, action: &str) -> Result<Value, CallError> {
    call(plugins, PROBE, "call", calling(OTHER, action, &json!({}))).await
}

/// Rows 82 and 91.
#[tokio::test]
async fn a_plugin_calls_what_it_declares_and_was_granted_and_nothing_else() {
    for (declares, may, expected) in [
        (true, true, None),
        (true, false, Some(ErrorKind::PermissionDenied)),
        (false, true, Some(ErrorKind::DependencyNotDeclared)),
        (false, false, Some(ErrorKind::DependencyNotDeclared)),
    ] {
        let directory = tempfile::tempdir().unwrap();
        let plugins = pair(directory.path(), declares, may).await;
        let result = called(&plugins, "who").await;
        if expected == Some(ErrorKind::PermissionDenied) {
            let hint = result.as_ref().unwrap_err().hint().unwrap();
            assert!(hint.contains(&format!("apex grant {PROBE} 'call:{OTHER}'")), "{hint}");
        }
        assert_eq!(result.err().map(|error| error.kind()), expected, "declares {declares}, may {may}");
        drop(plugins.shutdown(Duration::from_secs(5)).await);
    }
}

#[tokio::test]
async fn context_and_deadline_go_along_and_the_called_plugin_learns_who_calls() {
    let directory = tempfile::tempdir().unwrap();
    let plugins = pair(directory.path(), true, true).await;
    let context = CallContext { tenant: Some("t".into()), user: Some("ada".into()), ..CallContext::default() };
    let request = plugins.call(PROBE, "call").params(calling(OTHER, "who", &json!({}))).context(context);
    let seen = request.timeout(Duration::from_secs(120)).result().await.unwrap();
    assert_eq!(seen["context"], json!({"tenant": "t", "user": "ada", "caller": PROBE, "depth": 1}));
    let left = seen["remaining_ms"].as_u64().unwrap();
    assert!(left > 0 && left <= 120_000, "{left}");
    // What keeps the other plugin from its work is not the caller's own denial.
    let error = call(&plugins, PROBE, "call", calling(OTHER, "attempt", &json!({"what": "fork"}))).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Dependency, "{error:?}");
    let error = call(&plugins, PROBE, "call", calling(OTHER, "nothing", &json!({}))).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ActionNotFound, "{error:?}");
    drop(plugins.shutdown(Duration::from_secs(5)).await);
}

/// Asks the called plugin about its waits until they are as wanted; how long that takes does not matter.
async fn waits(plugins: &PluginManager, wanted: impl Fn(u64, u64) -> bool) -> (u64, u64) {
    for _ in 0..6000 {
        let waits = called(plugins, "waits").await.unwrap();
        let (begun, ended) = (waits["begun"].as_u64().unwrap(), waits["ended"].as_u64().unwrap());
        if wanted(begun, ended) {
            return (begun, ended);
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the waits of the called plugin are not as they should be");
}

#[tokio::test]
async fn who_gives_a_call_up_gives_up_what_it_called() {
    let directory = tempfile::tempdir().unwrap();
    let plugins = pair(directory.path(), true, true).await;
    let wait = || plugins.call(PROBE, "call").params(calling(OTHER, "wait", &json!({})));
    let token = CancellationToken::new();
    let waiting = tokio::spawn(wait().cancel_with(token.clone()).result());
    waits(&plugins, |begun, ended| (begun, ended) == (1, 0)).await;
    token.cancel();
    assert_eq!(waiting.await.unwrap().unwrap_err().kind(), ErrorKind::Cancelled);
    waits(&plugins, |begun, ended| (begun, ended) == (1, 1)).await;
    // On a busy machine the time may be over before the other plugin is called: then once more.
    for _ in 0..100 {
        let late = wait().timeout(Duration::from_millis(500)).result().await;
        assert_eq!(late.unwrap_err().kind(), ErrorKind::DeadlineExceeded);
        if waits(&plugins, |_, _| true).await.0 > 1 {
            break;
        }
    }
    let (begun, _) = waits(&plugins, |begun, ended| begun == ended).await;
    assert!(begun > 1, "the deadline went along to nobody");
    drop(plugins.shutdown(Duration::from_secs(5)).await);
}

#[tokio::test]
async fn plugins_that_call_each_other_in_a_circle_are_cut_off_by_depth() {
    let directory = tempfile::tempdir().unwrap();
    let plugins = pair(directory.path(), true, true).await;
    let nested = |depth: usize| {
        (0..depth).fold(("who", json!({})), |(action, params), level| {
            let callee = if (depth - level) % 2 == 1 { OTHER } else { PROBE };
            ("call", calling(callee, action, &params))
        })
    };
    let (action, params) = nested(8);
    let seen = call(&plugins, PROBE, action, params).await.unwrap();
    assert_eq!(seen["context"]["depth"], json!(8));
    let (action, params) = nested(9);
    let error = call(&plugins, PROBE, action, params).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ResourceLimit, "{error:?}");
    assert!(error.to_string().contains("8 deep"), "{error}");
    drop(plugins.shutdown(Duration::from_secs(5)).await);
}

#[tokio::test]
async fn calls_are_recorded_with_their_caller_and_without_their_parameters() {
    let directory = tempfile::tempdir().unwrap();
    let plugins = pair(directory.path(), true, true).await;
    let secret = json!({"what": "fork", "target": "/the/secret"});
    call(&plugins, PROBE, "call", calling(OTHER, "attempt", &secret)).await.unwrap_err();
    drop(plugins.shutdown(Duration::from_secs(5)).await);
    let log = directory.path().join("audit.jsonl");
    let lines = Chain::new(FileSink::read(&log).unwrap()).map(Result::unwrap).filter(|line| line.kind == "call");
    let shown = lines.map(|line| {
        let text = |name: &str| line.members.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        assert!(text("params").starts_with("blake3:"), "{:?}", line.members);
        [text("plugin"), text("action"), text("caller"), text("error")]
    });
    let expected = [
        [OTHER, "attempt", PROBE, "PermissionDenied"].map(str::to_owned),
        [PROBE, "call", "", "Dependency"].map(str::to_owned),
    ];
    assert_eq!(shown.collect::<Vec<_>>(), expected);
    assert!(!std::fs::read_to_string(&log).unwrap().contains("/the/secret"));
}
