//! Libraries that know nothing of permissions work under their grants; limits are named by who meets them.
#![expect(clippy::disallowed_methods, reason = "files that a test lets a plugin look at")]

use std::{
    fs,
    io::{BufRead as _, BufReader, Write as _},
    net::{TcpListener, ToSocketAddrs as _},
    thread,
    time::Duration,
};

use apex_plugins::{ErrorKind, Limits};
use apex_plugins_tests::Publisher;
use serde_json::json;

use super::{PROBE, call, grants, host, lay_out, owned};

/// Answers every request with the same page; ends with the test.
fn serve() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut lines = BufReader::new(&stream).lines();
            while lines.next().is_some_and(|line| line.is_ok_and(|line| !line.is_empty())) {}
            let page = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello";
            drop((&stream).write_all(page.as_bytes()));
        }
    });
    port
}

#[tokio::test]
async fn libraries_that_know_nothing_of_permissions_work_under_their_grants() {
    let directory = tempfile::tempdir().unwrap();
    let (publisher, root, workspace) =
        (Publisher::new(), directory.path().join("plugins"), directory.path().join("workspace"));
    for name in ["a", "b", "deep/c"] {
        fs::create_dir_all(workspace.join("deep")).unwrap();
        fs::write(workspace.join(name), name).unwrap();
    }
    let port = serve();
    let asked = [vec![format!("net.connect:{port}")], owned(&["fs.read:${workspace}", "process.spawn"])].concat();
    lay_out(&publisher, &root, PROBE, &asked, &[]);
    for (granted, works) in [(&asked[..], true), (&[], false)] {
        let built = host(&publisher, &root).workspace(&workspace).grants(grants(&[(PROBE, granted)]));
        let plugins = built.build().await.unwrap();
        let resolves = ("localhost", 0).to_socket_addrs().is_ok();
        for (action, params, expected) in [
            ("fetch", json!({"port": port}), json!("hello")),
            ("attempt", json!({"what": "resolve", "target": "localhost"}), json!("done")),
            ("walk", json!({"path": workspace}), json!(3)),
            ("run_program", json!({"program": "echo", "argument": "hi"}), json!({"status": 0, "printed": "hi"})),
        ] {
            if action == "attempt" && !(works && resolves) {
                // Names without a grant are looked up in what the plugin may read, which says nothing of permissions.
                continue;
            }
            match call(&plugins, PROBE, action, params).await {
                Ok(result) => assert_eq!((works, result), (true, expected), "{action}"),
                Err(error) => {
                    assert!(!works, "{action}: {error:?}");
                    assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{action}: {error:?}");
                    assert!(error.hint().unwrap().contains("apex grant"), "{action}: {error:?}");
                }
            }
        }
        drop(plugins.shutdown(Duration::from_secs(5)).await);
    }
}

/// Row 76.
#[tokio::test]
async fn who_takes_more_memory_than_allowed_dies_and_its_error_names_the_limit() {
    let directory = tempfile::tempdir().unwrap();
    let (publisher, root) = (Publisher::new(), directory.path().join("plugins"));
    lay_out(&publisher, &root, PROBE, &[], &[]);
    let limits = Limits { child_memory: Some(1 << 30), ..Limits::default() };
    let plugins = host(&publisher, &root).limits(limits).build().await.unwrap();
    let take = |mebibytes: u64| call(&plugins, PROBE, "take_memory", json!({ "mebibytes": mebibytes }));
    assert_eq!(take(16).await.unwrap(), json!(16));
    let error = take(2048).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PluginCrashed, "{error:?}");
    assert!(error.to_string().contains("1024 MiB"), "{error}");
    assert_eq!(take(1).await.unwrap(), json!(1), "and the next call works");
    drop(plugins.shutdown(Duration::from_secs(5)).await);
}
