//! Counters of calls, kept without locks.

mod histogram;

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use apex_meta::{ErrorKind, PluginId, PluginVersion};

use self::histogram::Counters as LatencyCounters;
use crate::CallError;

pub use self::histogram::Histogram;

/// How often an action was called, with what success, and how long it took.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ActionMetrics {
    /// The plugin.
    pub plugin: PluginId,
    /// Its version.
    pub version: PluginVersion,
    /// The action.
    pub action: String,
    /// Calls that were begun, those under way included.
    pub calls: u64,
    /// Calls that ended in an error, or that their caller gave up.
    pub errors: u64,
    /// The errors, by kind: `Cancelled` and `DeadlineExceeded` are among them.
    pub errors_by_kind: BTreeMap<ErrorKind, u64>,
    /// Calls whose caller gave them up by dropping them.
    pub given_up: u64,
    /// Calls under way.
    pub in_flight: u64,
    /// Progress reports that were given up because the caller did not take them in time.
    pub progress_given_up: u64,
    /// Polls that held their worker longer than [`Limits::slow_poll`](crate::Limits::slow_poll).
    pub slow_polls: u64,
    /// The longest of them, to about half the limit; zero if there was none.
    pub slowest_poll: Duration,
    /// How long calls took, from their first poll to their end.
    pub latency: Histogram,
}

impl ActionMetrics {
    /// How many calls ended in an error of this kind.
    pub fn errors_of(&self, kind: ErrorKind) -> u64 {
        self.errors_by_kind.get(&kind).copied().unwrap_or(0)
    }
}

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    Well,
    Failed(ErrorKind),
    /// Nobody waits for the answer any more.
    GivenUp,
}

impl Ended {
    pub(crate) fn of<T>(result: &Result<T, CallError>) -> Self {
        match result {
            Ok(_) => Self::Well,
            Err(error) => Self::Failed(error.kind()),
        }
    }
}

/// The counters of one action of one instance.
#[derive(Default)]
pub(crate) struct ActionCounters {
    in_flight: AtomicU64,
    latency: LatencyCounters,
    progress_given_up: AtomicU64,
    given_up: AtomicU64,
    slow_polls: AtomicU64,
    slowest_poll: AtomicU64,
    /// In the order of [`ErrorKind::ALL`].
    failed: Failed,
}

struct Failed([AtomicU64; ErrorKind::ALL.len()]);

impl Default for Failed {
    fn default() -> Self {
        Self([const { AtomicU64::new(0) }; ErrorKind::ALL.len()])
    }
}

impl Failed {
    fn count(&self, kind: ErrorKind) {
        if let Some(place) = ErrorKind::ALL.iter().position(|other| *other == kind) {
            self.0[place].fetch_add(1, Ordering::Relaxed);
        }
    }

    fn snapshot(&self) -> BTreeMap<ErrorKind, u64> {
        let counts = self.0.iter().map(|count| count.load(Ordering::Relaxed));
        ErrorKind::ALL.iter().copied().zip(counts).filter(|(_, count)| *count > 0).collect()
    }
}

impl ActionCounters {
    pub(crate) fn begin(&self) {
        // SeqCst pairs with the life cycle's state, see `LifecycleCell::get`.
        self.in_flight.fetch_add(1, Ordering::SeqCst);
    }

    pub(crate) fn refuse(&self) {
        self.in_flight.fetch_sub(1, Ordering::SeqCst);
    }

    pub(crate) fn end(&self, duration: Duration, ended: Ended, progress_given_up: u64) {
        self.latency.count(duration);
        match ended {
            Ended::Well => {}
            Ended::Failed(kind) => self.failed.count(kind),
            Ended::GivenUp => _ = self.given_up.fetch_add(1, Ordering::Relaxed),
        }
        if progress_given_up > 0 {
            self.progress_given_up.fetch_add(progress_given_up, Ordering::Relaxed);
        }
        self.in_flight.fetch_sub(1, Ordering::SeqCst);
    }

    /// Counts a poll that held its worker, when it is first seen and again when it goes on.
    pub(crate) fn slow_poll(&self, duration: Duration, is_first: bool) {
        if is_first {
            self.slow_polls.fetch_add(1, Ordering::Relaxed);
        }
        let nanoseconds = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        self.slowest_poll.fetch_max(nanoseconds, Ordering::Relaxed);
    }

    pub(crate) fn in_flight(&self) -> u64 {
        self.in_flight.load(Ordering::SeqCst)
    }

    pub(crate) fn snapshot(&self, plugin: &PluginId, version: &PluginVersion, action: &str) -> ActionMetrics {
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let (in_flight, latency) = (self.in_flight(), self.latency.snapshot());
        let (errors_by_kind, given_up) = (self.failed.snapshot(), load(&self.given_up));
        ActionMetrics {
            plugin: plugin.clone(),
            version: version.clone(),
            action: action.to_owned(),
            calls: latency.count() + in_flight,
            errors: errors_by_kind.values().sum::<u64>() + given_up,
            errors_by_kind,
            given_up,
            in_flight,
            progress_given_up: load(&self.progress_given_up),
            slow_polls: load(&self.slow_polls),
            slowest_poll: Duration::from_nanos(load(&self.slowest_poll)),
            latency,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::subject::Subject;

    #[test]
    fn ends_are_counted_by_what_they_were() {
        let (counters, subject) = (ActionCounters::default(), Subject::example());
        let ends = [
            Ended::Well,
            Ended::Failed(ErrorKind::Cancelled),
            Ended::Failed(ErrorKind::DeadlineExceeded),
            Ended::Failed(ErrorKind::DeadlineExceeded),
            Ended::GivenUp,
        ];
        for ended in ends {
            counters.begin();
            counters.end(Duration::from_nanos(3), ended, 2);
        }
        counters.begin();
        counters.slow_poll(Duration::from_millis(300), true);
        counters.slow_poll(Duration::from_millis(600), false);
        let metrics = counters.snapshot(&subject.id, &subject.version, "a");
        assert_eq!((metrics.calls, metrics.errors, metrics.in_flight, metrics.given_up), (6, 4, 1, 1));
        assert_eq!(metrics.progress_given_up, 10);
        assert_eq!((metrics.slow_polls, metrics.slowest_poll), (1, Duration::from_millis(600)));
        assert_eq!(metrics.errors_of(ErrorKind::DeadlineExceeded), 2);
        assert_eq!(metrics.errors_of(ErrorKind::Cancelled), 1);
        assert_eq!(metrics.errors_of(ErrorKind::Execution), 0);
        assert_eq!(metrics.latency.count(), 5);
    }
}
