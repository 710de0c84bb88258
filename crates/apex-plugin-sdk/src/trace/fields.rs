//! The fields of an event or a span, as JSON and within bounds.

use std::fmt::{self, Write as _};

use serde_json::{Map, Value};
use tracing::field::{Field, Visit};

/// The most fields of one event or span, and the most bytes of text in one of them.
const MAX_FIELDS: usize = 32;
const MAX_TEXT: usize = 4 << 10;

/// The fields of an event or a span.
#[derive(Default)]
pub(crate) struct Fields {
    pub(crate) message: String,
    pub(crate) rest: Map<String, Value>,
}

impl Fields {
    fn put(&mut self, field: &Field, value: Value) {
        match (field.name(), value) {
            ("message", Value::String(message)) => self.message = message,
            (name, value) if self.rest.len() < MAX_FIELDS => {
                self.rest.insert(name.to_owned(), value);
            }
            _ => {}
        }
    }
}

/// Text that takes no more than so much, and does not even make the rest.
struct Bounded(String);

impl fmt::Write for Bounded {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = MAX_TEXT - self.0.len();
        self.0.push_str(&text[..text.floor_char_boundary(room)]);
        // An error ends the formatting.
        if text.len() > room { Err(fmt::Error) } else { Ok(()) }
    }
}

fn bounded(text: fmt::Arguments<'_>) -> Value {
    let mut bounded = Bounded(String::new());
    if bounded.write_fmt(text).is_err() {
        bounded.0.push('…');
    }
    bounded.0.into()
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, bounded(format_args!("{value:?}")));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, bounded(format_args!("{value}")));
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        self.put(field, bounded(format_args!("{value}")));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value.into());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, value.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_text_is_cut_between_characters() {
        let Value::String(cut) = bounded(format_args!("{}", "ä".repeat(MAX_TEXT))) else { panic!("a text") };
        assert_eq!(cut.len(), MAX_TEXT + '…'.len_utf8());
        assert_eq!(bounded(format_args!("{}-{}", 1, 2)), "1-2");
    }
}
