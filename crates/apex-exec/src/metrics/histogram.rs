//! How long calls took.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

/// One bucket for each power of two of nanoseconds; the last takes all from about nine minutes on.
const BUCKETS: usize = 40;

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

/// A histogram that grows.
pub(crate) struct Counters([AtomicU64; BUCKETS]);

impl Default for Counters {
    fn default() -> Self {
        Self([const { AtomicU64::new(0) }; BUCKETS])
    }
}

impl Counters {
    pub(crate) fn count(&self, duration: Duration) {
        let nanoseconds = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX).max(1);
        let bucket = (nanoseconds.ilog2() as usize).min(BUCKETS - 1);
        self.0[bucket].fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn snapshot(&self) -> Histogram {
        Histogram(std::array::from_fn(|index| self.0[index].load(Ordering::Relaxed)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_counted_in_powers_of_two() {
        let counters = Counters::default();
        for nanoseconds in [0, 1, 2, 3, 1000, u64::MAX] {
            counters.count(Duration::from_nanos(nanoseconds));
        }
        let histogram = counters.snapshot();
        let buckets: Vec<_> = histogram.buckets().map(|(bound, count)| (bound.as_nanos(), count)).collect();
        assert_eq!(buckets, [(2, 2), (4, 2), (1024, 1), (2 << 39, 1)]);
        assert_eq!(histogram.quantile(0.5), Some(Duration::from_nanos(4)));
        assert_eq!(Counters::default().snapshot().quantile(0.5), None);
    }
}
