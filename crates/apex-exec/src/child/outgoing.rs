//! What waits to be written to a child: bounded, and written by whoever comes by, without blocking anybody.

use std::{
    future::poll_fn,
    io,
    os::fd::{AsFd, OwnedFd},
    sync::{Mutex, MutexGuard, PoisonError},
    task::{Poll, Waker},
};

use rustix::net::{SendFlags, send};

use crate::park::block_on;

/// How many bytes may wait until calls have to wait for room.
const HIGH_WATER: usize = 4 << 20;

/// The most memory that is kept for the next time.
const KEPT: usize = 256 << 10;

/// What waits to be written.
#[derive(Default)]
pub(super) struct Outgoing(Mutex<State>);

#[derive(Default)]
struct State {
    waiting: Vec<u8>,
    /// What of an earlier batch the socket did not take yet.
    rest: Vec<u8>,
    written: usize,
    spare: Vec<u8>,
    is_writing: bool,
    for_room: Vec<Waker>,
}

/// What a flush came to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Flushed {
    /// Everything is written, or another thread is about to.
    Done,
    /// The socket takes no more for now.
    Full,
}

impl Outgoing {
    /// Adds what `encode` writes.
    pub(super) fn add<T>(&self, encode: impl FnOnce(&mut Vec<u8>) -> T) -> T {
        encode(&mut self.lock().waiting)
    }

    /// Whether there is room for more; if not, the waker is woken once there is.
    pub(super) fn has_room(&self, waker: &Waker) -> bool {
        let mut state = self.lock();
        let has_room = state.waiting.len() + state.rest.len() - state.written < HIGH_WATER;
        if !has_room && !state.for_room.iter().any(|other| other.will_wake(waker)) {
            state.for_room.push(waker.clone());
        }
        has_room
    }

    /// Waits on this thread until there is room for more; says whether there ever will be.
    ///
    /// `is_over` is to be true before [`give_up`](Self::give_up) is called for the last time.
    pub(super) fn wait_for_room(&self, is_over: impl Fn() -> bool) -> bool {
        block_on(poll_fn(|context| {
            // In this order, so that whoever ends it meanwhile finds a waker.
            let has_room = self.has_room(context.waker());
            match (is_over(), has_room) {
                (true, _) => Poll::Ready(false),
                (false, true) => Poll::Ready(true),
                (false, false) => Poll::Pending,
            }
        }))
    }

    /// Writes what waits, unless another thread is just doing so.
    ///
    /// # Errors
    /// The child is gone.
    pub(super) fn flush(&self, socket: &OwnedFd) -> io::Result<Flushed> {
        let mut state = self.lock();
        if state.is_writing {
            return Ok(Flushed::Done);
        }
        let flushed = loop {
            if state.written == state.rest.len() {
                let mut done = std::mem::take(&mut state.rest);
                done.clear();
                // One long call must not keep its memory for good.
                done.shrink_to(KEPT);
                state.written = 0;
                if state.waiting.is_empty() {
                    state.spare = done;
                    break Ok(Flushed::Done);
                }
                let fresh = if done.capacity() > 0 { done } else { std::mem::take(&mut state.spare) };
                state.rest = std::mem::replace(&mut state.waiting, fresh);
            }
            state.is_writing = true;
            let (rest, written) = (std::mem::take(&mut state.rest), state.written);
            drop(state);
            let sent = send(socket.as_fd(), &rest[written..], SendFlags::NOSIGNAL | SendFlags::DONTWAIT);
            state = self.lock();
            state.is_writing = false;
            state.rest = rest;
            match sent {
                Ok(sent) => state.written += sent,
                Err(rustix::io::Errno::INTR) => {}
                Err(rustix::io::Errno::AGAIN) => break Ok(Flushed::Full),
                Err(error) => break Err(error.into()),
            }
        };
        let for_room = match flushed {
            Ok(Flushed::Full) => Vec::new(),
            _ => std::mem::take(&mut state.for_room),
        };
        drop(state);
        for_room.into_iter().for_each(Waker::wake);
        flushed
    }

    /// Wakes everybody who waits for room, since there will be none.
    pub(super) fn give_up(&self) {
        let for_room = std::mem::take(&mut self.lock().for_room);
        for_room.into_iter().for_each(Waker::wake);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
