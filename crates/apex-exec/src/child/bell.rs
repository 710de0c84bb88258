//! Waking a thread that waits in a system call.

use std::{
    cell::RefCell,
    io,
    os::fd::{AsFd, OwnedFd},
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
};

use rustix::event::{EventfdFlags, PollFd, PollFlags, eventfd, poll};

/// An event descriptor that costs nothing while nobody waits.
#[derive(Default)]
pub(crate) struct Bell {
    /// Each thread has one and uses it for all its waits, one after the other.
    descriptor: OnceLock<Arc<OwnedFd>>,
    is_listening: AtomicBool,
}

thread_local! {
    static DESCRIPTOR: RefCell<Option<Arc<OwnedFd>>> = const { RefCell::new(None) };
}

/// An event descriptor that is not set.
pub(super) fn event() -> io::Result<OwnedFd> {
    Ok(eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?)
}

/// Sets an event descriptor.
pub(super) fn set(event: &OwnedFd) {
    // Full means set, and nothing else can go wrong with eight bytes.
    let _ = rustix::io::write(event, &1_u64.to_ne_bytes());
}

/// Clears an event descriptor.
pub(super) fn clear(event: &OwnedFd) {
    let _ = rustix::io::read(event, &mut [0_u8; 8]);
}

impl Bell {
    /// Wakes who listens; says whether somebody did.
    pub(crate) fn ring(&self) -> bool {
        let listens = self.is_listening.load(Ordering::SeqCst);
        if listens && let Some(descriptor) = self.descriptor.get() {
            set(descriptor);
        }
        listens
    }

    /// Waits on this thread until there is something to read, or the bell rings, or `is_over` says so; says whether
    /// there is something to read.
    pub(super) fn wait_readable(&self, source: impl AsFd, is_over: impl Fn() -> bool) -> io::Result<bool> {
        let bell = match self.descriptor.get() {
            Some(bell) => bell,
            None => {
                let own = DESCRIPTOR.with_borrow_mut(|own| match own {
                    Some(own) => Ok::<_, io::Error>(Arc::clone(own)),
                    None => Ok(Arc::clone(own.insert(Arc::new(event()?)))),
                })?;
                self.descriptor.get_or_init(|| own)
            }
        };
        self.is_listening.store(true, Ordering::SeqCst);
        // Whoever sets what `is_over` looks at rings afterwards: one of both sees the other.
        if is_over() {
            self.is_listening.store(false, Ordering::SeqCst);
            return Ok(false);
        }
        let mut sources = [PollFd::new(&source, PollFlags::IN), PollFd::new(bell, PollFlags::IN)];
        let waited = poll(&mut sources, None);
        self.is_listening.store(false, Ordering::SeqCst);
        match waited {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let [source, rung] = sources.map(|source| !source.revents().is_empty());
        if rung {
            clear(bell);
        }
        Ok(source)
    }
}
