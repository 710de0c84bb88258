//! Whose turn it is to read what a child says.
//!
//! A thread that waits for an answer reads it itself, so that nobody has to be woken for it; while none does, the
//! reactor reads. Several that wait take turns. Who has read what it waited for keeps the turn while its future is polled,
//! since it is likely to wait again; should that take longer, anybody else who waits takes it over, or the reactor does.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use super::{connection::Connection, reactor::Part};
use crate::park::{Chore, Errand, Parker};

/// How long the turn is kept by who does not read, to a factor of two.
const ABSENCE: Duration = Duration::from_millis(5);

/// Whose turn it is.
#[derive(Default)]
pub(super) struct Turn {
    state: Mutex<State>,
    /// Whether there is nothing more to read.
    pub(super) is_closed: AtomicBool,
}

#[derive(Default)]
struct State {
    reader: Reader,
    waiting: Vec<Arc<Parker>>,
    /// How often somebody went away with the turn: tells one absence from another.
    absences: u64,
    /// The absence that will be looked at.
    watched: Option<u64>,
}

/// Who reads.
#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum Reader {
    /// The reactor, once there is something.
    #[default]
    Reactor,
    /// A thread that does so now.
    Present,
    /// A thread that polls its future, in the absence of that number.
    Away(u64),
}

impl Turn {
    /// Reads once, for the reactor.
    pub(super) fn take_once(&self, connection: &Arc<Connection>) {
        {
            let mut state = self.lock();
            if state.reader != Reader::Reactor {
                // Whoever reads now arms again.
                return;
            }
            state.reader = Reader::Present;
        }
        connection.read();
        self.pass_on(connection);
    }

    /// Takes the turn for good: the process is gone.
    pub(super) fn claim(&self) {
        self.is_closed.store(true, Ordering::SeqCst);
        self.lock().reader = Reader::Present;
    }

    /// Gives the turn to the next, or back to the reactor.
    pub(super) fn pass_on(&self, connection: &Arc<Connection>) {
        self.pass(self.lock(), connection);
    }

    fn pass(&self, mut state: MutexGuard<'_, State>, connection: &Arc<Connection>) {
        if self.is_closed.load(Ordering::SeqCst) {
            // There is nothing to read: all wait until they are woken.
            state.reader = Reader::Reactor;
            let waiting = std::mem::take(&mut state.waiting);
            drop(state);
            waiting.iter().for_each(|parker| parker.nudge());
            return;
        }
        if let Some(next) = state.waiting.pop() {
            state.reader = Reader::Present;
            drop(state);
            next.nudge();
            return;
        }
        state.reader = Reader::Reactor;
        // Under the lock, so that nobody takes the turn in between and leaves the reactor armed.
        if let Err(error) = connection.reactor.arm(connection.number, Part::Socket, &connection.socket) {
            drop(state);
            tracing::debug!(%error, "a child's socket cannot be waited for");
        }
    }

    /// Goes away with the turn, unless somebody waits for it; gives the number of the absence.
    fn keep(&self, connection: &Arc<Connection>) -> Option<u64> {
        let mut state = self.lock();
        if self.is_closed.load(Ordering::SeqCst) || !state.waiting.is_empty() {
            self.pass(state, connection);
            return None;
        }
        state.absences += 1;
        let number = state.absences;
        state.reader = Reader::Away(number);
        let is_watched = state.watched.is_some();
        state.watched.get_or_insert(number);
        drop(state);
        if !is_watched {
            connection.look_after(ABSENCE);
        }
        Some(number)
    }

    /// Ends an absence, unless somebody took the turn over.
    fn let_go(&self, absence: u64, connection: &Arc<Connection>) {
        let state = self.lock();
        if state.reader == Reader::Away(absence) {
            self.pass(state, connection);
        }
    }

    /// Whether whoever went away with the turn has been gone for too long; if so, the reactor reads again.
    pub(super) fn look(&self, connection: &Arc<Connection>) {
        let mut state = self.lock();
        let Some(watched) = state.watched.take() else { return };
        match state.reader {
            Reader::Away(absence) if absence == watched => self.pass(state, connection),
            Reader::Away(absence) => {
                state.watched = Some(absence);
                drop(state);
                connection.look_after(ABSENCE);
            }
            Reader::Reactor | Reader::Present => {}
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

impl Connection {
    /// Takes the turn, as soon as whoever reads passes it on; says whether this thread has it.
    fn take_turn(self: &Arc<Self>, parker: &Arc<Parker>) -> bool {
        let turn = &self.turn;
        let before = {
            let mut state = turn.lock();
            if turn.is_closed.load(Ordering::SeqCst) {
                drop(state);
                parker.park();
                return false;
            }
            match state.reader {
                Reader::Present => state.waiting.push(Arc::clone(parker)),
                // Failing means that the reactor may wake in vain.
                Reader::Reactor => drop(self.reactor.disarm(self.number, Part::Socket, &self.socket)),
                // It was this thread, or it finds the turn gone.
                Reader::Away(_) => {}
            }
            std::mem::replace(&mut state.reader, Reader::Present)
        };
        if before != Reader::Present {
            return true;
        }
        parker.park_once();
        if turn.has_passed(parker) {
            return true;
        }
        // Woken, or for no reason: the future is polled, and this errand offered again.
        if !parker.is_woken() && turn.is_closed.load(Ordering::SeqCst) {
            parker.park();
        }
        false
    }
}

impl Errand for Connection {
    fn run(self: Arc<Self>, parker: &Arc<Parker>, kept: Option<u64>) -> Option<u64> {
        if !self.take_turn(parker) {
            return None;
        }
        if kept.is_some() {
            // Nobody looked meanwhile, and to read finds out sooner than to wait.
            self.read();
        }
        let turn = &self.turn;
        while !parker.is_woken() && !turn.is_closed.load(Ordering::SeqCst) {
            match parker.bell.wait_readable(&self.socket, || parker.is_woken()) {
                Ok(true) => self.read(),
                Ok(false) => {}
                Err(error) => {
                    tracing::debug!(%error, "waiting for a child failed");
                    turn.pass_on(&self);
                    return None;
                }
            }
        }
        turn.keep(&self)
    }

    fn let_go(self: Arc<Self>, kept: u64) {
        self.turn.let_go(kept, &self);
    }
}
