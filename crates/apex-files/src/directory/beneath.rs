//! The kernel's own lookup that leaves a directory neither by `..` nor by a link: `openat2(2)`.

use std::{
    ffi::OsStr,
    os::fd::OwnedFd,
    path::PathBuf,
    sync::atomic::{AtomicBool, Ordering},
};

use rustix::{
    fs::{Mode, OFlags, ResolveFlags, openat2},
    io::Errno,
};

use crate::OpenError;

const RESOLVE: ResolveFlags = ResolveFlags::BENEATH.union(ResolveFlags::NO_SYMLINKS).union(ResolveFlags::NO_MAGICLINKS);

/// Whether the kernel said that it has no such call.
static LACKING: AtomicBool = AtomicBool::new(false);

/// Opens what lies below a directory, or gives the question back: to one who has another way, or who can find out
/// which segment stood in the way.
pub(super) fn open(at: &OwnedFd, names: &[&OsStr], flags: OFlags) -> Option<Result<OwnedFd, OpenError>> {
    if LACKING.load(Ordering::Relaxed) {
        return None;
    }
    let path: PathBuf = names.iter().collect();
    match openat2(at, path, flags, Mode::empty(), RESOLVE) {
        Ok(opened) => Some(Ok(opened)),
        Err(Errno::NOSYS) => {
            LACKING.store(true, Ordering::Relaxed);
            None
        }
        // EPERM is what older filters of system calls say instead of ENOSYS; EAGAIN, that somebody renamed meanwhile.
        Err(Errno::PERM | Errno::AGAIN | Errno::LOOP | Errno::NOTDIR | Errno::XDEV | Errno::NXIO | Errno::NODEV) => {
            None
        }
        Err(errno) => Some(Err(errno.into())),
    }
}
