//! How often a plugin's process may die.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use crate::Limits;

/// What is remembered of a plugin's crashes.
pub(super) struct Supervision {
    /// Those within the window, oldest first.
    crashes: VecDeque<Instant>,
    allowed: usize,
    window: Duration,
    pause: Duration,
    longest_pause: Duration,
}

impl Supervision {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            crashes: VecDeque::new(),
            allowed: limits.crashes_allowed,
            window: limits.crash_window,
            pause: limits.restart_pause,
            longest_pause: limits.restart_pause_max,
        }
    }

    /// Counts a crash; gives how many there were, if those were too many.
    pub(super) fn crashed(&mut self, now: Instant) -> Option<usize> {
        self.forget(now);
        self.crashes.push_back(now);
        (self.crashes.len() > self.allowed).then_some(self.crashes.len())
    }

    /// How long the next start has to wait: not at all after one crash, then twice as long each time.
    pub(super) fn pause(&mut self, now: Instant) -> Duration {
        self.forget(now);
        let Some(last) = self.crashes.back() else { return Duration::ZERO };
        let doublings = u32::try_from(self.crashes.len()).unwrap_or(u32::MAX).saturating_sub(2);
        let pause = match self.crashes.len() {
            1 => Duration::ZERO,
            _ => self.pause.saturating_mul(2_u32.saturating_pow(doublings)).min(self.longest_pause),
        };
        pause.saturating_sub(now.saturating_duration_since(*last))
    }

    fn forget(&mut self, now: Instant) {
        while self.crashes.front().is_some_and(|first| now.saturating_duration_since(*first) > self.window) {
            self.crashes.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn supervision() -> Supervision {
        Supervision::new(&Limits {
            crashes_allowed: 4,
            crash_window: Duration::from_secs(60),
            restart_pause: Duration::from_millis(100),
            restart_pause_max: Duration::from_millis(300),
            ..Limits::default()
        })
    }

    #[test]
    fn pauses_double_up_to_the_longest() {
        let (start, mut supervision) = (Instant::now(), supervision());
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
        let (start, mut supervision) = (Instant::now(), supervision());
        for minute in 0..100 {
            assert_eq!(supervision.crashed(start + Duration::from_secs(61 * minute)), None, "{minute}");
        }
        let last = start + Duration::from_secs(61 * 99);
        assert_eq!((1..=4).map(|_| supervision.crashed(last)).collect::<Vec<_>>(), [None, None, None, Some(5)]);
    }
}
