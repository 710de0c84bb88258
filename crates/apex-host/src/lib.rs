//! Hosts one plugin in a child process.
//!
//! A host program calls [`run_if_child`] first thing in its `main`, before any thread is started, and so is its own child
//! program; or it has the program `apex-host` of this crate beside it. The child gets three descriptors, a socket, the
//! sealed library and what it is confined to, which it applies at once; then it speaks the frames of `apex_protocol` until the socket ends.
//!
//! # Example
//!
//! ```
//! // First thing in `main`:
//! apex_host::run_if_child();
//! // From here on this is the host.
//! assert!(apex_host::is_prepared());
//! ```

#[cfg(target_os = "linux")]
mod call;
#[cfg(target_os = "linux")]
mod child;
#[cfg(target_os = "linux")]
mod confine;
#[cfg(target_os = "linux")]
mod leader;
#[cfg(target_os = "linux")]
mod outgoing;
#[cfg(target_os = "linux")]
mod pool;
#[cfg(target_os = "linux")]
mod services;
#[cfg(target_os = "linux")]
mod start;
#[cfg(target_os = "linux")]
mod task;

use std::sync::atomic::{AtomicBool, Ordering};

static IS_PREPARED: AtomicBool = AtomicBool::new(false);

/// Serves as the child process of a host and never returns, if this process was started as one; otherwise does nothing
/// but note that this program can be its own child program.
///
/// To be called first thing in `main`, before there is any thread. A process is a child only if its first argument says
/// so and its descriptors 3 to 5 are a socket and two sealed files: no argument alone makes it one.
pub fn run_if_child() {
    #[cfg(target_os = "linux")]
    if let Some(asked) = start::asked_for(std::env::args_os()) {
        start::run(&asked);
    }
    IS_PREPARED.store(true, Ordering::SeqCst);
}

/// Whether this program called [`run_if_child`], and so can be started as a child process.
pub fn is_prepared() -> bool {
    IS_PREPARED.load(Ordering::SeqCst)
}
