//! Counters of calls, kept without locks.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use apex_meta::{PluginId, PluginVersion};

/// One bucket for each power of two of nanoseconds; the last takes all from about nine minutes on.
const BUCKETS: usize = 40;

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
    /// Calls under way.
    pub in_flight: u64,
    /// Progress reports that were given up because the caller did not take them in time.
    pub progress_given_up: u64,
    /// How long calls took, from their first poll to their end.
    pub latency: Histogram,
}

/// How long calls took, in buckets of powers of two.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Histogram([u64; BUCKETS]);

impl Histogram {
    /// The buckets that are not empty: below which duration (exclusive), and how many.
    pub fn buckets(&self) -> impl Iterator<Item = (Duration, u64)> {
        let counts = self.0.iter().copied().enumerate();
        counts.filter(|(_, count)| *count > 0).map(|(index, count)| (upper_bound(index), count))
    }

    /// How many calls were measured.
    pub fn count(&self) -> u64 {
        self.0.iter().sum()
    }

    /// A duration that this share of calls (0.0 to 1.0) stayed below, to a factor of two; none if there were no calls.
    pub fn quantile(&self, share: f64) -> Option<Duration> {
        let total = self.count();
        // Rounded up: of three calls, half are two.
        let wanted = (share.clamp(0.0, 1.0) * total as f64).ceil() as u64;
        let mut seen = 0;
        self.buckets().find_map(|(bound, count)| {
            seen += count;
            (seen >= wanted).then_some(bound)
        })
    }
}

fn upper_bound(bucket: usize) -> Duration {
    Duration::from_nanos(2 << bucket)
}

/// The counters of one action of one instance.
#[derive(Default)]
pub(crate) struct ActionCounters {
    in_flight: AtomicU64,
    errors: AtomicU64,
    progress_given_up: AtomicU64,
    latency: LatencyCounters,
}

struct LatencyCounters([AtomicU64; BUCKETS]);

impl Default for LatencyCounters {
    fn default() -> Self {
        Self([const { AtomicU64::new(0) }; BUCKETS])
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

    pub(crate) fn end(&self, duration: Duration, is_error: bool, progress_given_up: u64) {
        let nanoseconds = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX).max(1);
        let bucket = (nanoseconds.ilog2() as usize).min(BUCKETS - 1);
        self.latency.0[bucket].fetch_add(1, Ordering::Relaxed);
        if is_error {
            self.errors.fetch_add(1, Ordering::Relaxed);
        }
        if progress_given_up > 0 {
            self.progress_given_up.fetch_add(progress_given_up, Ordering::Relaxed);
        }
        self.in_flight.fetch_sub(1, Ordering::SeqCst);
    }

    pub(crate) fn in_flight(&self) -> u64 {
        self.in_flight.load(Ordering::SeqCst)
    }

    pub(crate) fn snapshot(&self, plugin: &PluginId, version: &PluginVersion, action: &str) -> ActionMetrics {
        let in_flight = self.in_flight();
        let latency = Histogram(std::array::from_fn(|index| self.latency.0[index].load(Ordering::Relaxed)));
        ActionMetrics {
            plugin: plugin.clone(),
            version: version.clone(),
            action: action.to_owned(),
            calls: latency.count() + in_flight,
            errors: self.errors.load(Ordering::Relaxed),
            in_flight,
            progress_given_up: self.progress_given_up.load(Ordering::Relaxed),
            latency,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::subject::Subject;

    #[test]
    fn durations_are_counted_in_powers_of_two() {
        let (counters, subject) = (ActionCounters::default(), Subject::example());
        for nanoseconds in [0, 1, 2, 3, 1000, u64::MAX] {
            counters.begin();
            counters.end(Duration::from_nanos(nanoseconds), nanoseconds == 3, 2);
        }
        counters.begin();
        let metrics = counters.snapshot(&subject.id, &subject.version, "a");
        assert_eq!((metrics.calls, metrics.errors, metrics.in_flight, metrics.progress_given_up), (7, 1, 1, 12));
        let buckets: Vec<_> = metrics.latency.buckets().map(|(bound, count)| (bound.as_nanos(), count)).collect();
        assert_eq!(buckets, [(2, 2), (4, 2), (1024, 1), (2 << 39, 1)]);
        assert_eq!(metrics.latency.quantile(0.5), Some(Duration::from_nanos(4)));
        assert_eq!(ActionCounters::default().snapshot(&subject.id, &subject.version, "a").latency.quantile(0.5), None);
    }
}
