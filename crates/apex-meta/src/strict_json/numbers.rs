//! How numbers are written, which serde does not tell: an integer beyond 64 bits reaches a visitor as a float.

/// Follows a reading through its text, from number to number.
pub(super) struct Numbers<'a> {
    text: &'a [u8],
    /// How many numbers the reading has met.
    met: usize,
    /// How many numbers of the text end before the offset. Only looked for when the notation is asked about.
    passed: usize,
    offset: usize,
}

impl<'a> Numbers<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        Self { text: text.as_bytes(), met: 0, passed: 0, offset: 0 }
    }

    /// Notes that the reading has met the next number.
    pub(super) fn meet(&mut self) {
        self.met += 1;
    }

    /// Whether the number that was met last is written as an integer, without fraction and exponent; to be asked once.
    ///
    /// All questions of one reading together walk through the text once.
    pub(super) fn last_is_integer(&mut self) -> bool {
        let mut is_integer = false;
        while self.passed < self.met {
            let Some(number) = self.next() else { return false };
            is_integer = !number.iter().any(|byte| matches!(byte, b'.' | b'e' | b'E'));
        }
        is_integer
    }

    fn next(&mut self) -> Option<&'a [u8]> {
        let (mut in_string, mut escaped) = (false, false);
        let rest = &self.text[self.offset..];
        let start = rest.iter().position(|byte| {
            match byte {
                _ if escaped => escaped = false,
                b'\\' if in_string => escaped = true,
                b'"' => in_string = !in_string,
                b'-' | b'0'..=b'9' if !in_string => return true,
                _ => {}
            }
            false
        })?;
        let is_part = |byte: &&u8| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E');
        let length = rest[start..].iter().take_while(is_part).count();
        self.offset += start + length;
        self.passed += 1;
        Some(&rest[start..start + length])
    }
}

#[cfg(test)]
mod tests {
    use super::Numbers;

    #[test]
    fn each_number_is_told_by_its_own_notation_whatever_stands_in_strings() {
        let mut numbers = Numbers::of(r#"{"1": [-1, 2.5, "3\"4", 1e5], "\\": 0, "x": [true, -0.0E-1]}"#);
        let told: Vec<_> = std::iter::repeat_with(|| {
            numbers.meet();
            numbers.last_is_integer()
        })
        .take(5)
        .collect();
        assert_eq!(told, [true, false, false, true, false]);
        // One that is not asked about is passed over.
        let mut numbers = Numbers::of("[1.5, 20, 3]");
        numbers.meet();
        numbers.meet();
        assert!(numbers.last_is_integer());
    }
}
