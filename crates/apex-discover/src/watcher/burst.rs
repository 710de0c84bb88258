//! What the system tells comes in bursts: it is gathered until a burst is over.

use std::{
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use notify::{
    Event, EventKind,
    event::{AccessKind, AccessMode},
};

use super::{
    changes::Changes,
    places::{Heard, Places},
};

/// Changes come in bursts: so long nothing more must come until somebody looks.
const QUIET: Duration = Duration::from_millis(25);

/// But no burst is waited out for longer than this.
pub(super) const PATIENCE: Duration = Duration::from_millis(250);

/// What was told since somebody looked last, shared with the thread that is told.
#[derive(Default)]
pub(super) struct Shared {
    state: Mutex<State>,
    woken: Condvar,
}

pub(super) struct State {
    pub(super) watched: Places,
    pub(super) changes: Changes,
    /// When the first and the last of them came.
    since: Option<(Instant, Instant)>,
    /// Whether the system said that it cannot tell of everything any more.
    pub(super) is_deaf: bool,
    /// Whether a root was removed: another directory of the same number may stand there by now, which nobody watches.
    pub(super) is_root_gone: bool,
    pub(super) stopped: bool,
}

impl Default for State {
    fn default() -> Self {
        let (watched, changes, since) = (Places::default(), Changes::none(), None);
        Self { watched, changes, since, is_deaf: false, is_root_gone: false, stopped: false }
    }
}

/// What a wait ended with.
pub(super) enum Taken {
    Nothing,
    Changes(Changes),
    Stopped,
}

#[cfg(test)]
impl Taken {
    pub(super) fn is_changes(&self) -> bool {
        matches!(self, Self::Changes(_))
    }
}

impl Shared {
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn set_watched(&self, watched: Places) {
        self.lock().watched = watched;
    }

    pub(super) fn tell(&self, change: impl FnOnce(&mut Changes)) {
        let mut state = self.lock();
        change(&mut state.changes);
        let now = Instant::now();
        let first = state.since.map_or(now, |(first, _)| first);
        state.since = Some((first, now));
        self.woken.notify_all();
    }

    /// Ends every wait.
    pub(super) fn stop(&self) {
        self.lock().stopped = true;
        self.woken.notify_all();
    }

    /// Takes note of what the system tells.
    pub(super) fn hear(&self, event: notify::Result<Event>) {
        match event {
            Ok(event) if event.need_rescan() => self.tell(|changes| *changes = Changes::All),
            Ok(event) if !is_change(&event.kind) => {}
            Ok(event) if event.paths.is_empty() => self.tell(|changes| *changes = Changes::All),
            Ok(event) => {
                let heard: Vec<_> = {
                    let mut state = self.lock();
                    let is_root_gone =
                        event.kind.is_remove() && event.paths.iter().any(|path| state.watched.is_root(path));
                    state.is_root_gone |= is_root_gone;
                    event.paths.iter().map(|path| state.watched.heard_of(path)).collect()
                };
                if heard.iter().all(|heard| *heard == Heard::OfNothing) {
                    return;
                }
                self.tell(|changes| {
                    for heard in heard {
                        match heard {
                            Heard::OfNothing => {}
                            Heard::Of(root, name) => changes.add(root, name),
                            Heard::OfAnything => *changes = Changes::All,
                        }
                    }
                });
            }
            Err(error) => {
                // Such as that a new directory is one more than can be watched.
                tracing::warn!(%error, "the system lost track of the roots; they are polled from now on");
                self.lock().is_deaf = true;
                self.tell(|changes| *changes = Changes::All);
            }
        }
    }

    /// The changes, once there are some and their burst is over; waits until a time at most.
    pub(super) fn take(&self, until: Instant) -> Taken {
        let mut state = self.lock();
        loop {
            if state.stopped {
                return Taken::Stopped;
            }
            let now = Instant::now();
            let ready_at = state.since.map(|(first, last)| (last + QUIET).min(first + PATIENCE));
            if ready_at.is_some_and(|ready_at| now >= ready_at) {
                state.since = None;
                return Taken::Changes(std::mem::replace(&mut state.changes, Changes::none()));
            }
            let wake_at = ready_at.unwrap_or(until);
            if now >= wake_at {
                return Taken::Nothing;
            }
            let waited = self.woken.wait_timeout(state, wake_at - now).unwrap_or_else(PoisonError::into_inner);
            state = waited.0;
        }
    }
}

/// Whether something may be different afterwards: that somebody read is no change.
fn is_change(kind: &EventKind) -> bool {
    match kind {
        EventKind::Access(kind) => *kind == AccessKind::Close(AccessMode::Write),
        _ => true,
    }
}
