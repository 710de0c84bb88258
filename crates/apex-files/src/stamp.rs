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

    /// Reads what a `stat` call told.
    #[cfg(unix)]
    pub(crate) fn of(stat: &rustix::fs::Stat) -> Self {
        let mut bytes = [0; Self::LENGTH];
        for (place, number) in bytes.chunks_exact_mut(8).zip(numbers(stat)) {
            place.copy_from_slice(&number.to_le_bytes());
        }
        Self(bytes)
    }

    /// Whether these are the bytes of the stamp that a `stat` call tells.
    #[cfg(unix)]
    pub(crate) fn is_told_by(bytes: &[u8], stat: &rustix::fs::Stat) -> bool {
        let (kept, rest) = bytes.as_chunks::<8>();
        kept.len() == Self::LENGTH / 8
            && rest.is_empty()
            && kept.iter().zip(numbers(stat)).all(|(kept, number)| u64::from_le_bytes(*kept) == number)
    }
}

/// What a `stat` call told, eight bytes at a time; the widths of its fields differ between platforms.
#[cfg(unix)]
#[allow(
    clippy::unnecessary_cast,
    clippy::useless_conversion,
    clippy::cast_lossless,
    clippy::cast_sign_loss,
    trivial_numeric_casts,
    reason = "the widths differ between platforms"
)]
fn numbers(stat: &rustix::fs::Stat) -> [u64; Stamp::LENGTH / 8] {
    let nanoseconds =
        |seconds: i64, nanoseconds: i64| seconds.saturating_mul(1_000_000_000).saturating_add(nanoseconds) as u64;
    let both = |low: u32, high: u32| u64::from(low) | (u64::from(high) << 32);
    // A second name of a file is a second way to write to it.
    let links = u32::try_from(stat.st_nlink).unwrap_or(u32::MAX);
    [
        stat.st_dev as u64,
        stat.st_ino as u64,
        stat.st_size as u64,
        nanoseconds(stat.st_mtime as i64, stat.st_mtime_nsec as i64),
        nanoseconds(stat.st_ctime as i64, stat.st_ctime_nsec as i64),
        both(stat.st_mode as u32, u32::from(stat.st_uid)),
        both(u32::from(stat.st_gid), links),
    ]
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
