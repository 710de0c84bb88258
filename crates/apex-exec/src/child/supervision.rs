//! How often a plugin's process may die.

use std::time::{Duration, Instant};

use crate::{CrashHistory, Limits};

/// Judges a plugin's crashes.
pub(super) struct Supervision {
    pub(super) crashes: CrashHistory,
    allowed: usize,
    window: Duration,
    pause: Duration,
    longest_pause: Duration,
}

impl Supervision {
    pub(super) fn new(crashes: CrashHistory, limits: &Limits) -> Self {
        Self {
            crashes,
            allowed: limits.crashes_allowed,
            window: limits.crash_window,
            pause: limits.restart_pause,
            longest_pause: limits.restart_pause_max,
        }
    }

    /// Counts a crash; gives how many there were, if those were too many.
    pub(super) fn crashed(&self, now: Instant) -> Option<usize> {
        let (crashes, _) = self.crashes.within(self.window, now, true);
        (crashes > self.allowed).then_some(crashes)
    }

    /// How long the next start has to wait: not at all after one crash, then twice as long each time.
    pub(super) fn pause(&self, now: Instant) -> Duration {
        let (crashes, Some(last)) = self.crashes.within(self.window, now, false) else { return Duration::ZERO };
        let doublings = u32::try_from(crashes).unwrap_or(u32::MAX).saturating_sub(2);
        let pause = match crashes {
            1 => Duration::ZERO,
            _ => self.pause.saturating_mul(2_u32.saturating_pow(doublings)).min(self.longest_pause),
        };
        pause.saturating_sub(now.saturating_duration_since(last))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn supervision() -> Supervision {
        let limits = Limits {
            crashes_allowed: 4,
            crash_window: Duration::from_secs(60),
            restart_pause: Duration::from_millis(100),
            restart_pause_max: Duration::from_millis(300),
            ..Limits::default()
        };
        Supervision::new(CrashHistory::default(), &limits)
    }

    #[test]
    fn pauses_double_up_to_the_longest() {
        let (start, supervision) = (Instant::now(), supervision());
        let mut pauses = vec![supervision.pause(start)];
        for _ in 0..4 {
            assert_eq!(supervision.crashed(start), None);
            pauses.push(supervision.pause(start));
        }
        let expected = [0, 0, 100, 200, 300].map(Duration::from_millis);
        assert_eq!(pauses, expected);
        assert_eq!(supervision.pause(start + Duration::from_millis(120)), Duration::from_millis(180));
    }

    #[test]
    fn only_crashes_within_the_window_count() {
        let (start, supervision) = (Instant::now(), supervision());
        for minute in 0..100 {
            assert_eq!(supervision.crashed(start + Duration::from_secs(61 * minute)), None, "{minute}");
        }
        let last = start + Duration::from_secs(61 * 99);
        assert_eq!((1..=4).map(|_| supervision.crashed(last)).collect::<Vec<_>>(), [None, None, None, Some(5)]);
    }
}
