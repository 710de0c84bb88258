//! Places in the text: looked up only once there is something to point at.

use std::ops::Range;

use jsonc_parser::{
    CollectOptions, ParseOptions,
    ast::{ObjectProp, Value},
    common::Ranged,
    parse_to_ast,
};

use crate::{
    Fault,
    finding::{Finding, Mark},
};

/// A text with the ranges of its parts.
pub(super) struct Spans<'a> {
    text: &'a str,
    tree: Option<Value<'a>>,
}

impl<'a> Spans<'a> {
    /// Takes text that serde has read; should the other parser disagree, all places become the start.
    pub(super) fn of(bytes: &'a [u8]) -> Self {
        let text = std::str::from_utf8(bytes).unwrap_or_default();
        let options = ParseOptions {
            allow_comments: false,
            allow_loose_object_property_names: false,
            allow_trailing_commas: false,
            allow_missing_commas: false,
            allow_single_quoted_strings: false,
            allow_hexadecimal_numbers: false,
            allow_unary_plus_numbers: false,
            allow_bare_decimal_point_numbers: false,
            allow_non_finite_numbers: false,
            allow_extended_string_escapes: false,
        };
        let tree = parse_to_ast(text, &CollectOptions::default(), &options).ok().and_then(|result| result.value);
        Self { text, tree }
    }

    /// The faults in the order of the text.
    pub(super) fn place(&self, findings: impl Iterator<Item = Finding>) -> Vec<Fault> {
        let mut placed: Vec<_> =
            findings.map(|finding| (self.range(&finding.pointer, finding.mark), finding)).collect();
        placed.sort_by_key(|(range, _)| range.start);
        let mut cursor = Cursor { text: self.text, offset: 0, line: 1, column: 1 };
        placed.into_iter().map(|(range, finding)| cursor.fault(range, finding)).collect()
    }

    fn range(&self, pointer: &str, mark: Mark) -> Range<usize> {
        let Some(root) = &self.tree else { return 0..0 };
        let mut place = Place { value: root, key: None };
        let segments = pointer.split('/').skip(1).map(|segment| segment.replace("~1", "/").replace("~0", "~"));
        let mut left = segments.clone().count();
        for segment in segments {
            left -= 1;
            let repetition = match mark {
                Mark::Repetition(number) if left == 0 => Some(number),
                _ => None,
            };
            match place.below(&segment, repetition) {
                Some(next) => place = next,
                None => break,
            }
        }
        place.range(mark, self.text)
    }
}

struct Place<'a, 'b> {
    value: &'b Value<'a>,
    key: Option<&'b ObjectProp<'a>>,
}

impl<'a, 'b> Place<'a, 'b> {
    /// The part under a key or an index; of equal keys the last, as in the value, or the one that repeats the first.
    fn below(&self, segment: &str, repetition: Option<usize>) -> Option<Self> {
        match self.value {
            Value::Object(object) => {
                let mut named = object.properties.iter().filter(|property| property.name.as_str() == segment);
                let property = match repetition {
                    Some(number) => named.nth(number),
                    None => named.next_back(),
                }?;
                Some(Self { value: &property.value, key: Some(property) })
            }
            Value::Array(array) => Some(Self { value: array.elements.get(segment.parse::<usize>().ok()?)?, key: None }),
            _ => None,
        }
    }

    fn range(&self, mark: Mark, text: &str) -> Range<usize> {
        let range = self.value.range();
        match (mark, self.value, self.key) {
            (Mark::Key | Mark::Repetition(_), _, Some(property)) => {
                let range = property.name.range();
                range.start..range.end
            }
            // A string without escapes stands in the file as it is.
            (Mark::Character(offset), Value::StringLit(literal), _)
                if literal.value.len() + 2 == range.end - range.start =>
            {
                let start = range.start + 1 + offset;
                start..start + text.get(start..).and_then(|rest| rest.chars().next()).map_or(1, char::len_utf8)
            }
            // Where something is missing, an object's opening brace says enough.
            (_, Value::Object(_) | Value::Array(_), _) => range.start..range.start + 1,
            _ => range.start..range.end,
        }
    }
}

/// Counts lines and columns on one way through the text.
struct Cursor<'a> {
    text: &'a str,
    offset: usize,
    line: u32,
    column: u32,
}

impl Cursor<'_> {
    fn fault(&mut self, span: Range<usize>, finding: Finding) -> Fault {
        let passed = self.text.get(self.offset..span.start.max(self.offset)).unwrap_or_default();
        for character in passed.chars() {
            if character == '\n' {
                self.line = self.line.saturating_add(1);
                self.column = 1;
            } else {
                self.column = self.column.saturating_add(1);
            }
        }
        self.offset = span.start.max(self.offset);
        let Finding { severity, code, pointer, message, hint, .. } = finding;
        Fault { severity, code, pointer, line: self.line, column: self.column, message, hint, span }
    }
}
