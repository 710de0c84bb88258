//! Levels of log lines.

use std::fmt;

/// How much a log line matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LogLevel {
    /// Something failed.
    Error,
    /// Something is odd and may fail.
    Warn,
    /// Something worth knowing happened.
    Info,
    /// For those who look for a fault.
    Debug,
    /// For those who look very closely.
    Trace,
}

impl LogLevel {
    /// Every level, the gravest first.
    pub const ALL: [Self; 5] = [Self::Error, Self::Warn, Self::Info, Self::Debug, Self::Trace];

    /// The number that crosses the boundary, 1 (error) to 5 (trace).
    pub const fn number(self) -> u8 {
        match self {
            Self::Error => 1,
            Self::Warn => 2,
            Self::Info => 3,
            Self::Debug => 4,
            Self::Trace => 5,
        }
    }

    /// The level of a number that came across; what is out of range counts as the nearest level.
    pub fn from_number(number: u8) -> Self {
        Self::ALL[usize::from(number.clamp(1, 5) - 1)]
    }

    /// The name in lower case.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }
}

impl fmt::Display for LogLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_is_a_level() {
        for level in LogLevel::ALL {
            assert_eq!(LogLevel::from_number(level.number()), level);
        }
        assert_eq!(LogLevel::from_number(0), LogLevel::Error);
        assert_eq!(LogLevel::from_number(u8::MAX), LogLevel::Trace);
    }
}
