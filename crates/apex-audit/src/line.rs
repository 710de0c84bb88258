//! One line of the log: written with its seal, and read only if the seal holds.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use apex_meta::{JsonLimits, parse_strict_json};
use serde_json::{Map, Value};

use crate::{Broken, Record};

/// The most bytes of a line, its line feed included.
pub const MAX_LINE_BYTES: usize = 64 << 10;

/// What stands before the seal, and what after it.
const BEFORE_SEAL: &str = ",\"seal\":\"";
const AFTER_SEAL: &str = "\"}\n";
const HEX_BYTES: usize = 64;

/// A line of the log that is sound in itself and follows the one before it.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Line {
    /// Its number, from 1.
    pub seq: u64,
    /// When it happened, to the millisecond.
    pub at: SystemTime,
    /// What happened: `verify`, `load`, `block`, or what a later release writes.
    pub kind: String,
    /// All its members, without `seq`, `at_ms`, `kind`, `prev` and `seal`.
    pub members: Map<String, Value>,
    pub(crate) prev: String,
}

/// The hash by which the next line knows this one.
pub(crate) fn hash_of(line: &[u8]) -> String {
    blake3::hash(line).to_hex().to_string()
}

/// Puts a line together, with its line feed.
pub(crate) fn write(seq: u64, prev: &str, record: &Record) -> Result<Vec<u8>, serde_json::Error> {
    let happening = serde_json::to_string(&record.happening)?;
    let since_epoch = record.at.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_millis();
    let at_ms = since_epoch.min(u128::from(JsonLimits::MAX_NUMBER));
    // An object with a kind in it, so that what follows its brace is never empty.
    let mut line = format!("{{\"seq\":{seq},\"at_ms\":{at_ms},\"prev\":\"{prev}\",{}", &happening[1..]);
    line.pop();
    let seal = hash_of(line.as_bytes());
    line.push_str(BEFORE_SEAL);
    line.push_str(&seal);
    line.push_str(AFTER_SEAL);
    Ok(line.into_bytes())
}

/// Reads a line that ends in a line feed; `number` is where it stands.
pub(crate) fn read(bytes: &[u8], number: u64) -> Result<Line, Broken> {
    let sealed = bytes.len().checked_sub(AFTER_SEAL.len() + HEX_BYTES + BEFORE_SEAL.len());
    let (content, seal) = sealed.map(|at| bytes.split_at(at)).ok_or(Broken::Seal { line: number })?;
    let expected = format!("{BEFORE_SEAL}{}{AFTER_SEAL}", hash_of(content));
    if seal != expected.as_bytes() {
        return Err(Broken::Seal { line: number });
    }
    let malformed = |what: &str| Broken::Malformed { line: number, what: what.to_owned() };
    let text = &bytes[..bytes.len() - 1];
    let value = parse_strict_json(text, JsonLimits::METADATA).map_err(|error| malformed(&error.to_string()))?;
    let Value::Object(mut members) = value else { return Err(malformed("it is not an object")) };
    let mut take = |name: &str| members.remove(name);
    let seq = take("seq").and_then(|value| value.as_u64()).ok_or_else(|| malformed("it has no `seq`"))?;
    let at_ms = take("at_ms").and_then(|value| value.as_u64()).ok_or_else(|| malformed("it has no `at_ms`"))?;
    let mut string = |name: &str| match take(name) {
        Some(Value::String(text)) => Ok(text),
        _ => Err(malformed(&format!("it has no `{name}`"))),
    };
    let (kind, prev, _seal) = (string("kind")?, string("prev")?, string("seal")?);
    Ok(Line { seq, at: UNIX_EPOCH + Duration::from_millis(at_ms), kind, members, prev })
}
