//! What a child prints, as lines of its plugin's log, bounded in length and rate.

use std::{
    io,
    os::fd::OwnedFd,
    time::{Duration, Instant},
};

use apex_abi::LogLevel;

use crate::services::Desk;

/// The most bytes of one line; what is longer becomes several.
const MAX_LINE: usize = 8 << 10;

/// How many bytes may come at once, and how many a second in the long run; what comes faster is a flood.
const BURST: usize = 4 << 20;
const PER_SECOND: usize = 1 << 20;

/// One of a child's two outputs.
pub(super) struct Output {
    pub(super) descriptor: OwnedFd,
    name: &'static str,
    level: LogLevel,
    line: Vec<u8>,
    budget: Budget,
    /// Whether it printed what Rust's standard library prints when there is no more memory.
    pub(super) told_of_no_memory: bool,
}

/// What reading an output came to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Printed {
    /// There may be more later.
    Waiting,
    /// There is no more.
    Closed,
    /// More came than is allowed.
    Flooded,
}

impl Output {
    pub(super) fn stdout(descriptor: OwnedFd) -> Self {
        Self::new(descriptor, "stdout", LogLevel::Info)
    }

    pub(super) fn stderr(descriptor: OwnedFd) -> Self {
        Self::new(descriptor, "stderr", LogLevel::Warn)
    }

    fn new(descriptor: OwnedFd, name: &'static str, level: LogLevel) -> Self {
        Self {
            descriptor,
            name,
            level,
            line: Vec::new(),
            budget: Budget::new(Instant::now()),
            told_of_no_memory: false,
        }
    }

    /// Reads what there is and logs it, line by line.
    pub(super) fn read(&mut self, desk: &Desk) -> Printed {
        let mut buffer = [0_u8; 16 << 10];
        loop {
            let read = match rustix::io::read(&self.descriptor, &mut buffer) {
                Ok(0) => 0,
                Ok(read) => read,
                Err(rustix::io::Errno::AGAIN) => return Printed::Waiting,
                Err(rustix::io::Errno::INTR) => continue,
                Err(error) => {
                    tracing::debug!(plugin = %desk.subject.id, error = %io::Error::from(error), "cannot read its output");
                    0
                }
            };
            if read == 0 {
                self.flush(desk);
                return Printed::Closed;
            }
            if !self.budget.take(read, Instant::now()) {
                return Printed::Flooded;
            }
            self.split(&buffer[..read], desk);
        }
    }

    fn split(&mut self, mut bytes: &[u8], desk: &Desk) {
        while !bytes.is_empty() {
            let room = MAX_LINE - self.line.len();
            let (taken, is_whole) = match bytes.iter().take(room + 1).position(|byte| *byte == b'\n') {
                Some(end) => (end, true),
                None => (bytes.len().min(room), false),
            };
            self.line.extend_from_slice(&bytes[..taken]);
            bytes = &bytes[taken + usize::from(is_whole)..];
            if is_whole || self.line.len() == MAX_LINE {
                self.flush(desk);
            }
        }
    }

    fn flush(&mut self, desk: &Desk) {
        let text = String::from_utf8_lossy(&self.line);
        let text = text.trim_end();
        self.told_of_no_memory |= text.starts_with("memory allocation of ");
        if !text.is_empty() {
            desk.log(None, self.level.number(), self.name, text, &[]);
        }
        self.line.clear();
    }
}

/// A bucket of bytes that fills up again.
struct Budget {
    left: usize,
    since: Instant,
}

impl Budget {
    fn new(now: Instant) -> Self {
        Self { left: BURST, since: now }
    }

    fn take(&mut self, bytes: usize, now: Instant) -> bool {
        let passed = now.saturating_duration_since(self.since).min(Duration::from_secs(60));
        let refill = (passed.as_secs_f64() * PER_SECOND as f64) as usize;
        if refill > 0 {
            self.left = (self.left + refill).min(BURST);
            self.since = now;
        }
        match self.left.checked_sub(bytes) {
            Some(left) => {
                self.left = left;
                true
            }
            None => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_noticed_and_a_trickle_is_not() {
        let start = Instant::now();
        let mut budget = Budget::new(start);
        assert!(budget.take(BURST, start));
        assert!(!budget.take(1, start));
        assert!(budget.take(PER_SECOND, start + Duration::from_secs(1)));
        for second in 2..100 {
            assert!(budget.take(PER_SECOND, start + Duration::from_secs(second)), "{second}");
        }
    }
}
