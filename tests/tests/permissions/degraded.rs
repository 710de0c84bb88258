//! Kernels that can enforce less, played on one that can more: refused under `strict`, warned of under `standard`.

use std::time::Duration;

use apex_plugins::{ErrorKind, Kernel, Policy};
use apex_plugins_tests::Publisher;
use serde_json::json;

use super::{PROBE, call, grants, host, lay_out, owned};

#[tokio::test]
async fn what_cannot_be_enforced_is_refused_under_strict_and_told_under_standard() {
    let directory = tempfile::tempdir().unwrap();
    let (publisher, root) = (Publisher::new(), directory.path().join("plugins"));
    let port = owned(&["net.connect:9"]);
    lay_out(&publisher, &root, PROBE, &port, &[]);
    let best = Kernel::current();
    for (landlock, granted, gaps) in [(6, &port[..], 0), (3, &[], 0), (3, &port, 1), (0, &[], 1), (0, &port, 2)] {
        let kernel = best.with_landlock_at_most(landlock);
        if best.landlock() < 6 && landlock == 6 {
            println!("not tested on this kernel: that nothing is missing where all can be enforced");
            continue;
        }
        for policy in [Policy::strict(), Policy::standard()] {
            let built = host(&publisher, &root).policy(policy).kernel(kernel).grants(grants(&[(PROBE, granted)]));
            let plugins = built.build().await.unwrap();
            let label = format!("Landlock {landlock}, {granted:?}, {}", policy.level());
            let permissions = {
                let catalogue = plugins.catalogue();
                plugins.permissions(&catalogue.entries()[0]).unwrap()
            };
            assert_eq!(permissions.gaps.len(), gaps, "{label}");
            let result = call(&plugins, PROBE, "who", json!({})).await;
            match (policy == Policy::strict() && gaps > 0, result) {
                (true, Err(error)) => {
                    assert_eq!(error.kind(), ErrorKind::IsolationUnavailable, "{label}: {error:?}");
                    assert!(error.hint().is_some(), "{label}");
                }
                (false, Ok(_)) => {}
                (_, other) => panic!("{label}: {other:?}"),
            }
            drop(plugins.shutdown(Duration::from_secs(5)).await);
        }
    }
}

/// Where Landlock is missing, all that is filtered is denied all the same.
#[tokio::test]
async fn without_landlock_what_the_filter_denies_is_still_denied() {
    let directory = tempfile::tempdir().unwrap();
    let (publisher, root) = (Publisher::new(), directory.path().join("plugins"));
    lay_out(&publisher, &root, PROBE, &[], &[]);
    let kernel = Kernel::current().with_landlock_at_most(0);
    if !kernel.filters() {
        println!("not tested on this kernel: system calls are not filtered");
        return;
    }
    let plugins = host(&publisher, &root).kernel(kernel).build().await.unwrap();
    let process = std::process::id().to_string();
    for (what, target) in [
        ("connect", "9"),
        ("listen", "0"),
        ("send_datagram", "9"),
        ("connect_abstract", "x"),
        ("fork", ""),
        ("shell", ""),
        ("signal", &process),
        ("trace", &process),
        ("ring", ""),
        ("session", ""),
        ("change_mode", "/etc/hostname"),
        ("truncate", "/etc/hostname"),
    ] {
        let error = call(&plugins, PROBE, "attempt", json!({"what": what, "target": target})).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{what}: {error:?}");
    }
    drop(plugins.shutdown(Duration::from_secs(5)).await);
}
