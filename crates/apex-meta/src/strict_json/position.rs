//! Lines and columns from byte offsets.

/// The line and column, both from 1, of a byte offset; a column is a count of characters (Unicode scalar values).
///
/// An offset past the end is the end; one inside a character is that character.
pub(crate) fn line_and_column(text: &str, offset: usize) -> (u32, u32) {
    let offset = text.floor_char_boundary(offset);
    let before = &text[..offset];
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let line = before.bytes().filter(|&byte| byte == b'\n').count() + 1;
    let column = before[line_start..].chars().count() + 1;
    (clamped(line), clamped(column))
}

fn clamped(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// The byte offset of what a serde_json error names: a line from 1, and how many of its bytes were read.
pub(super) fn offset_of(text: &str, line: usize, bytes_read: usize) -> usize {
    let line_start: usize = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    (line_start + bytes_read).min(text.len())
}

/// Where the string starts that ends, but for whitespace, at the offset.
pub(super) fn start_of_string(text: &str, end: usize) -> usize {
    let bytes = text.as_bytes();
    let Some(closing) = bytes[..end].iter().rposition(|&byte| byte == b'"') else { return end };
    // Inside a JSON string every quotation mark is escaped, by an odd number of backslashes.
    let is_escaped = |at: usize| bytes[..at].iter().rev().take_while(|&&byte| byte == b'\\').count() % 2 == 1;
    (0..closing).rev().find(|&at| bytes[at] == b'"' && !is_escaped(at)).unwrap_or(closing)
}

/// Where the number starts that ends at the offset.
pub(super) fn start_of_number(text: &str, end: usize) -> usize {
    let digits = |byte: &&u8| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E');
    end - text.as_bytes()[..end].iter().rev().take_while(digits).count()
}

/// Where the nesting of arrays and objects first exceeds the limit.
pub(super) fn start_of_excess(text: &str, max_depth: usize) -> usize {
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    for (offset, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'[' | b'{' if !in_string => {
                depth += 1;
                if depth > max_depth {
                    return offset;
                }
            }
            b']' | b'}' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    text.len()
}
