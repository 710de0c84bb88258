//! What a process may do that a thread may not: die.

use std::{fs, time::Duration};

use apex_plugins::{ErrorKind, Limits, Placement, PluginManager};
use serde_json::{Value, json};

use crate::{FAULTY, GREETER, builder};

/// Limits under which a crash is never held against the plugin.
fn forgiving() -> Limits {
    Limits { crashes_allowed: usize::MAX, restart_pause: Duration::ZERO, ..Limits::default() }
}

async fn echo(plugins: &PluginManager, number: u64, ms: u64) -> Result<Value, ErrorKind> {
    let call = plugins.call(FAULTY, "echo").params(json!({"number": number, "ms": ms}));
    call.result().await.map_err(|error| error.kind())
}

/// Rows 75 and 76.
#[tokio::test]
async fn however_a_process_dies_its_calls_end_in_an_error_that_says_how_and_the_next_call_works() {
    let directory = tempfile::tempdir().unwrap();
    let built = builder(&["faulty", "greeter"], directory.path(), Placement::Process).limits(forgiving());
    let plugins = built.build().await.unwrap();
    for (action, params, said) in [
        ("abort", json!({}), "SIGABRT"),
        ("segfault", json!({}), "SIG"),
        ("exit", json!({"code": 0}), "exit status 0"),
        ("exit", json!({"code": 7}), "exit status 7"),
        ("panic_twice", json!({}), "SIGABRT"),
        ("overflow_stack", json!({}), "SIG"),
    ] {
        let error = plugins.call(FAULTY, action).params(params).result().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::PluginCrashed, "{action}: {error}");
        assert!(error.to_string().contains(said), "{action}: {error}");
        assert_eq!(echo(&plugins, 5, 0).await, Ok(json!(5)), "after {action}");
    }
    let greeting = plugins.call(GREETER, "greet").params(json!({"name": "Ada"})).result().await;
    assert!(greeting.is_ok(), "{greeting:?}");
    assert!(plugins.shutdown(Duration::from_secs(60)).await.leftovers.is_empty());
}

/// Row 79.
#[tokio::test]
async fn a_flood_of_output_ends_the_process_and_a_little_is_logged() {
    let directory = tempfile::tempdir().unwrap();
    let built = builder(&["faulty"], directory.path(), Placement::Process).limits(forgiving());
    let plugins = built.build().await.unwrap();
    for to_stderr in [false, true] {
        let flood = plugins.call(FAULTY, "flood_output").params(json!({"bytes": 64 << 20, "to_stderr": to_stderr}));
        let error = flood.result().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ResourceLimit, "{error}");
    }
    assert!(plugins.call(FAULTY, "print").result().await.is_ok());
}

/// Row 76: a loop that never yields keeps nobody else from his answer, and goes when nobody needs its process.
#[tokio::test]
async fn an_endless_loop_ends_in_its_deadline_and_others_are_served() {
    let directory = tempfile::tempdir().unwrap();
    let limits = Limits { child_patience: Duration::from_millis(200), ..forgiving() };
    let plugins = builder(&["faulty"], directory.path(), Placement::Process).limits(limits).build().await.unwrap();
    assert_eq!(echo(&plugins, 1, 0).await, Ok(json!(1)));
    let looping = plugins.call(FAULTY, "spin_for_ever").timeout(Duration::from_secs(1));
    let others = async {
        for number in 0..50 {
            assert_eq!(echo(&plugins, number, 1).await, Ok(json!(number)));
        }
    };
    let (error, ()) = tokio::join!(looping.result(), others);
    assert_eq!(error.unwrap_err().kind(), ErrorKind::DeadlineExceeded);
    assert_eq!(echo(&plugins, 2, 0).await, Ok(json!(2)));
    assert!(plugins.shutdown(Duration::from_secs(60)).await.leftovers.is_empty());
}

/// Row 80, and programs that are no hosts of plugins.
#[tokio::test]
async fn a_program_that_does_not_keep_the_protocol_is_ended_with_an_error_that_says_so() {
    use std::{io::Write as _, os::unix::fs::PermissionsExt as _};
    let oversized = r"\377\377\377\377\001\000\000\000\000\000\000\000\000\000\000\000";
    for (name, script, expected) in [
        ("garbage", "printf 'this is no frame at all' >&3; read x <&3".to_owned(), ErrorKind::ProtocolViolation),
        ("oversized", format!("printf '{oversized}' >&3; read x <&3"), ErrorKind::ProtocolViolation),
        ("exits", "exit 3".to_owned(), ErrorKind::PluginCrashed),
        ("hangs up", "exec 3>&-; while :; do :; done".to_owned(), ErrorKind::PluginCrashed),
        ("says nothing", "while :; do :; done".to_owned(), ErrorKind::DeadlineExceeded),
        ("floods", "while :; do echo flood flood flood flood flood; done".to_owned(), ErrorKind::ResourceLimit),
    ] {
        let directory = tempfile::tempdir().unwrap();
        let program = directory.path().join("host");
        let mut file = fs::File::create_new(&program).unwrap();
        write!(file, "#!/bin/sh\n{script}\n").unwrap();
        drop(file);
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        let patient = expected != ErrorKind::DeadlineExceeded;
        let limit = if patient { Duration::from_secs(60) } else { Duration::from_millis(500) };
        let limits = Limits { initialize_timeout: limit, ..forgiving() };
        let built = builder(&["greeter"], directory.path(), Placement::Process).child_program(&program).limits(limits);
        let plugins = built.build().await.unwrap();
        let error = plugins.call(GREETER, "greet").params(json!({"name": "Ada"})).result().await.unwrap_err();
        assert_eq!(error.kind(), expected, "{name}: {error}");
        assert!(plugins.shutdown(Duration::from_secs(60)).await.leftovers.is_empty());
    }
}

/// Nobody pays for a process that nobody uses, and nobody notices that it was ended.
#[tokio::test]
async fn an_idle_process_ends_and_the_next_call_starts_it_again() {
    let directory = tempfile::tempdir().unwrap();
    let limits = Limits { child_idle: Some(Duration::from_millis(50)), ..forgiving() };
    let plugins = builder(&["faulty"], directory.path(), Placement::Process).limits(limits).build().await.unwrap();
    for number in 0..4 {
        assert_eq!(echo(&plugins, number, 0).await, Ok(json!(number)));
        tokio::time::sleep(Duration::from_millis(120)).await;
    }
    assert!(plugins.shutdown(Duration::from_secs(60)).await.leftovers.is_empty());
}
