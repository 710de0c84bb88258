//! Becoming a child: what this process was given, and the plugin in it.

use std::{
    ffi::OsString,
    fs::File,
    io::{self, Read as _, Write as _},
    os::fd::{AsRawFd as _, BorrowedFd, FromRawFd as _, OwnedFd, RawFd},
    path::PathBuf,
    process,
};

use apex_protocol::Confinement;
use rustix::{
    fs::{SealFlags, fcntl_get_seals},
    net::sockopt::socket_type,
};

use crate::{child::Child, confine};

/// What the first argument of a child is. A release that was told less of the confinement had another one.
const MARK: &str = "--apex-plugin-host=2";

const SOCKET: RawFd = 3;
const LIBRARY: RawFd = 4;
const CONFINEMENT: RawFd = 5;
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
    let Some((socket, confinement)) = take_descriptors() else {
        let complaint = "apex: asked to host a plugin, but not by a host: there is no socket and library\n";
        let _ = io::stderr().write_all(complaint.as_bytes());
        process::exit(2);
    };
    // Now, while this is the only thread: each thread that it starts is held to the same.
    let confined = confine_to(confinement);
    let served = Child::new(socket, &asked.library, asked.threads, confined).and_then(|child| child.serve());
    crate::child::leave(served)
}

/// Confines this process as its host says.
fn confine_to(told: OwnedFd) -> Result<(), String> {
    let mut text = Vec::new();
    File::from(told).read_to_end(&mut text).map_err(|error| format!("its confinement cannot be read: {error}"))?;
    let confinement = Confinement::parse(&text).map_err(|error| format!("its confinement cannot be read: {error}"))?;
    confine::apply(&confinement).map_err(|error| error.to_string())
}

/// The socket, if there is one, and the confinement, if two sealed files come after it.
fn take_descriptors() -> Option<(OwnedFd, OwnedFd)> {
    let sealed = SealFlags::WRITE | SealFlags::GROW | SealFlags::SHRINK;
    for descriptor in [SOCKET, LIBRARY, CONFINEMENT] {
        // SAFETY: only looked at; whether it is open is what is being asked.
        #[expect(unsafe_code, reason = "descriptors that another program handed over have no owner yet")]
        let descriptor = unsafe { BorrowedFd::borrow_raw(descriptor) };
        match descriptor.as_raw_fd() {
            SOCKET => {
                socket_type(descriptor).ok().filter(|kind| *kind == rustix::net::SocketType::STREAM)?;
            }
            _ => {
                fcntl_get_seals(descriptor).ok().filter(|seals| seals.contains(sealed))?;
            }
        }
        // What the plugin starts gets none.
        rustix::io::fcntl_setfd(descriptor, rustix::io::FdFlags::CLOEXEC).ok()?;
    }
    // SAFETY: open, as was just seen, and nobody else in this process owns it: it runs no other code yet.
    #[expect(unsafe_code, reason = "the descriptor was handed over by the host")]
    let socket = unsafe { OwnedFd::from_raw_fd(SOCKET) };
    // SAFETY: as above.
    #[expect(unsafe_code, reason = "the descriptor was handed over by the host")]
    let confinement = unsafe { OwnedFd::from_raw_fd(CONFINEMENT) };
    Some((socket, confinement))
}
