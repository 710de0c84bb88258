//! What of grants comes into effect, and what is said where something does not.
#![allow(clippy::unwrap_used, reason = "tests")]
#![cfg(target_os = "linux")]

use std::{fs, os::unix::fs::symlink};

use apex_protocol::{Confinement, PathRule};

use super::*;
use crate::Limits;

fn permissions(texts: &[&str]) -> Vec<Permission> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

fn both(texts: &[&str]) -> Sandbox {
    Sandbox::closed().asked(permissions(texts)).granted(permissions(texts))
}

fn confinement(sandbox: &Sandbox) -> (Confinement, BTreeMap<OsString, OsString>) {
    let prepared = sandbox.prepare(&Limits::default(), None).unwrap();
    (Confinement::parse(&prepared.confinement).unwrap(), prepared.environment.iter().cloned().collect())
}

fn rules(confinement: &Confinement, path: &Path) -> Vec<(bool, bool, bool)> {
    let at = confinement.paths.iter().filter(|rule| rule.path == path);
    at.map(|PathRule { read, write, execute, .. }| (*read, *write, *execute)).collect()
}

#[test]
fn without_a_grant_there_are_the_baseline_and_a_temporary_directory_that_goes_again() {
    let directory = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::closed().temporary(directory.path());
    let prepared = sandbox.prepare(&Limits::default(), None).unwrap();
    let told = Confinement::parse(&prepared.confinement).unwrap();
    let scratch = prepared.scratch.as_ref().unwrap().path().unwrap().to_owned();
    assert!(scratch.is_dir());
    let writable: Vec<_> = told.paths.iter().filter(|rule| rule.write && !rule.path.starts_with("/dev")).collect();
    assert_eq!(writable.len(), 1);
    assert_eq!(writable[0].path, scratch);
    assert!(!told.paths.iter().any(|rule| rule.execute || rule.path == Path::new("/etc/hosts")));
    assert!(told.connect.is_empty() && told.listen.is_empty() && !told.spawn);
    assert_eq!(prepared.environment, [("TMPDIR".into(), scratch.clone().into_os_string())]);
    drop(prepared);
    assert!(!scratch.exists());
    // A parent that cannot hold it: an error, and no process without one.
    assert!(Sandbox::closed().temporary(directory.path().join("missing")).prepare(&Limits::default(), None).is_err());
}

#[test]
fn each_grant_adds_what_it_says_and_what_it_needs() {
    let directory = tempfile::tempdir().unwrap();
    let base = directory.path().canonicalize().unwrap();
    let variables = BTreeMap::from([("COLOUR".to_owned(), "red".into()), ("SECRET".to_owned(), "42".into())]);
    let roots = GrantRoots { workspace: Some(base.clone()), plugin_data: None };
    let (told, environment) =
        confinement(&both(&["fs.write:${workspace}", "env:COLOUR"]).roots(roots).variables(variables));
    assert_eq!(rules(&told, &base), [(false, true, false)], "writing is not reading");
    assert_eq!(environment.get(&OsString::from("COLOUR")), Some(&"red".into()));
    assert!(!environment.contains_key(&OsString::from("SECRET")));
    let (told, environment) = confinement(&both(&["net.connect:443", "net.listen:0"]));
    assert_eq!((told.connect, told.listen), (vec![443, 53], vec![0]));
    assert!(environment.contains_key(&OsString::from("RES_OPTIONS")));
    let (told, _) = confinement(&both(&["process.spawn", "fs.read:/opt"]));
    assert_eq!(rules(&told, Path::new("/opt")), [(true, false, true)]);
    assert!(told.spawn);
}

#[test]
fn a_link_that_a_plugin_could_have_made_leads_to_nothing_more() {
    let directory = tempfile::tempdir().unwrap();
    let base = directory.path().canonicalize().unwrap();
    for name in ["workspace/inner", "secret"] {
        fs::create_dir_all(base.join(name)).unwrap();
    }
    symlink(base.join("secret"), base.join("workspace/out")).unwrap();
    symlink(base.join("workspace/inner"), base.join("workspace/in")).unwrap();
    let roots = GrantRoots { workspace: Some(base.join("workspace")), plugin_data: None };
    let writes =
        both(&["fs.write:${workspace}", "fs.read:${workspace}/out", "fs.read:${workspace}/in"]).roots(roots.clone());
    let (told, _) = confinement(&writes);
    assert!(rules(&told, &base.join("secret")).is_empty());
    assert_eq!(rules(&told, &base.join("workspace/inner")), [(true, false, false)]);
    // Who cannot write there cannot have made the link: it is the operator's.
    let (told, _) = confinement(&both(&["fs.read:${workspace}/out"]).roots(roots));
    assert_eq!(rules(&told, &base.join("secret")), [(true, false, false)]);
}

#[test]
fn a_grant_below_a_root_that_the_host_has_not_has_no_effect() {
    let (told, _) = confinement(&both(&["fs.write:${plugin_data}", "fs.read:${workspace}"]));
    assert_eq!(told.paths.len(), confinement(&Sandbox::closed()).0.paths.len());
}

#[test]
fn a_denial_names_what_was_granted_and_the_commands_that_help() {
    let id: PluginId = "com.acme.mail".parse().unwrap();
    let sandbox = Sandbox::closed()
        .asked(permissions(&["net.connect:587", "fs.read:/data"]))
        .granted(permissions(&["fs.read:/data", "process.spawn"]));
    let denial = sandbox.denial(&id).unwrap();
    assert_eq!(
        denial.hint,
        "granted to it: fs.read:/data; to grant what it asks for: `apex grant com.acme.mail 'net.connect:587'`"
    );
    assert_eq!(denial.details["missing"], serde_json::json!(["net.connect:587"]));
    let denial = Sandbox::closed().denial(&id).unwrap();
    assert!(denial.hint.starts_with("nothing is granted to it; it asks for nothing more"), "{}", denial.hint);
    assert!(Sandbox::open("a test of what is said").denial(&id).is_none());
}

#[test]
fn what_a_kernel_cannot_enforce_is_named_and_nothing_else_is() {
    let gaps = |landlock, filters, granted: &[&str]| Kernel::of(landlock, filters).gaps(&permissions(granted)).len();
    for (landlock, filters, granted, count) in [
        (6, true, &["net.connect:1", "process.spawn"][..], 0),
        (4, true, &["net.connect:1"], 0),
        (3, true, &["net.connect:1"], 1),
        (3, true, &["net.listen:1"], 1),
        (3, true, &["fs.read:/"], 0),
        (0, true, &[], 1),
        (0, true, &["net.connect:1"], 2),
        (6, false, &[], 1),
        (0, false, &[], 2),
    ] {
        assert_eq!(gaps(landlock, filters, granted), count, "{landlock} {filters} {granted:?}");
    }
    assert_eq!(Kernel::of(6, true).with_landlock_at_most(2), Kernel::of(2, true));
    assert_eq!(Kernel::of(3, true).with_landlock_at_most(5), Kernel::of(3, true), "no kernel gets better by it");
    assert_eq!(Sandbox::open("a test of what is said").gaps().len(), 1);
}
