//! By what a changed file is known without reading it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// What a file system says of a file or directory, as bytes to compare: whatever changes it, or the names in it,
/// changes these.
///
/// Device, inode, size, time of the last change of content, time of the last change of anything, mode, user and group.
/// The time of the last change of anything cannot be set by programs, only by turning the system's clock.
///
/// Two things leave no trace: a change within the same tick of the file system's clock, which is why a stamp says
/// [how old it is](Stamp::changed_at), and stores through a shared mapping that are not written back yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Stamp([u8; Stamp::LENGTH]);

impl Stamp {
    /// How many bytes a stamp has.
    pub const LENGTH: usize = 56;

    /// The stamp that these bytes are.
    pub const fn from_bytes(bytes: [u8; Self::LENGTH]) -> Self {
        Self(bytes)
    }

    /// The bytes, in an order that is the same on every machine.
    pub const fn as_bytes(&self) -> &[u8; Self::LENGTH] {
        &self.0
    }

    /// When anything about the file or directory was last changed.
    pub fn changed_at(&self) -> SystemTime {
        let mut nanoseconds = [0; 8];
        nanoseconds.copy_from_slice(&self.0[32..40]);
        let nanoseconds = i64::from_le_bytes(nanoseconds);
        let since = Duration::from_nanos(nanoseconds.unsigned_abs());
        let time = if nanoseconds < 0 { UNIX_EPOCH.checked_sub(since) } else { UNIX_EPOCH.checked_add(since) };
        time.unwrap_or(UNIX_EPOCH)
    }

    /// Reads what a `stat` call told; the widths of its fields differ between platforms.
    #[cfg(unix)]
    #[allow(
        clippy::unnecessary_cast,
        clippy::useless_conversion,
        clippy::cast_lossless,
        trivial_numeric_casts,
        reason = "the widths differ between platforms"
    )]
    pub(crate) fn of(stat: &rustix::fs::Stat) -> Self {
        let nanoseconds =
            |seconds: i64, nanoseconds: i64| seconds.saturating_mul(1_000_000_000).saturating_add(nanoseconds);
        let modified = nanoseconds(stat.st_mtime as i64, stat.st_mtime_nsec as i64);
        let changed = nanoseconds(stat.st_ctime as i64, stat.st_ctime_nsec as i64);
        let mut bytes = [0; Self::LENGTH];
        bytes[0..8].copy_from_slice(&(stat.st_dev as u64).to_le_bytes());
        bytes[8..16].copy_from_slice(&(stat.st_ino as u64).to_le_bytes());
        bytes[16..24].copy_from_slice(&(stat.st_size as i64).to_le_bytes());
        bytes[24..32].copy_from_slice(&modified.to_le_bytes());
        bytes[32..40].copy_from_slice(&changed.to_le_bytes());
        bytes[40..44].copy_from_slice(&(stat.st_mode as u32).to_le_bytes());
        bytes[44..48].copy_from_slice(&u32::from(stat.st_uid).to_le_bytes());
        bytes[48..52].copy_from_slice(&u32::from(stat.st_gid).to_le_bytes());
        // A second name of a file is a second way to write to it.
        bytes[52..56].copy_from_slice(&u32::try_from(stat.st_nlink).unwrap_or(u32::MAX).to_le_bytes());
        Self(bytes)
    }
}

#[cfg(all(test, unix))]
mod tests {
    #![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests")]

    use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

    use crate::Directory;

    #[test]
    fn whatever_changes_a_file_or_the_names_in_a_directory_changes_the_stamp() {
        let temp = tempfile::tempdir().unwrap();
        let base = temp.path().canonicalize().unwrap();
        let directory = Directory::open(&base).unwrap();
        let path = base.join("file");
        fs::write(&path, b"one").unwrap();
        let stamp = || directory.stamp_of(Path::new("file")).unwrap();
        let here = || directory.stamp().unwrap();
        let (first, parent) = (stamp(), here());
        assert_eq!((stamp(), here()), (first, parent), "nothing changed");

        fs::write(&path, b"longer").unwrap();
        let longer = stamp();
        assert_ne!(longer, first);
        assert_eq!(here(), parent, "no name changed");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let mode = stamp();
        assert_ne!(mode, longer);
        fs::hard_link(&path, base.join("second")).unwrap();
        assert_ne!(stamp(), mode);
        assert_ne!(here(), parent, "a name was added");
        fs::remove_file(&path).unwrap();
        fs::write(&path, b"longer").unwrap();
        assert_ne!(stamp(), mode, "another file of the same content");
    }

    #[test]
    fn a_stamp_survives_as_bytes_and_says_when_it_was_changed() {
        let temp = tempfile::tempdir().unwrap();
        let directory = Directory::open(&temp.path().canonicalize().unwrap()).unwrap();
        let stamp = directory.stamp().unwrap();
        assert_eq!(super::Stamp::from_bytes(*stamp.as_bytes()), stamp);
        let age = std::time::SystemTime::now().duration_since(stamp.changed_at()).unwrap_or_default();
        assert!(age < std::time::Duration::from_secs(3_600), "{age:?}");
    }
}
