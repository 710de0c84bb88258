//! Tests of who may change a plugin (attacks 36, 37).
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::{fs, os::unix::fs::PermissionsExt};

use super::unix::{PrivateGroups, check_against, is_private_group};
use super::*;

const PASSWD: &str = "root:x:0:0:root:/root:/bin/sh\nada:x:1000:1000::/home/ada:/bin/sh\neve:x:1001:1002::/:/bin/sh\nbob:x:1002:1002::/:/bin/sh\n";

#[test]
fn a_group_is_private_if_its_owner_is_its_only_member() {
    let group = "root:x:0:\nada:x:1000:\nshared:x:1002:\n";
    assert!(is_private_group(1000, PASSWD, group));
    assert!(is_private_group(0, PASSWD, group));
    assert!(is_private_group(1000, PASSWD, "ada:x:1000:ada\n"));
    assert!(!is_private_group(1000, PASSWD, "ada:x:1000:ada,eve\n"));
    assert!(!is_private_group(1000, PASSWD, "ada:x:1000:\nalias:x:1000:eve\n"));
    assert!(!is_private_group(1002, PASSWD, group), "eve shares bob's group as her primary one");
    assert!(!is_private_group(4711, PASSWD, group));
    assert!(!is_private_group(1000, "", ""));
}

fn directory_with_mode(mode: u32) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(mode)).unwrap();
    directory
}

#[test]
fn what_others_can_write_is_insecure() {
    let user = rustix::process::geteuid().as_raw();
    for (mode, secure) in [(0o755, true), (0o700, true), (0o757, false), (0o1777, false)] {
        let directory = directory_with_mode(mode);
        let stat = rustix::fs::stat(directory.path()).unwrap();
        let result = check_against(directory.path(), &stat, &mut PrivateGroups::default(), user);
        assert_eq!(result.is_ok(), secure, "{mode:o}");
        if let Err(error) = result {
            assert_eq!(error.code(), "InsecurePermissions");
        }
    }
}

#[test]
fn what_belongs_to_somebody_else_is_insecure() {
    let directory = directory_with_mode(0o755);
    let mut stat = rustix::fs::stat(directory.path()).unwrap();
    stat.st_uid = 4242;
    let check = |user| check_against(directory.path(), &stat, &mut PrivateGroups::default(), user);
    assert_eq!(check(1000).unwrap_err().code(), "InsecureOwner");
    assert!(check(4242).is_ok());
}

#[test]
fn every_parent_counts_but_a_sticky_one_of_roots_passes() {
    let open = directory_with_mode(0o757);
    let plugin = open.path().join("plugin");
    fs::create_dir(&plugin).unwrap();
    let error = check_ownership_of_parents(&plugin).unwrap_err();
    assert_eq!(error.code(), "InsecurePermissions");
    fs::set_permissions(open.path(), fs::Permissions::from_mode(0o755)).unwrap();
    // The directory for temporary files above is sticky, open to all and root's.
    check_ownership_of_parents(&plugin).unwrap();
    assert_eq!(check_ownership_of_parents(&plugin.join("absent")).unwrap_err().code(), "NotFound");
}
