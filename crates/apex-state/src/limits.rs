//! How large a state may be, and how it becomes bytes.

use std::io;

use serde::Serialize as _;
use serde_json::{Value, ser::Formatter};

use crate::{StateError, StateKey};

/// The deepest nesting of a state; the same as in every JSON that apex-plugins takes.
const MAX_DEPTH: usize = 64;

/// How much a plugin may keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StateLimits {
    /// The largest single state, in bytes of JSON.
    pub max_save_bytes: u64,
    /// The most that all states of one plugin may take together, in bytes of JSON with its envelope. Backups and
    /// what was set aside do not count.
    pub quota_bytes: u64,
}

impl Default for StateLimits {
    /// 16 MiB a state, 256 MiB a plugin.
    fn default() -> Self {
        Self { max_save_bytes: 16 << 20, quota_bytes: 256 << 20 }
    }
}

/// The state as compact JSON, if it keeps to the limits.
pub(crate) fn encode(key: &StateKey, data: &Value, limits: &StateLimits) -> Result<Vec<u8>, StateError> {
    let mut bounded = Bounded { bytes: Vec::with_capacity(128), seen: 0, limit: limits.max_save_bytes };
    let mut serializer = serde_json::Serializer::with_formatter(&mut bounded, Flat { depth: 0 });
    // A value in memory always has a JSON form, and `Bounded` takes every byte: only `Flat` ever refuses.
    if data.serialize(&mut serializer).is_err() {
        return Err(StateError::TooDeep { key: Box::new(key.clone()), limit: MAX_DEPTH });
    }
    if bounded.seen > limits.max_save_bytes {
        let (bytes, limit) = (bounded.seen, limits.max_save_bytes);
        return Err(StateError::TooLarge { key: Box::new(key.clone()), bytes, limit });
    }
    Ok(bounded.bytes)
}

/// Writes compact JSON and stops where it nests too deep, without a second walk over the state.
struct Flat {
    depth: usize,
}

impl Flat {
    fn enter(&mut self) -> io::Result<()> {
        self.depth += 1;
        if self.depth > MAX_DEPTH { Err(io::ErrorKind::InvalidData.into()) } else { Ok(()) }
    }
}

impl Formatter for Flat {
    fn begin_array<W: io::Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.enter()?;
        writer.write_all(b"[")
    }

    fn end_array<W: io::Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.depth -= 1;
        writer.write_all(b"]")
    }

    fn begin_object<W: io::Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.enter()?;
        writer.write_all(b"{")
    }

    fn end_object<W: io::Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.depth -= 1;
        writer.write_all(b"}")
    }
}

/// Keeps what fits and counts the rest, so that a huge state costs no memory but is reported with its true size.
struct Bounded {
    bytes: Vec<u8>,
    seen: u64,
    limit: u64,
}

impl io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_all(bytes)?;
        Ok(bytes.len())
    }

    // A state is written in pieces of a few bytes each; what the trait offers goes round in a loop for every one.
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.seen = self.seen.saturating_add(bytes.len() as u64);
        if self.seen <= self.limit {
            self.bytes.extend_from_slice(bytes);
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

    use serde_json::json;

    use super::*;

    fn key() -> StateKey {
        StateKey::new("com.acme.counter".parse().unwrap(), "1.0.0".parse().unwrap())
    }

    fn nested(levels: usize) -> Value {
        (0..levels).fold(Value::Null, |inner, level| match level % 2 {
            0 => Value::Array(vec![inner]),
            _ => Value::Object([("in".to_owned(), inner)].into_iter().collect()),
        })
    }

    #[test]
    fn a_state_of_exactly_the_limit_passes_and_one_byte_more_does_not() {
        let limits = StateLimits { max_save_bytes: 10, ..StateLimits::default() };
        assert_eq!(encode(&key(), &json!("12345678"), &limits).unwrap(), b"\"12345678\"");
        let error = encode(&key(), &json!("123456789"), &limits).unwrap_err();
        assert!(matches!(error, StateError::TooLarge { bytes: 11, limit: 10, .. }), "{error}");
        assert_eq!(error.code(), "StateTooLarge");
    }

    #[test]
    fn a_state_nests_no_deeper_than_readers_follow() {
        let limits = StateLimits::default();
        let bytes = encode(&key(), &nested(MAX_DEPTH), &limits).unwrap();
        assert_eq!(serde_json::from_slice::<Value>(&bytes).unwrap(), nested(MAX_DEPTH));
        for levels in [MAX_DEPTH + 1, 10 * MAX_DEPTH] {
            assert_eq!(encode(&key(), &nested(levels), &limits).unwrap_err().code(), "StateTooDeep");
        }
        let wide = Value::from(vec![nested(MAX_DEPTH - 1); 3]);
        assert!(encode(&key(), &wide, &limits).is_ok());
    }
}
