//! Texts that others wrote, made harmless for a terminal.

use std::{borrow::Cow, fmt::Write as _, io};

use serde_json::ser::{CharEscape, Formatter, PrettyFormatter};

/// Whether a character may make a terminal do something else than show it, or make text read otherwise than it is.
///
/// These are the control characters of ASCII and of Latin-1 (U+009B starts an escape sequence as well as ESC does), the
/// marks that reorder text (Unicode Standard Annex 9), line and paragraph separators, and characters without width.
pub(crate) fn is_treacherous(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{00ad}' | '\u{061c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// A text for one line: treacherous characters, and line ends among them, are shown as `\n`, `\x1b` or `\u{202e}`.
pub(crate) fn line(text: &str) -> Cow<'_, str> {
    escape(text, is_treacherous)
}

/// A text for several lines: line feeds and tabs stay as they are.
pub(crate) fn text(text: &str) -> Cow<'_, str> {
    escape(text, |c| is_treacherous(c) && !matches!(c, '\n' | '\t'))
}

fn escape(text: &str, must_escape: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.contains(&must_escape) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        match character {
            _ if !must_escape(character) => escaped.push(character),
            '\n' => escaped.push_str("\\n"),
            '\r' => escaped.push_str("\\r"),
            '\t' => escaped.push_str("\\t"),
            '\0'..='\u{7f}' => push(&mut escaped, format_args!("\\x{:02x}", u32::from(character))),
            _ => push(&mut escaped, format_args!("\\u{{{:x}}}", u32::from(character))),
        }
    }
    Cow::Owned(escaped)
}

fn push(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _ = text.write_fmt(arguments);
}

/// Writes JSON that says the same as serde_json's and shows treacherous characters as `\u001b`.
pub(crate) struct JsonFormatter<'a>(Option<PrettyFormatter<'a>>);

impl JsonFormatter<'_> {
    /// All on one line.
    pub(crate) fn compact() -> Self {
        Self(None)
    }

    /// Indented, for people.
    pub(crate) fn pretty() -> Self {
        Self(Some(PrettyFormatter::new()))
    }
}

/// A method that the pretty formatter does its way, and the compact one the default way.
macro_rules! delegate {
    ($($method:ident($($argument:ident: $type:ty)?) $compact:expr;)*) => {
        $(fn $method<W: ?Sized + io::Write>(&mut self, writer: &mut W $(, $argument: $type)?) -> io::Result<()> {
            match &mut self.0 {
                Some(pretty) => pretty.$method(writer $(, $argument)?),
                None => {
                    let separator: &[u8] = $compact($($argument)?);
                    writer.write_all(separator)
                }
            }
        })*
    };
}

fn comma(first: bool) -> &'static [u8] {
    if first { b"" } else { b"," }
}

impl Formatter for JsonFormatter<'_> {
    delegate! {
        begin_array() || b"[";
        end_array() || b"]";
        begin_array_value(first: bool) comma;
        end_array_value() || b"";
        begin_object() || b"{";
        end_object() || b"}";
        begin_object_key(first: bool) comma;
        begin_object_value() || b":";
        end_object_value() || b"";
    }

    fn write_string_fragment<W: ?Sized + io::Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        let mut written = 0;
        for (at, character) in fragment.char_indices().filter(|(_, c)| is_treacherous(*c)) {
            writer.write_all(&fragment.as_bytes()[written..at])?;
            for unit in character.encode_utf16(&mut [0; 2]) {
                write!(writer, "\\u{unit:04x}")?;
            }
            written = at + character.len_utf8();
        }
        writer.write_all(&fragment.as_bytes()[written..])
    }

    fn write_char_escape<W: ?Sized + io::Write>(&mut self, writer: &mut W, escape: CharEscape) -> io::Result<()> {
        serde_json::ser::CompactFormatter.write_char_escape(writer, escape)
    }
}

#[cfg(test)]
mod tests {
    use serde::Serialize as _;
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn what_steers_a_terminal_is_shown_escaped() {
        for (raw, shown) in [
            ("Greeter", "Greeter"),
            ("\u{1b}[2Jgone", "\\x1b[2Jgone"),
            ("title\u{1b}]0;x\u{7}", "title\\x1b]0;x\\x07"),
            ("\u{9b}31mred", "\\u{9b}31mred"),
            ("two\nlines\r", "two\\nlines\\r"),
            ("abc\u{202e}fed", "abc\\u{202e}fed"),
            ("del\u{7f}", "del\\x7f"),
            ("Grüße, 世界 👋", "Grüße, 世界 👋"),
        ] {
            assert_eq!(line(raw), shown);
        }
        assert_eq!(text("two\n\tlines\u{1b}"), "two\n\tlines\\x1b");
    }

    fn written(value: &Value, formatter: JsonFormatter<'_>) -> String {
        let mut bytes = Vec::new();
        value.serialize(&mut serde_json::Serializer::with_formatter(&mut bytes, formatter)).unwrap();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn json_stays_the_same_value_without_a_treacherous_character() {
        let value =
            json!({"a\u{9b}": ["\u{1b}[2J", "\u{202e}x\u{e0001}\u{7f}", "ü\"\\\n"], "n": 1.5, "e": [], "o": {}});
        let compact = written(&value, JsonFormatter::compact());
        assert!(!compact.contains(is_treacherous), "{compact:?}");
        assert_eq!(serde_json::from_str::<Value>(&compact).unwrap(), value);
        assert_eq!(serde_json::from_str::<Value>(&written(&value, JsonFormatter::pretty())).unwrap(), value);
        let plain = json!({"a": [1, {"b": null}], "c": "x"});
        assert_eq!(written(&plain, JsonFormatter::compact()), plain.to_string());
        assert_eq!(written(&plain, JsonFormatter::pretty()), serde_json::to_string_pretty(&plain).unwrap());
    }
}
