//! Spans of time as people write them: `5s`, `250ms`, `1m30s`.

use std::time::Duration;

/// The longest span, a day: what is longer is a slip of the pen.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// Parses a span of time: whole numbers with the unit `ms`, `s`, `m` or `h`, one after the other.
pub(crate) fn parse(text: &str) -> Result<Duration, String> {
    let expected = || format!("expected a span of time such as 5s, 250ms or 1m30s, found `{}`", text.escape_debug());
    let mut rest = text;
    let mut total = Duration::ZERO;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(expected)?;
        let unit_end = rest[digits..].find(|c: char| c.is_ascii_digit()).map_or(rest.len(), |at| digits + at);
        let number: u64 = rest[..digits].parse().map_err(|_| expected())?;
        let milliseconds = match &rest[digits..unit_end] {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            _ => return Err(expected()),
        };
        let span = number.checked_mul(milliseconds).map(Duration::from_millis).ok_or_else(too_long)?;
        total = total.checked_add(span).filter(|total| *total <= LONGEST).ok_or_else(too_long)?;
        rest = &rest[unit_end..];
    }
    if total.is_zero() { Err(expected()) } else { Ok(total) }
}

fn too_long() -> String {
    "the longest span of time is 24h".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_numbers_with_units() {
        for (text, milliseconds) in [
            ("5s", Some(5_000)),
            ("250ms", Some(250)),
            ("1m30s", Some(90_000)),
            ("2h", Some(7_200_000)),
            ("24h", Some(86_400_000)),
            ("", None),
            ("5", None),
            ("0s", None),
            ("s", None),
            ("5 s", None),
            ("-5s", None),
            ("1.5s", None),
            ("5sec", None),
            ("25h", None),
            ("18446744073709551615h", None),
            ("99999999999999999999s", None),
            ("5s\u{fe0f}", None),
            ("٣s", None),
        ] {
            assert_eq!(parse(text).ok(), milliseconds.map(Duration::from_millis), "{text:?}");
        }
    }
}
