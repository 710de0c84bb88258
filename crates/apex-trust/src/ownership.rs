//! Who may change a plugin: the directories on the way to it and its files, checked as OpenSSH's `StrictModes` does.

use std::path::{Path, PathBuf};

use crate::TreeError;

#[cfg(unix)]
pub(crate) use unix::{PrivateGroups, check};

/// Refuses a path whose parents others than root and this user could change.
///
/// Each directory from the root of the file system down to, and without, the one given must belong to root or to the
/// user of this process, and others must not be able to write to it. A sticky directory of root's, such as `/tmp`,
/// passes, and so does one that only the owner's private group may write to (gid = uid, no other member), which is
/// what Debian's default umask makes.
///
/// # Errors
/// [`TreeError::InsecurePermissions`] or [`TreeError::InsecureOwner`] names the first directory that others could
/// change; [`TreeError::Unreadable`] one that cannot be looked at.
pub fn check_ownership_of_parents(path: &Path) -> Result<(), TreeError> {
    let real: PathBuf = path.canonicalize().map_err(|source| TreeError::unreadable(path, source))?;
    check_each_parent(&real)
}

#[cfg(unix)]
fn check_each_parent(real: &Path) -> Result<(), TreeError> {
    let mut parents: Vec<_> = real.ancestors().skip(1).collect();
    parents.reverse();
    let mut groups = PrivateGroups::default();
    for parent in parents {
        let stat = rustix::fs::stat(parent).map_err(|errno| TreeError::unreadable(parent, errno))?;
        unix::check_parent(parent, &stat, &mut groups)?;
    }
    Ok(())
}

#[cfg(not(unix))]
fn check_each_parent(_real: &Path) -> Result<(), TreeError> {
    Err(TreeError::UnsupportedPlatform)
}

#[cfg(unix)]
mod unix {
    use std::{collections::BTreeMap, fs, path::Path};

    use rustix::fs::Stat;

    use crate::TreeError;

    /// Which users have a group of their own, looked up when first needed.
    #[derive(Debug, Default)]
    pub(crate) struct PrivateGroups {
        known: BTreeMap<u32, bool>,
    }

    impl PrivateGroups {
        /// Whether a group has the number of its owner and no other member.
        fn is_private(&mut self, owner: u32, group: u32) -> bool {
            owner == group
                && *self.known.entry(owner).or_insert_with(|| {
                    let read = |path| fs::read_to_string(path).unwrap_or_default();
                    is_private_group(owner, &read("/etc/passwd"), &read("/etc/group"))
                })
        }
    }

    /// Decides by the text of `/etc/passwd` and `/etc/group`; a user or group that they do not name is not private.
    pub(super) fn is_private_group(id: u32, passwd: &str, group: &str) -> bool {
        let id = id.to_string();
        let field = |line: &str, at: usize| line.split(':').nth(at).unwrap_or_default().to_owned();
        let sharing: Vec<_> = passwd.lines().filter(|line| field(line, 3) == id).collect();
        let [own] = sharing[..] else { return false };
        let groups: Vec<_> = group.lines().filter(|line| field(line, 2) == id).collect();
        let [group] = groups[..] else { return false };
        let name = field(own, 0);
        field(own, 2) == id && field(group, 3).split(',').all(|member| member.is_empty() || member == name)
    }

    /// Refuses what belongs to others or what they can write to.
    pub(crate) fn check(path: &Path, stat: &Stat, groups: &mut PrivateGroups) -> Result<(), TreeError> {
        check_against(path, stat, groups, rustix::process::geteuid().as_raw())
    }

    /// As [`check`], but lets a sticky directory of root's pass: in it nobody can replace what belongs to others.
    pub(super) fn check_parent(path: &Path, stat: &Stat, groups: &mut PrivateGroups) -> Result<(), TreeError> {
        const STICKY: u32 = 0o1000;
        if permissions(stat) & STICKY != 0 && stat.st_uid == 0 {
            return Ok(());
        }
        check(path, stat, groups)
    }

    pub(super) fn check_against(
        path: &Path,
        stat: &Stat,
        groups: &mut PrivateGroups,
        user: u32,
    ) -> Result<(), TreeError> {
        let mode = permissions(stat);
        if stat.st_uid != 0 && stat.st_uid != user {
            return Err(TreeError::InsecureOwner { path: path.to_owned(), owner: stat.st_uid });
        }
        let by_group = mode & 0o020 != 0 && !groups.is_private(stat.st_uid, stat.st_gid);
        if mode & 0o002 != 0 || by_group {
            return Err(TreeError::InsecurePermissions { path: path.to_owned(), mode });
        }
        Ok(())
    }

    #[allow(clippy::unnecessary_cast, reason = "the width of the field differs between platforms")]
    fn permissions(stat: &Stat) -> u32 {
        stat.st_mode as u32 & 0o7777
    }
}

#[cfg(all(test, unix))]
mod tests;
