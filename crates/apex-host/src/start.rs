//! Becoming a child: what this process was given, and the plugin in it.

use std::{
    ffi::OsString,
    io::{self, Write as _},
    os::fd::{BorrowedFd, FromRawFd as _, OwnedFd, RawFd},
    path::PathBuf,
    process,
};

use rustix::{
    fs::{SealFlags, fcntl_get_seals},
    net::sockopt::socket_type,
};

use crate::child::Child;

/// What the first argument of a child is.
const MARK: &str = "--apex-plugin-host=1";

const SOCKET: RawFd = 3;
const LIBRARY: RawFd = 4;
const LIBRARY_PATH: &str = "/proc/self/fd/4";

/// What a child is asked for.
pub(crate) struct Asked {
    /// How many threads it may have for blocking actions.
    threads: usize,
    /// Where to load the library from; the sealed one, or a copy of it that a debugger can follow.
    library: PathBuf,
}

/// What this process was asked for, if it was asked to be a child.
pub(crate) fn asked_for(arguments: impl Iterator<Item = OsString>) -> Option<Asked> {
    let mut arguments = arguments.skip(1);
    if arguments.next()? != MARK {
        return None;
    }
    let threads = arguments.next().and_then(|threads| threads.to_str()?.parse().ok()).unwrap_or(1);
    Some(Asked { threads, library: arguments.next().map_or_else(|| LIBRARY_PATH.into(), PathBuf::from) })
}

/// Serves until the host is gone.
pub(crate) fn run(asked: &Asked) -> ! {
    let Some(socket) = take_socket() else {
        let complaint = "apex: asked to host a plugin, but not by a host: there is no socket and library\n";
        let _ = io::stderr().write_all(complaint.as_bytes());
        process::exit(2);
    };
    let served = Child::new(socket, &asked.library, asked.threads).and_then(|child| child.serve());
    crate::child::leave(served)
}

/// The socket, if there is one, and a sealed file after it.
fn take_socket() -> Option<OwnedFd> {
    // SAFETY: only looked at; whether it is open is what is being asked.
    #[expect(unsafe_code, reason = "descriptors that another program handed over have no owner yet")]
    let socket = unsafe { BorrowedFd::borrow_raw(SOCKET) };
    // SAFETY: as above.
    #[expect(unsafe_code, reason = "descriptors that another program handed over have no owner yet")]
    let library = unsafe { BorrowedFd::borrow_raw(LIBRARY) };
    socket_type(socket).ok().filter(|kind| *kind == rustix::net::SocketType::STREAM)?;
    let sealed = SealFlags::WRITE | SealFlags::GROW | SealFlags::SHRINK;
    fcntl_get_seals(library).ok().filter(|seals| seals.contains(sealed))?;
    for descriptor in [socket, library] {
        // What the plugin starts gets neither.
        rustix::io::fcntl_setfd(descriptor, rustix::io::FdFlags::CLOEXEC).ok()?;
    }
    // SAFETY: open, as was just seen, and nobody else in this process owns it: it runs no other code yet.
    #[expect(unsafe_code, reason = "the descriptor was handed over by the host")]
    Some(unsafe { OwnedFd::from_raw_fd(SOCKET) })
}
