//! Points in time as the trust store writes them.

use std::{
    fmt,
    str::FromStr,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// A second in UTC between 1970 and 9999, written `2026-11-22T08:30:00Z` (RFC 3339 with neither offset nor fraction).
///
/// ```
/// use apex_trust::Timestamp;
/// let leap_day: Timestamp = "2024-02-29T12:00:00Z".parse().unwrap();
/// assert_eq!(leap_day.to_string(), "2024-02-29T12:00:00Z");
/// assert!("2023-02-29T12:00:00Z".parse::<Timestamp>().is_err());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp {
    /// Since the epoch.
    seconds: u64,
}

const SECONDS_PER_DAY: u64 = 86_400;

impl Timestamp {
    /// The first second of the year 10000 cannot be written in four digits.
    const END: u64 = 253_402_300_800;

    /// The second that a system time lies in; what lies outside the range moves to its nearer end.
    pub fn from_system_time(time: SystemTime) -> Self {
        let seconds = time.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs();
        Self { seconds: seconds.min(Self::END - 1) }
    }

    /// The start of the second as a system time.
    pub fn to_system_time(self) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(self.seconds)
    }
}

/// Days since 1970-01-01 of a date in the proleptic Gregorian calendar, by counting years from March on.
fn days_from_date(year: u64, month: u64, day: u64) -> u64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let (era, year_of_era) = (year / 400, year % 400);
    let day_of_year = (153 * month + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// The inverse of [`days_from_date`].
fn date_from_days(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let (month, carry) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    (era * 400 + year_of_era + carry, month, day)
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = date_from_days(self.seconds / SECONDS_PER_DAY);
        let second = self.seconds % SECONDS_PER_DAY;
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
    }
}

impl FromStr for Timestamp {
    type Err = InvalidTimestamp;

    fn from_str(text: &str) -> Result<Self, InvalidTimestamp> {
        parse(text).ok_or_else(|| InvalidTimestamp { text: text.chars().take(80).collect() })
    }
}

fn parse(text: &str) -> Option<Timestamp> {
    let number = |from: usize, to: usize| -> Option<u64> {
        let digits = text.get(from..to)?;
        digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
    };
    if text.len() != 20 {
        return None;
    }
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    if year < 1970 || !(1..=12).contains(&month) || !(1..=31).contains(&day) || hour > 23 || minute > 59 || second > 59
    {
        return None;
    }
    let seconds = days_from_date(year, month, day) * SECONDS_PER_DAY + hour * 3600 + minute * 60 + second;
    let timestamp = Timestamp { seconds };
    // Written again it must be the same text: this settles punctuation and the lengths of months.
    (timestamp.to_string() == text).then_some(timestamp)
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// A text that is not a [`Timestamp`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is not a time such as 2026-11-22T08:30:00Z", text.escape_debug())]
pub struct InvalidTimestamp {
    /// The text, cut after 80 characters.
    pub text: String,
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn known_times_are_read_and_written() {
        for (text, seconds) in [
            ("1970-01-01T00:00:00Z", 0),
            ("2000-02-29T23:59:59Z", 951_868_799),
            ("2000-03-01T00:00:00Z", 951_868_800),
            ("2026-11-22T08:30:00Z", 1_795_336_200),
            ("9999-12-31T23:59:59Z", Timestamp::END - 1),
        ] {
            assert_eq!(text.parse::<Timestamp>().unwrap(), Timestamp { seconds }, "{text}");
            assert_eq!(Timestamp { seconds }.to_string(), text);
        }
    }

    #[test]
    fn other_forms_and_impossible_dates_are_refused() {
        for text in [
            "",
            "2026-11-22",
            "2026-11-22T08:30:00",
            "2026-11-22T08:30:00+01:00",
            "2026-11-22t08:30:00z",
            "2026-11-22 08:30:00Z",
            "2026-02-30T00:00:00Z",
            "2025-02-29T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-00-01T00:00:00Z",
            "2026-01-01T24:00:00Z",
            "2026-01-01T00:00:60Z",
            "1969-12-31T23:59:59Z",
            "+026-01-01T00:00:00Z",
            "２-01-01T00:00:00Z00",
        ] {
            assert!(text.parse::<Timestamp>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_second_survives_a_round_trip(seconds in 0..Timestamp::END) {
            let timestamp = Timestamp { seconds };
            prop_assert_eq!(timestamp.to_string().parse::<Timestamp>().unwrap(), timestamp);
            prop_assert_eq!(Timestamp::from_system_time(timestamp.to_system_time()), timestamp);
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in "\\PC{0,24}") {
            let _ = text.parse::<Timestamp>();
        }
    }
}
