//! How large a state may be, and how it becomes bytes.

use std::io;

use serde_json::Value;

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
    if is_deeper_than(data, MAX_DEPTH) {
        return Err(StateError::TooDeep { key: Box::new(key.clone()), limit: MAX_DEPTH });
    }
    let mut bounded = Bounded { bytes: Vec::with_capacity(128), seen: 0, limit: limits.max_save_bytes };
    // A value in memory always has a JSON form, and `Bounded` takes every byte: nothing here can fail.
    let written = serde_json::to_writer(&mut bounded, data);
    debug_assert!(written.is_ok(), "a JSON value could not be written as JSON");
    if bounded.seen > limits.max_save_bytes {
        let (bytes, limit) = (bounded.seen, limits.max_save_bytes);
        return Err(StateError::TooLarge { key: Box::new(key.clone()), bytes, limit });
    }
    Ok(bounded.bytes)
}

fn is_deeper_than(value: &Value, levels: usize) -> bool {
    let Some(below) = levels.checked_sub(1) else {
        return matches!(value, Value::Array(_) | Value::Object(_));
    };
    match value {
        Value::Array(items) => items.iter().any(|item| is_deeper_than(item, below)),
        Value::Object(members) => members.values().any(|member| is_deeper_than(member, below)),
        _ => false,
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
        self.seen = self.seen.saturating_add(bytes.len() as u64);
        if self.seen <= self.limit {
            self.bytes.extend_from_slice(bytes);
        }
        Ok(bytes.len())
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
        (0..levels).fold(Value::Null, |inner, _| json!([inner]))
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
        let error = encode(&key(), &nested(MAX_DEPTH + 1), &limits).unwrap_err();
        assert_eq!(error.code(), "StateTooDeep");
    }
}
