//! Grants and the plugin's own directory belong to the publisher, and are never too wide.
#![expect(clippy::disallowed_methods, reason = "files that a test looks at")]

use std::{fs, time::Duration};

use apex_plugins::{CallError, ErrorKind, Owner, Placement, PluginManager};
use apex_plugins_tests::{PREFIX, Publisher, apex_host};
use serde_json::json;

use super::{PROBE, call, grants, host, lay_out, owned};

fn reason(error: &CallError) -> &str {
    error.details().and_then(|details| details["reason"]["code"].as_str()).unwrap_or_default()
}

/// Row 86: another publisher takes the id over, and an unsigned plugin squats it.
#[tokio::test]
async fn neither_grants_nor_the_plugins_own_directory_follow_an_id_to_another_owner() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    let asked = owned(&["fs.write:${plugin_data}", "fs.read:${plugin_data}", "process.spawn"]);
    let granted = grants(&[(PROBE, &asked)]);
    let (rightful, other) = (Publisher::new(), Publisher::new());
    let spawn = json!({"what": "fork"});
    let own = |owner: &str| data.join(PROBE).join(owner);

    let root = directory.path().join("rightful");
    lay_out(&rightful, &root, PROBE, &asked, &[]);
    let plugins = host(&rightful, &root).plugin_data(&data).grants(granted.clone()).build().await.unwrap();
    assert_eq!(call(&plugins, PROBE, "attempt", spawn.clone()).await.unwrap(), json!("done"));
    let file = own("publisher-examples").join("note");
    let write = json!({"what": "create", "target": file});
    assert_eq!(call(&plugins, PROBE, "attempt", write).await.unwrap(), json!("done"));
    assert!(file.exists());
    drop(plugins.shutdown(Duration::from_secs(5)).await);

    let root = directory.path().join("other");
    lay_out(&other, &root, PROBE, &asked, &[]);
    let mut trust = apex_plugins::TrustStore::empty();
    trust.add_publisher("squatter", other.key.public_key(), &[PREFIX], Placement::Process).unwrap();
    let built = PluginManager::builder().root(&root).trust(trust).child_program(apex_host());
    let plugins = built.plugin_data(&data).grants(granted).build().await.unwrap();
    let entry = plugins.catalogue().entries()[0].clone();
    assert_eq!(entry.owner(), Some(Owner::Publisher("squatter".to_owned())));
    let permissions = plugins.permissions(&entry).unwrap();
    assert!(permissions.granted_to_others && permissions.granted.is_empty(), "{permissions:?}");
    let denied = call(&plugins, PROBE, "attempt", spawn).await;
    assert_eq!(denied.unwrap_err().kind(), ErrorKind::PermissionDenied);
    let stolen = call(&plugins, PROBE, "attempt", json!({"what": "read", "target": file})).await;
    if apex_plugins::Kernel::current().landlock() > 0 {
        assert_eq!(stolen.unwrap_err().kind(), ErrorKind::PermissionDenied);
    }
    assert!(!own("publisher-squatter").exists());
    assert_eq!(fs::read(&file).unwrap(), b"made by the probe");
    drop(plugins.shutdown(Duration::from_secs(5)).await);
}

/// Row 90.
#[tokio::test]
async fn a_grant_that_reaches_what_the_operator_decides_by_lets_nothing_start() {
    let directory = tempfile::tempdir().unwrap();
    let base = directory.path().canonicalize().unwrap();
    let (publisher, root, states) = (Publisher::new(), base.join("plugins"), base.join("states"));
    fs::create_dir(&states).unwrap();
    for (permission, is_too_wide) in [
        (format!("fs.write:{}", base.display()), true),
        (format!("fs.write:{}", root.display()), true),
        (format!("fs.write:{}/inside", states.display()), true),
        (format!("fs.read:{}", states.display()), false),
        (format!("fs.write:{}/elsewhere", base.display()), false),
    ] {
        if root.exists() {
            fs::remove_dir_all(&root).unwrap();
        }
        let asked = [permission.clone()];
        lay_out(&publisher, &root, PROBE, &asked, &[]);
        let built = host(&publisher, &root).protect(&states).grants(grants(&[(PROBE, &asked)]));
        let plugins = built.build().await.unwrap();
        match call(&plugins, PROBE, "who", json!({})).await {
            Ok(_) => assert!(!is_too_wide, "{permission}"),
            Err(error) => {
                assert!(is_too_wide, "{permission}: {error:?}");
                assert_eq!((error.kind(), reason(&error)), (ErrorKind::PluginBlocked, "GrantTooWide"));
                assert!(error.hint().unwrap().contains("apex ungrant"), "{error:?}");
            }
        }
        drop(plugins.shutdown(Duration::from_secs(5)).await);
    }
}

/// Rows 34 to 37 for paths that are granted: a link out of them leads nowhere.
#[tokio::test]
async fn a_link_in_a_granted_directory_leads_to_nothing_that_is_not_granted() {
    if apex_plugins::Kernel::current().landlock() == 0 {
        println!("not tested on this kernel: it has no Landlock");
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let base = directory.path().canonicalize().unwrap();
    let (publisher, root, workspace) = (Publisher::new(), base.join("plugins"), base.join("workspace"));
    fs::create_dir(&workspace).unwrap();
    fs::write(base.join("secret"), "secret").unwrap();
    fs::write(workspace.join("mine"), "mine").unwrap();
    std::os::unix::fs::symlink(base.join("secret"), workspace.join("link")).unwrap();
    let asked = owned(&["fs.read:${workspace}", "fs.write:${workspace}"]);
    lay_out(&publisher, &root, PROBE, &asked, &[]);
    let built = host(&publisher, &root).workspace(&workspace).grants(grants(&[(PROBE, &asked)]));
    let plugins = built.build().await.unwrap();
    for (what, name, expected) in [
        ("read", "mine", None),
        ("read", "link", Some(ErrorKind::PermissionDenied)),
        ("overwrite", "link", Some(ErrorKind::PermissionDenied)),
        ("truncate", "link", Some(ErrorKind::PermissionDenied)),
    ] {
        let result = call(&plugins, PROBE, "attempt", json!({"what": what, "target": workspace.join(name)})).await;
        assert_eq!(result.err().map(|error| error.kind()), expected, "{what} {name}");
    }
    assert_eq!(fs::read(base.join("secret")).unwrap(), b"secret");
    drop(plugins.shutdown(Duration::from_secs(5)).await);
}
