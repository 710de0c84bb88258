//! How members are read where serde would take more than the published schema allows.

use std::{fmt, marker::PhantomData, str::FromStr};

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, Error, Unexpected, Visitor},
};
use serde_json::{Map, Value};

/// The types that a parameter can have.
pub(crate) const JSON_TYPES: [&str; 7] = ["string", "number", "integer", "boolean", "array", "object", "null"];

/// A member that may be absent, but is not `null` where it is there.
pub(crate) fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// What a text says, which is read where it stands and not copied first.
pub(crate) fn parsed<'de, D: Deserializer<'de>, T>(deserializer: D) -> Result<T, D::Error>
where
    T: FromStr<Err: fmt::Display>,
{
    struct Text<T>(PhantomData<T>);

    impl<T: FromStr<Err: fmt::Display>> Visitor<'_> for Text<T> {
        type Value = T;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a string")
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
            text.parse().map_err(E::custom)
        }
    }

    deserializer.deserialize_str(Text(PhantomData))
}

pub(crate) fn non_empty<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    if text.is_empty() {
        Err(D::Error::invalid_value(Unexpected::Str(&text), &"a text that is not empty"))
    } else {
        Ok(text)
    }
}

pub(crate) fn json_type<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    if JSON_TYPES.contains(&text.as_str()) { Ok(text) } else { Err(D::Error::unknown_variant(&text, &JSON_TYPES)) }
}

/// A positive integer; to JSON Schema `5.0` is one too.
pub(crate) fn positive<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    struct Positive;

    impl Visitor<'_> for Positive {
        type Value = u64;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an integer of at least 1")
        }

        fn visit_u64<E: Error>(self, number: u64) -> Result<u64, E> {
            if number == 0 { Err(E::invalid_value(Unexpected::Unsigned(0), &self)) } else { Ok(number) }
        }

        fn visit_i64<E: Error>(self, number: i64) -> Result<u64, E> {
            let number = u64::try_from(number).map_err(|_| E::invalid_value(Unexpected::Signed(number), &self))?;
            self.visit_u64(number)
        }

        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to be a small integer")]
        fn visit_f64<E: Error>(self, number: f64) -> Result<u64, E> {
            if number.fract() != 0.0 {
                return Err(E::invalid_type(Unexpected::Float(number), &self));
            }
            if !(1.0..=9_007_199_254_740_991.0).contains(&number) {
                return Err(E::invalid_value(Unexpected::Float(number), &self));
            }
            Ok(number as u64)
        }
    }

    deserializer.deserialize_any(Positive).map(Some)
}

/// A struct from an object, not from an array of its members, which serde's derived code takes as well.
///
/// Binary formats know no such difference, and are read as they are.
pub(crate) fn from_object<'de, D: Deserializer<'de>, T: DeserializeOwned>(deserializer: D) -> Result<T, D::Error> {
    if !deserializer.is_human_readable() {
        return T::deserialize(deserializer);
    }
    let members = Map::<String, Value>::deserialize(deserializer)?;
    T::deserialize(Value::Object(members)).map_err(D::Error::custom)
}
