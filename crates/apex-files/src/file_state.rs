//! What stands at a path, as far as that is told without opening it: to find out whether a file is another one by now.

use std::{
    fs, io,
    path::Path,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// What stands at a path, links followed, as far as that is told without opening it.
///
/// Another file, another content, other permissions: each is another state. A change within the same tick of the file
/// system's clock, in the same file, leaves the state as it was, which is why it says [how old it
/// is](Self::is_settled).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileState(State);

#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    Absent,
    Unreadable(io::ErrorKind),
    There([i64; 9]),
}

/// The coarsest tick of a file system that is still in use is FAT's of two seconds.
const SETTLED: Duration = Duration::from_secs(2);

impl FileState {
    /// The state of what stands at a path now.
    pub fn of(path: &Path) -> Self {
        Self(match fs::metadata(path) {
            Ok(metadata) => State::There(numbers(&metadata)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => State::Absent,
            Err(error) => State::Unreadable(error.kind()),
        })
    }

    /// Whether the next change will show, whenever it comes: what is there is older than a tick of any clock, or nothing
    /// is there.
    pub fn is_settled(&self, now: SystemTime) -> bool {
        match &self.0 {
            State::Absent => true,
            State::Unreadable(_) => false,
            State::There(numbers) => {
                let (Ok(seconds), Ok(nanoseconds)) = (u64::try_from(numbers[5]), u32::try_from(numbers[6])) else {
                    return false;
                };
                let changed_at = UNIX_EPOCH.checked_add(Duration::from_secs(seconds));
                let changed_at = changed_at.and_then(|at| at.checked_add(Duration::from_nanos(nanoseconds.into())));
                let age = changed_at.and_then(|at| now.duration_since(at).ok());
                age.is_some_and(|age| age > SETTLED)
            }
        }
    }
}

#[cfg(unix)]
fn numbers(metadata: &fs::Metadata) -> [i64; 9] {
    use std::os::unix::fs::MetadataExt as _;
    [
        metadata.dev().cast_signed(),
        metadata.ino().cast_signed(),
        metadata.size().cast_signed(),
        metadata.mtime(),
        metadata.mtime_nsec(),
        metadata.ctime(),
        metadata.ctime_nsec(),
        metadata.mode().into(),
        metadata.uid().into(),
    ]
}

/// Where no time of the last change of anything is told, that of the content stands for it.
#[cfg(not(unix))]
fn numbers(metadata: &fs::Metadata) -> [i64; 9] {
    let since = |time: io::Result<SystemTime>| {
        let duration = time.ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok()).unwrap_or_default();
        (i64::try_from(duration.as_secs()).unwrap_or(i64::MAX), duration.subsec_nanos().into())
    };
    let ((modified, fraction), (created, rest)) = (since(metadata.modified()), since(metadata.created()));
    [0, 0, metadata.len().cast_signed(), created, rest, modified, fraction, 0, 0]
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests")]

    use super::*;

    #[test]
    fn another_file_at_the_path_or_none_is_another_state() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("file");
        let absent = FileState::of(&path);
        fs::write(&path, b"one").unwrap();
        let first = FileState::of(&path);
        assert_ne!(first, absent);
        assert_eq!(FileState::of(&path), first);
        fs::write(temp.path().join("other"), b"two").unwrap();
        fs::rename(temp.path().join("other"), &path).unwrap();
        assert_ne!(FileState::of(&path), first, "another file of the same length");
        fs::remove_file(&path).unwrap();
        assert_eq!(FileState::of(&path), absent);
    }

    #[test]
    fn what_has_just_been_written_is_not_settled_and_what_is_not_there_is() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("file");
        assert!(FileState::of(&path).is_settled(SystemTime::now()));
        fs::write(&path, b"one").unwrap();
        let state = FileState::of(&path);
        assert!(!state.is_settled(UNIX_EPOCH), "it is from the future");
        assert!(state.is_settled(SystemTime::now() + Duration::from_secs(60)));
    }
}
