//! What waits to be written to the host.

use std::{
    io,
    os::fd::{AsFd, OwnedFd},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
};

use rustix::net::{SendFlags, send};

/// From how many bytes on they are written without waiting for more: the host is at work while the next are made.
const LONG: usize = 8 << 10;

/// The most memory that is kept for the next time.
const KEPT: usize = 256 << 10;

/// What waits to be written; whoever writes takes along what others add meanwhile.
pub(crate) struct Outgoing {
    socket: Arc<OwnedFd>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    waiting: Vec<u8>,
    spare: Vec<u8>,
    is_writing: bool,
}

impl Outgoing {
    pub(crate) fn new(socket: Arc<OwnedFd>) -> Self {
        Self { socket, state: Mutex::default() }
    }

    /// Adds what `encode` writes; [`flush`](Self::flush) sends it.
    pub(crate) fn add<T>(&self, encode: impl FnOnce(&mut Vec<u8>) -> T) -> T {
        encode(&mut self.lock().waiting)
    }

    /// Whether much waits.
    pub(crate) fn is_long(&self) -> bool {
        self.lock().waiting.len() >= LONG
    }

    /// Writes what waits, unless another thread is just doing so; waits for room.
    ///
    /// # Errors
    /// The host is gone.
    pub(crate) fn flush(&self) -> io::Result<()> {
        let mut state = self.lock();
        if state.is_writing {
            return Ok(());
        }
        while !state.waiting.is_empty() {
            state.is_writing = true;
            let spare = std::mem::take(&mut state.spare);
            let mut bytes = std::mem::replace(&mut state.waiting, spare);
            drop(state);
            let written = self.write(&bytes);
            bytes.clear();
            // One long answer must not keep its memory for good.
            bytes.shrink_to(KEPT);
            state = self.lock();
            state.is_writing = false;
            state.spare = bytes;
            written?;
        }
        Ok(())
    }

    /// Returns once nothing waits and no thread writes any more, so that the process may end.
    pub(crate) fn finish(&self) {
        // If the host is gone, there is nobody to write to.
        while self.flush().is_ok() {
            let state = self.lock();
            if state.waiting.is_empty() && !state.is_writing {
                return;
            }
            drop(state);
            thread::yield_now();
        }
    }

    fn write(&self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            match send(self.socket.as_fd(), bytes, SendFlags::NOSIGNAL) {
                Ok(sent) => bytes = &bytes[sent..],
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
