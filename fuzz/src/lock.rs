//! `apex.lock` of a project.

use std::path::Path;

use apex_install::Lock;

/// A lock that can be read is written as the same, and names each plugin once.
pub fn lock(bytes: &[u8]) {
    let path = Path::new("apex.lock");
    let lock = match Lock::parse(path, bytes) {
        Ok(lock) => lock,
        Err(error) => {
            assert!(["LockInvalid", "VersionOutOfRange"].contains(&error.code()), "{error}");
            return;
        }
    };
    assert_eq!(Lock::parse(path, &lock.to_bytes(path).unwrap()).unwrap(), lock, "written and read");
    for locked in &lock.plugins {
        assert_eq!(lock.plugins.iter().filter(|other| other.id.eq_ignore_case(&locked.id)).count(), 1);
        assert_eq!(lock.get(&locked.id), Some(locked));
    }
}
