//! What a look at a directory depended on: the stamp of each file and directory, to be compared later.

use std::{
    ffi::{CStr, OsStr, OsString},
    time::{Duration, SystemTime},
};

use apex_files::Stamp;

use crate::{bytes::Bytes, directory::Directory};

/// How much younger than the look a change must be to be told from one after it, for any file system's clock.
///
/// A change within the same tick leaves the same stamp. The coarsest tick that is still in use is FAT's of two seconds.
pub(crate) const SETTLED: Duration = Duration::from_secs(2);

/// More files and directories than this are looked at each time instead.
const MOST: u32 = 16_384;

/// The stamps of what a look depended on, as they are kept: count, then path, zero and stamp of each.
///
/// Paths are relative to the root. A directory's stamp stands for the names in it.
#[derive(Debug)]
pub(crate) struct Stamps {
    kept: Vec<u8>,
    count: u32,
    youngest: SystemTime,
    /// Whether they cannot vouch for what was seen.
    is_void: bool,
}

impl Stamps {
    pub(crate) fn new() -> Self {
        Self { kept: Vec::new(), count: 0, youngest: SystemTime::UNIX_EPOCH, is_void: false }
    }

    /// Says that what is seen depends on more than can be stamped, or that there is nothing to gain.
    pub(crate) fn void(&mut self) {
        self.is_void = true;
    }

    /// Stamps an open directory, before anything in it is looked at.
    pub(crate) fn directory(&mut self, directory: &Directory, path: &[u8]) {
        match directory.stamp() {
            Some(stamp) => self.add(path, stamp),
            None => self.void(),
        }
    }

    pub(crate) fn add(&mut self, path: &[u8], stamp: Stamp) {
        let length = u16::try_from(path.len() + 1);
        let (Ok(length), false) = (length, self.count >= MOST || path.contains(&0)) else { return self.void() };
        self.count += 1;
        self.youngest = self.youngest.max(stamp.changed_at());
        self.kept.extend(length.to_le_bytes());
        self.kept.extend(path);
        self.kept.push(0);
        self.kept.extend(stamp.as_bytes());
    }

    /// Stamps everything below an open directory, which itself has been stamped.
    pub(crate) fn below(&mut self, directory: &Directory, path: &[u8]) {
        let Some(children) = directory.stamped_children() else { return self.void() };
        for (name, is_directory, stamp) in children {
            if self.is_void {
                return;
            }
            let path = joined(path, &name);
            self.add(&path, stamp);
            if is_directory {
                // Anything else than the directory that was stamped shows in the stamp.
                match directory.open(&name) {
                    Ok(child) => self.below(&child, &path),
                    Err(_) => self.void(),
                }
            }
        }
    }

    /// When a change of what was seen can no longer hide behind the stamps; none, if they say nothing anyway.
    pub(crate) fn settle_at(&self) -> Option<SystemTime> {
        (!self.is_void).then(|| self.youngest.checked_add(SETTLED)).flatten()
    }

    /// The stamps as they are kept, if they tell every change from before a time on.
    pub(crate) fn finish(self, looked_at: SystemTime) -> Option<(u32, Vec<u8>)> {
        let is_settled = self.settle_at().is_some_and(|settled| settled < looked_at);
        (is_settled && self.count > 0).then_some((self.count, self.kept))
    }
}

/// The path of a name in a directory.
pub(crate) fn joined(path: &[u8], name: &OsStr) -> Vec<u8> {
    [path, b"/", name.as_encoded_bytes()].concat()
}

fn next<'a>(kept: &mut Bytes<'a>) -> Option<(&'a CStr, &'a [u8])> {
    let length = usize::from(kept.u16()?);
    let path = CStr::from_bytes_with_nul(kept.take(length)?).ok()?;
    Some((path, kept.take(Stamp::LENGTH)?))
}

/// Whether everything below a root is as it was when it was stamped: asks for the stamps, and for nothing else.
pub(crate) fn hold(root: &Directory, count: u32, kept: &mut Bytes<'_>) -> bool {
    (0..count).all(|_| next(kept).is_some_and(|(path, stamp)| root.has_stamp(path, stamp)))
}

/// A child of a directory: its name, whether it is a directory, and its stamp.
pub(crate) type StampedChild = (OsString, bool, Stamp);
