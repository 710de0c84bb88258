//! How much of a plugin's log gets through: so many lines a second, and the first that does not is told of.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Instant,
};

/// Who had no line left out for so many seconds is told of again when one is.
const QUIET_SECONDS: u64 = 60;

/// Lets so many lines a second through.
pub(crate) struct Gate {
    per_second: u64,
    since: Instant,
    /// The present second above, the lines in it below.
    window: AtomicU64,
    left_out: AtomicU64,
    /// The second after the one in which a line was left out last; 0 for never.
    last_left_out: AtomicU64,
}

/// What becomes of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Admission {
    Passes,
    /// It is left out, the first for a while.
    FirstLeftOut,
    LeftOut,
}

impl Gate {
    pub(crate) fn new(per_second: u32) -> Self {
        Self {
            per_second: per_second.into(),
            since: Instant::now(),
            window: AtomicU64::new(0),
            left_out: AtomicU64::new(0),
            last_left_out: AtomicU64::new(0),
        }
    }

    pub(crate) fn admit(&self) -> Admission {
        self.admit_at(self.since.elapsed().as_secs())
    }

    fn admit_at(&self, second: u64) -> Admission {
        // The count stops at the limit, so that no flood can carry over into the seconds.
        let take = |window: u64| match (window >> 32, window & u64::from(u32::MAX)) {
            (then, lines) if then == second => (lines < self.per_second).then_some(window + 1),
            _ => (self.per_second > 0).then_some(second << 32 | 1),
        };
        if self.window.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok() {
            return Admission::Passes;
        }
        self.left_out.fetch_add(1, Ordering::Relaxed);
        match self.last_left_out.swap(second + 1, Ordering::Relaxed) {
            0 => Admission::FirstLeftOut,
            last if second + 1 >= last + QUIET_SECONDS => Admission::FirstLeftOut,
            _ => Admission::LeftOut,
        }
    }

    /// How many lines were left out.
    pub(crate) fn left_out(&self) -> u64 {
        self.left_out.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_counted_and_told_of_once_until_it_was_quiet_for_a_while() {
        use Admission::{FirstLeftOut, LeftOut, Passes};
        let gate = Gate::new(2);
        let at = |second, expected: &[Admission]| {
            for (line, expected) in expected.iter().enumerate() {
                assert_eq!(gate.admit_at(second), *expected, "line {line} of second {second}");
            }
        };
        at(0, &[Passes, Passes, FirstLeftOut, LeftOut]);
        at(1, &[Passes, Passes, LeftOut]);
        at(50, &[Passes, Passes, LeftOut]);
        at(500, &[Passes, Passes, FirstLeftOut, LeftOut]);
        assert_eq!(gate.left_out(), 6);
    }

    #[test]
    fn a_limit_of_none_lets_nothing_through() {
        let gate = Gate::new(0);
        assert_eq!(gate.admit_at(0), Admission::FirstLeftOut);
        assert_eq!(gate.admit_at(1), Admission::LeftOut);
    }
}
