//! Whose turn it is to read what a child says.
//!
//! A thread that waits for an answer reads it itself, so that nobody has to be woken for it; while none does, the
//! reactor reads. Several that wait take turns.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use super::{connection::Connection, reactor::Part};
use crate::park::{Chore, Errand, Parker};

/// Whose turn it is.
#[derive(Default)]
pub(super) struct Turn {
    state: Mutex<State>,
    /// Whether there is nothing more to read.
    pub(super) is_closed: AtomicBool,
}

#[derive(Default)]
struct State {
    is_taken: bool,
    waiting: Vec<Arc<Parker>>,
}

impl Turn {
    /// Reads once, for the reactor.
    pub(super) fn take_once(&self, connection: &Arc<Connection>) {
        {
            let mut state = self.lock();
            if state.is_taken {
                // Whoever reads now arms again.
                return;
            }
            state.is_taken = true;
        }
        connection.read();
        self.pass_on(connection);
    }

    /// Waits until nobody reads any more; the process is gone, so nobody reads for long.
    pub(super) fn claim(&self, connection: &Arc<Connection>) {
        self.is_closed.store(true, Ordering::SeqCst);
        let _ = connection;
        self.lock().is_taken = true;
    }

    /// Gives the turn to the next, or back to the reactor.
    pub(super) fn pass_on(&self, connection: &Arc<Connection>) {
        let mut state = self.lock();
        if self.is_closed.load(Ordering::SeqCst) {
            // There is nothing to read: all wait until they are woken.
            state.is_taken = false;
            let waiting = std::mem::take(&mut state.waiting);
            drop(state);
            waiting.iter().for_each(|parker| parker.nudge());
            return;
        }
        if let Some(next) = state.waiting.pop() {
            drop(state);
            next.nudge();
            return;
        }
        state.is_taken = false;
        // Under the lock, so that nobody takes the turn in between and leaves the reactor armed.
        if let Err(error) = connection.reactor.arm(connection.number, Part::Socket, &connection.socket) {
            drop(state);
            tracing::debug!(%error, "a child's socket cannot be waited for");
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn has_passed(&self, parker: &Arc<Parker>) -> bool {
        let mut state = self.lock();
        match state.waiting.iter().position(|other| Arc::ptr_eq(other, parker)) {
            Some(place) => {
                state.waiting.swap_remove(place);
                false
            }
            // Taken out by whoever passed the turn on; unless there are no turns any more.
            None => !self.is_closed.load(Ordering::SeqCst),
        }
    }
}

impl Chore for Connection {
    fn attend(&self) {
        self.flush();
    }
}

impl Errand for Connection {
    fn run(self: Arc<Self>, parker: &Arc<Parker>) {
        let turn = &self.turn;
        let must_wait = {
            let mut state = turn.lock();
            if turn.is_closed.load(Ordering::SeqCst) {
                drop(state);
                return parker.park();
            }
            let is_taken = std::mem::replace(&mut state.is_taken, true);
            if is_taken {
                state.waiting.push(Arc::clone(parker));
            } else {
                // Failing means that the reactor may wake in vain.
                let _ = self.reactor.disarm(self.number, Part::Socket, &self.socket);
            }
            is_taken
        };
        if must_wait {
            parker.park_once();
            if !turn.has_passed(parker) {
                // Woken, or for no reason: the future is polled, and this errand offered again.
                if !parker.is_woken() && turn.is_closed.load(Ordering::SeqCst) {
                    parker.park();
                }
                return;
            }
        }
        while !parker.is_woken() && !turn.is_closed.load(Ordering::SeqCst) {
            match parker.bell.wait_readable(&self.socket, || parker.is_woken()) {
                Ok(true) => self.read(),
                Ok(false) => {}
                Err(error) => {
                    tracing::debug!(%error, "waiting for a child failed");
                    break;
                }
            }
        }
        turn.pass_on(&self);
    }
}
