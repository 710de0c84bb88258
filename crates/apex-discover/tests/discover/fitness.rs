//! What this host cannot use is blocked, and says why (R1.6, R1.7, R2.4).

use std::{fs, os::unix::fs::symlink, path::Path};

use apex_meta::{Status, TARGET_TRIPLE};
use serde_json::json;

use crate::plant::{Plugin, Roots, assert_outcome, entry_at};

#[test]
fn an_unfit_plugin_is_blocked_with_the_failed_check() {
    let roots = Roots::new(1);
    let plugin = |name: &str| Plugin::new(&format!("com.acme.{name}"), "1.0.0");
    plugin("python").with("entry_point", json!("acme.mail.Mail")).plant(&roots.at("python"));
    plugin("future").with("api_version", json!("^7")).plant(&roots.at("future"));
    plugin("present").with("api_version", json!("^1")).plant(&roots.at("present"));
    plugin("bare").without_library().plant(&roots.at("bare"));
    plugin("tampered").without_library().refused("ChecksumMismatch").plant(&roots.at("tampered"));
    plugin("off").without_library().with("default_enabled", json!(false)).plant(&roots.at("off"));
    let catalogue = roots.discover();
    assert_outcome(&catalogue, &roots.at("python"), Status::Blocked, "UnsupportedRuntime");
    assert_outcome(&catalogue, &roots.at("future"), Status::Blocked, "ApiVersionUnsupported");
    assert_outcome(&catalogue, &roots.at("present"), Status::Ready, None);
    assert_outcome(&catalogue, &roots.at("bare"), Status::Blocked, "LibraryMissing");
    assert_outcome(&catalogue, &roots.at("tampered"), Status::Blocked, "ChecksumMismatch");
    assert_outcome(&catalogue, &roots.at("off"), Status::Blocked, "LibraryMissing");
    let hint = entry_at(&catalogue, &roots.at("bare")).reason().unwrap().hint.clone().unwrap();
    assert!(hint.contains(TARGET_TRIPLE) && hint.contains("things"), "{hint}");
}

#[test]
fn the_library_is_looked_for_by_target_first_and_never_through_a_link() {
    let file = "things::Things".parse::<apex_meta::EntryPoint>().unwrap().library_file_name().unwrap();
    let target = format!("lib/{TARGET_TRIPLE}");
    type Place<'a> = &'a dyn Fn(&Path);
    let rows: [(&str, Place<'_>, Option<&str>); 6] = [
        ("target", &|plugin| write(&plugin.join(&target).join(&file)), None),
        ("root", &|plugin| write(&plugin.join(&file)), None),
        ("other-target", &|plugin| write(&plugin.join("lib/other").join(&file)), Some("LibraryMissing")),
        ("directory", &|plugin| fs::create_dir(plugin.join(&file)).unwrap(), Some("NotRegularFile")),
        ("link", &|plugin| symlink("content", plugin.join(&file)).unwrap(), Some("SymlinkRejected")),
        ("linked-lib", &|plugin| symlink(".", plugin.join("lib")).unwrap(), Some("SymlinkRejected")),
    ];
    let roots = Roots::new(1);
    for (name, place, _) in &rows {
        place(&Plugin::new(&format!("com.acme.{name}"), "1.0.0").without_library().plant(&roots.at(name)));
    }
    let catalogue = roots.discover();
    for (name, _, code) in rows {
        let status = if code.is_some() { Status::Blocked } else { Status::Ready };
        let entry = entry_at(&catalogue, &roots.at(name));
        assert_eq!(crate::plant::outcome(entry), (status, code), "{name}");
    }
}

fn write(path: &Path) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, b"a library").unwrap();
}

#[test]
fn installed_plugins_lie_where_their_id_and_version_say() {
    let roots = Roots::new(1);
    Plugin::new("com.acme.x", "1.0.0").plant(&roots.at("com.acme.x/1.0.0"));
    Plugin::new("com.acme.x", "1.1.0+build").plant(&roots.at("com.acme.x/1.1.0"));
    Plugin::new("com.acme.x", "2.0.0").plant(&roots.at("com.acme.x/3.0.0"));
    Plugin::new("com.acme.y", "4.0.0").plant(&roots.at("com.acme.x/4.0.0"));
    Plugin::new("com.acme.z", "1.0.0").plant(&roots.at("collection/z"));
    Plugin::new("com.acme.flat", "1.0.0").plant(&roots.at("any name at all"));
    let catalogue = roots.discover();
    assert_outcome(&catalogue, &roots.at("com.acme.x/1.0.0"), Status::Ready, None);
    assert_outcome(&catalogue, &roots.at("com.acme.x/1.1.0"), Status::Ready, None);
    assert_outcome(&catalogue, &roots.at("com.acme.x/3.0.0"), Status::Blocked, "LayoutMismatch");
    assert_outcome(&catalogue, &roots.at("com.acme.x/4.0.0"), Status::Blocked, "LayoutMismatch");
    assert_outcome(&catalogue, &roots.at("collection/z"), Status::Blocked, "LayoutMismatch");
    assert_outcome(&catalogue, &roots.at("any name at all"), Status::Ready, None);
}
