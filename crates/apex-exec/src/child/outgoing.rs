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

/// From how many bytes on they are written without waiting for more: the child is at work while the next are made.
const LONG: usize = 2 << 10;

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
    /// How much of the rest is with whoever writes it right now.
    in_hand: usize,
    spare: Vec<u8>,
    is_writing: bool,
    for_room: Vec<Waker>,
}

impl State {
    /// How much of an earlier batch is not written yet; while somebody writes it, the batch is not here.
    fn unwritten(&self) -> usize {
        if self.is_writing { self.in_hand } else { self.rest.len() - self.written }
    }
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

    /// Whether so much waits that the child could be at work meanwhile.
    pub(super) fn is_long(&self) -> bool {
        self.lock().waiting.len() >= LONG
    }

    /// Whether there is room for more; if not, the waker is woken once there is.
    pub(super) fn has_room(&self, waker: &Waker) -> bool {
        let mut state = self.lock();
        let has_room = state.waiting.len() + state.unwritten() < HIGH_WATER;
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
            (state.in_hand, state.is_writing) = (state.unwritten(), true);
            let (rest, written) = (std::mem::take(&mut state.rest), state.written);
            drop(state);
            let sent = send(socket.as_fd(), &rest[written..], SendFlags::NOSIGNAL | SendFlags::DONTWAIT);
            state = self.lock();
            state.is_writing = false;
            state.in_hand = 0;
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

#[cfg(test)]
mod tests {
    use std::{
        io::Read as _,
        sync::atomic::{AtomicBool, Ordering},
        thread,
    };

    use super::*;

    #[test]
    fn what_somebody_writes_right_now_counts_as_waiting() {
        let outgoing = Outgoing::default();
        // As it is while a batch of which some is written goes on.
        *outgoing.lock() = State { written: 2 * HIGH_WATER, in_hand: HIGH_WATER, is_writing: true, ..State::default() };
        assert!(!outgoing.has_room(Waker::noop()));
        outgoing.lock().in_hand = 1;
        assert!(outgoing.has_room(Waker::noop()));
    }

    #[test]
    fn who_waits_for_room_goes_on_once_there_is_some_and_gives_up_once_there_will_be_none() {
        let (outgoing, is_over) = (Outgoing::default(), AtomicBool::new(false));
        let wait = || outgoing.wait_for_room(|| is_over.load(Ordering::SeqCst));
        assert!(wait(), "nothing waits to be written");
        outgoing.add(|out| out.resize(HIGH_WATER, 0));
        let (ours, theirs) = std::os::unix::net::UnixStream::pair().expect("a pair of sockets");
        thread::scope(|scope| {
            let waiting = scope.spawn(wait);
            let reading = scope.spawn(move || {
                let taken = std::io::copy(&mut (&theirs).take(HIGH_WATER as u64), &mut std::io::sink());
                taken.expect("what was written")
            });
            let socket = OwnedFd::from(ours);
            while !matches!(outgoing.flush(&socket), Ok(Flushed::Done)) {
                thread::yield_now();
            }
            assert!(waiting.join().expect("no panic"), "it was written");
            assert_eq!(reading.join().expect("no panic"), HIGH_WATER as u64);
        });
        outgoing.add(|out| out.resize(HIGH_WATER, 0));
        thread::scope(|scope| {
            let waiting = scope.spawn(wait);
            is_over.store(true, Ordering::SeqCst);
            outgoing.give_up();
            assert!(!waiting.join().expect("no panic"), "nobody will write it");
        });
    }
}
