//! Follows the roots on a thread of its own, and keeps the catalogue true to them.

use std::{
    io,
    sync::Weak,
    time::{Duration, SystemTime},
};

use apex_discover::{Changes, Stopper, Watcher};

use crate::manager::Inner;

/// How long the thread may sleep without asking whether its manager is still there.
const PERIOD: Duration = Duration::from_secs(1);

/// Follows the roots as long as this is there.
pub(crate) struct RootWatch(Stopper);

impl RootWatch {
    pub(crate) fn start(mut watcher: Watcher, manager: Weak<Inner>) -> io::Result<Self> {
        let stopper = watcher.stopper();
        let follow = move || {
            // What was scanned at the start may have changed since, within one tick of the clock.
            let mut again_at = manager.upgrade().and_then(|manager| manager.look_again_at());
            loop {
                let wait = again_at.map(|at| at.duration_since(SystemTime::now()).unwrap_or_default());
                let Some(changes) = watcher.wait(wait.map_or(PERIOD, |wait| wait.min(PERIOD))) else { return };
                let Some(manager) = manager.upgrade() else { return };
                again_at = look(&manager, changes);
            }
        };
        std::thread::Builder::new().name("apex-watch".to_owned()).spawn(follow)?;
        Ok(Self(stopper))
    }
}

impl Drop for RootWatch {
    fn drop(&mut self) {
        self.0.stop();
    }
}

/// Looks at what changed, and at what was too young to be sure of; says when to look at the latter again.
fn look(manager: &Inner, changes: Changes) -> Option<SystemTime> {
    let changes = manager.with_unsettled(changes);
    if !changes.is_empty()
        && let Err(error) = manager.follow(&changes)
    {
        tracing::error!(error = &error as &dyn std::error::Error, "the roots have changed, but cannot be scanned");
        return Some(SystemTime::now() + PERIOD);
    }
    manager.look_again_at()
}
