//! Strict JSON: the one reading of a document that is validated, signed and used.
//!
//! RFC 8259 leaves some texts to the reader; this one decides:
//!
//! | text | decision |
//! |---|---|
//! | equal keys in one object, also where one is written with escapes | refused, `DuplicateKey` |
//! | an integer beyond ±(2^53 - 1), which some readers round and others do not | refused, `NumberOutOfRange` |
//! | a number with fraction or exponent, such as `123e45` | read as the nearest float of 64 bits, as readers agree |
//! | one that is too large for a float, such as `1e400` | refused, `NumberOutOfRange` |
//! | one that is too small for a float, such as `1e-400` | read as zero |
//! | half of a surrogate pair, such as `"\ud800"` | refused, `MetadataSyntax` |
//! | bytes that are not UTF-8, overlong forms and encoded surrogates among them | refused, `MetadataSyntax` |
//! | a byte order mark, UTF-16 | refused, `MetadataSyntax` |
//! | nesting and size beyond the limits | refused, `MetadataTooDeep`, `MetadataTooLarge` |
//! | a scalar that stands alone, `\u0000`, noncharacters, U+2028 in a string | read |

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value, map::Entry};

mod error;
mod numbers;
mod position;

#[cfg(test)]
mod tests;

use numbers::Numbers;

pub use error::JsonError;
pub(crate) use error::JsonFault;
#[cfg(all(test, feature = "validate"))]
pub(crate) use position::line_and_column;

/// How much JSON is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JsonLimits {
    /// The longest text, in bytes.
    pub max_bytes: usize,
    /// The deepest nesting of arrays and objects; a scalar has depth 0, `[]` and `{}` have 1. At most 120 counts.
    pub max_depth: usize,
}

impl JsonLimits {
    /// What a `plugin.json` may hold: 1 MiB, 64 levels.
    pub const METADATA: Self = Self { max_bytes: 1 << 20, max_depth: 64 };

    /// The largest magnitude of an integer, 2^53 - 1: beyond it, readers disagree on which one a text means.
    pub const MAX_NUMBER: u64 = (1 << 53) - 1;

    // serde_json itself refuses 128 levels, with a message that says nothing of ours.
    fn depth(self) -> usize {
        self.max_depth.min(120)
    }
}

/// Parses JSON (RFC 8259) and refuses what readers are known to disagree on.
///
/// Refused are: bad UTF-8, a byte order mark, lone surrogates, a key that occurs twice in one object (at any depth, also
/// when one of the two is written with escapes), integers beyond ±(2^53 - 1), numbers that no float of 64 bits holds, and
/// whatever exceeds the limits.
///
/// # Errors
/// The first fault, with its place.
///
/// ```
/// use apex_meta::{JsonLimits, parse_strict_json};
/// let error = parse_strict_json(br#"{"a": {"b": 1, "b": 2}}"#, JsonLimits::METADATA).unwrap_err();
/// assert_eq!((error.code(), error.pointer(), error.line(), error.column()), ("DuplicateKey", "/a/b", 1, 16));
/// ```
pub fn parse_strict_json(bytes: &[u8], limits: JsonLimits) -> Result<Value, JsonError> {
    let text = admit(bytes, limits)?;
    let mut trace = Trace::new(text, limits, false);
    read(text, &mut trace)
}

/// The text, if its size and encoding are in order.
pub(crate) fn admit(bytes: &[u8], limits: JsonLimits) -> Result<&str, JsonError> {
    if bytes.len() > limits.max_bytes {
        return Err(JsonError::at_start(JsonFault::TooLarge { bytes: bytes.len(), limit: limits.max_bytes }));
    }
    if bytes.starts_with(b"\xef\xbb\xbf") {
        return Err(JsonError::at_start(JsonFault::ByteOrderMark));
    }
    std::str::from_utf8(bytes).map_err(|error| JsonError::bad_utf8(bytes, error.valid_up_to()))
}

/// What a pass yields that does not stop at the first fault.
#[cfg(feature = "validate")]
pub(crate) struct LenientReading {
    /// The value, with the last of equal keys; or the fault that no reader can pass over.
    pub(crate) value: Result<Value, JsonError>,
    /// Duplicate keys and numbers out of range, with their pointers.
    pub(crate) passed_over: Vec<(JsonFault, String)>,
}

/// Reads on after duplicate keys and numbers out of range, so that whatever else is wrong is seen as well.
#[cfg(feature = "validate")]
pub(crate) fn read_leniently(text: &str, limits: JsonLimits) -> LenientReading {
    let mut trace = Trace::new(text, limits, true);
    let value = read(text, &mut trace);
    let passed_over = trace.passed_over.into_iter().map(|(fault, path)| (fault, pointer(&path))).collect();
    LenientReading { value, passed_over }
}

fn read(text: &str, trace: &mut Trace<'_>) -> Result<Value, JsonError> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let result = Strict { depth: 0, trace }.deserialize(&mut deserializer);
    match result.and_then(|value| deserializer.end().map(|()| value)) {
        Ok(value) => Ok(value),
        Err(error) => Err(JsonError::locate(text, &error, trace.fault.take(), pointer(&trace.path))),
    }
}

/// Whether a value that was not read from text keeps to the limits on depth and numbers.
pub(crate) fn admit_value(value: &Value, limits: JsonLimits) -> Result<(), JsonError> {
    fn walk(value: &Value, depth: usize, trace: &mut Trace<'_>) -> Result<(), JsonFault> {
        match value {
            Value::Number(number) if !in_range(number) => Err(JsonFault::NumberOutOfRange),
            Value::Array(_) | Value::Object(_) if depth >= trace.max_depth => {
                Err(JsonFault::TooDeep { limit: trace.max_depth })
            }
            Value::Array(items) => items.iter().enumerate().try_for_each(|(index, item)| {
                walk(item, depth + 1, trace).inspect_err(|_| trace.path.push(Segment::Index(index)))
            }),
            Value::Object(members) => members.iter().try_for_each(|(key, member)| {
                walk(member, depth + 1, trace).inspect_err(|_| trace.path.push(Segment::Key(key.clone())))
            }),
            _ => Ok(()),
        }
    }
    let mut trace = Trace::new("", limits, false);
    walk(value, 0, &mut trace).map_err(|fault| JsonError::in_value(fault, pointer(&trace.path)))
}

/// Floats have no bound: they are what every reader makes of their text.
fn in_range(number: &Number) -> bool {
    let magnitude = number.as_u64().or_else(|| number.as_i64().map(i64::unsigned_abs));
    magnitude.is_none_or(|magnitude| magnitude <= JsonLimits::MAX_NUMBER)
}

enum Segment {
    Key(String),
    Index(usize),
}

/// The JSON pointer (RFC 6901) of a path that is given from the innermost segment outwards.
fn pointer(path: &[Segment]) -> String {
    let mut pointer = String::new();
    for segment in path.iter().rev() {
        match segment {
            Segment::Key(key) => push_key(&mut pointer, key),
            Segment::Index(index) => push_key(&mut pointer, &index.to_string()),
        }
    }
    pointer
}

/// Appends a member's name to a JSON pointer (RFC 6901).
pub(crate) fn push_key(pointer: &mut String, key: &str) {
    pointer.push('/');
    if !key.contains(['~', '/']) {
        pointer.push_str(key);
        return;
    }
    for character in key.chars() {
        match character {
            '~' => pointer.push_str("~0"),
            '/' => pointer.push_str("~1"),
            other => pointer.push(other),
        }
    }
}

/// What the pass learns on its way: paths are only written while a fault travels up, so that good input pays nothing.
struct Trace<'a> {
    max_depth: usize,
    lenient: bool,
    /// The fault that stopped the pass, if it is one of ours, and its path from the innermost segment outwards.
    fault: Option<JsonFault>,
    path: Vec<Segment>,
    passed_over: Vec<(JsonFault, Vec<Segment>)>,
    numbers: Numbers<'a>,
}

impl<'a> Trace<'a> {
    fn new(text: &'a str, limits: JsonLimits, lenient: bool) -> Self {
        let (max_depth, numbers) = (limits.depth(), Numbers::of(text));
        Self { max_depth, lenient, fault: None, path: Vec::new(), passed_over: Vec::new(), numbers }
    }

    fn stop<E: serde::de::Error>(&mut self, fault: JsonFault) -> E {
        self.fault = Some(fault);
        E::custom("refused")
    }

    /// Passes over a fault if the pass is lenient, and stops otherwise.
    fn fault<E: serde::de::Error>(&mut self, fault: JsonFault, path: Vec<Segment>) -> Result<(), E> {
        if self.lenient {
            self.passed_over.push((fault, path));
            return Ok(());
        }
        self.path.extend(path);
        Err(self.stop(fault))
    }

    /// Adds a segment to the paths of what a child's reading brought up.
    fn leave<T, E>(&mut self, child: &Result<T, E>, known: usize, segment: impl Fn() -> Segment) {
        for (_, path) in &mut self.passed_over[known..] {
            path.push(segment());
        }
        if child.is_err() {
            self.path.push(segment());
        }
    }
}

/// 2^63: the least magnitude of an integer that serde_json reads as a float, as it does with what 64 bits cannot hold.
const LEAST_BEYOND_64_BITS: f64 = 9_223_372_036_854_775_808.0;

struct Strict<'a, 't> {
    depth: usize,
    trace: &'a mut Trace<'t>,
}

impl<'t> Strict<'_, 't> {
    fn child(&mut self) -> Strict<'_, 't> {
        Strict { depth: self.depth + 1, trace: self.trace }
    }

    fn enter<E: serde::de::Error>(&mut self) -> Result<(), E> {
        if self.depth >= self.trace.max_depth {
            return Err(self.trace.stop(JsonFault::TooDeep { limit: self.trace.max_depth }));
        }
        Ok(())
    }

    fn integer<E: serde::de::Error>(self, number: Number) -> Result<Value, E> {
        self.trace.numbers.meet();
        if !in_range(&number) {
            self.trace.fault(JsonFault::NumberOutOfRange, Vec::new())?;
        }
        Ok(Value::Number(number))
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_, '_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_, '_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<Value, E> {
        self.integer(value.into())
    }

    fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<Value, E> {
        self.integer(value.into())
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        self.trace.numbers.meet();
        if value.abs() >= LEAST_BEYOND_64_BITS && self.trace.numbers.last_is_integer() {
            self.trace.fault(JsonFault::NumberOutOfRange, Vec::new())?;
        }
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("number out of range"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut items: A) -> Result<Value, A::Error> {
        self.enter()?;
        let mut array = Vec::new();
        loop {
            let known = self.trace.passed_over.len();
            let item = items.next_element_seed(self.child());
            self.trace.leave(&item, known, || Segment::Index(array.len()));
            match item? {
                Some(item) => array.push(item),
                None => return Ok(Value::Array(array)),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut members: A) -> Result<Value, A::Error> {
        self.enter()?;
        let mut object = Map::new();
        while let Some(key) = members.next_key::<String>()? {
            let entry = object.entry(key);
            if let Entry::Occupied(first) = &entry {
                let key = first.key();
                self.trace.fault(JsonFault::DuplicateKey { key: key.clone() }, vec![Segment::Key(key.clone())])?;
            }
            let known = self.trace.passed_over.len();
            let value = members.next_value_seed(self.child());
            self.trace.leave(&value, known, || Segment::Key(entry.key().clone()));
            match entry {
                Entry::Vacant(vacant) => _ = vacant.insert(value?),
                Entry::Occupied(mut first) => _ = first.insert(value?),
            }
        }
        Ok(Value::Object(object))
    }
}
