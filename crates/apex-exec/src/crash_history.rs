//! What is remembered of a plugin's crashes, beyond the instance that saw them.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use crate::CallError;

/// What is remembered of the crashes of one plugin's processes; clones share it.
///
/// Whoever starts a plugin again gives the new instance the history of the earlier one, so that a plugin that crashes
/// while it is being started comes into quarantine too.
#[derive(Debug, Clone, Default)]
pub struct CrashHistory(Arc<Mutex<Crashes>>);

#[derive(Debug, Default)]
struct Crashes {
    /// Those within the window, oldest first.
    recent: VecDeque<Instant>,
    quarantine: Option<CallError>,
}

impl CrashHistory {
    /// Whether there were too many crashes, so that no process is started any more.
    pub fn is_quarantined(&self) -> bool {
        self.lock().quarantine.is_some()
    }

    /// Forgets all crashes, so that a process may be started again; says whether there was a quarantine.
    pub fn lift(&self) -> bool {
        let mut crashes = self.lock();
        crashes.recent.clear();
        crashes.quarantine.take().is_some()
    }

    /// What a call ends in, if there were too many crashes.
    #[cfg(target_os = "linux")]
    pub(crate) fn quarantine(&self) -> Option<CallError> {
        self.lock().quarantine.clone()
    }

    /// Starts no process any more; says whether that is news.
    #[cfg(target_os = "linux")]
    pub(crate) fn begin_quarantine(&self, error: CallError) -> bool {
        let mut crashes = self.lock();
        let is_news = crashes.quarantine.is_none();
        crashes.quarantine.get_or_insert(error);
        is_news
    }

    /// Adds a crash, if there was one now; gives how many there were within the window, and when the last was.
    #[cfg(target_os = "linux")]
    pub(crate) fn within(&self, window: Duration, now: Instant, has_crashed: bool) -> (usize, Option<Instant>) {
        let mut crashes = self.lock();
        let recent = &mut crashes.recent;
        while recent.front().is_some_and(|first| now.saturating_duration_since(*first) > window) {
            recent.pop_front();
        }
        recent.extend(has_crashed.then_some(now));
        (recent.len(), recent.back().copied())
    }

    fn lock(&self) -> MutexGuard<'_, Crashes> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
