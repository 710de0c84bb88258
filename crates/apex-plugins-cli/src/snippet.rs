//! Faults of a `plugin.json` drawn as compilers do: the line, what to underline, and what to do.

use apex_plugins::meta::{Fault, Severity};
use unicode_width::UnicodeWidthStr as _;

use crate::{
    escape,
    output::{Output, Tone},
};

/// The widest part of a line that is shown, in columns.
const WIDEST: usize = 100;

/// Draws a fault over the text that it was found in, of the file that is shown under this name.
pub(crate) fn draw(output: &Output, file: &str, text: &str, fault: &Fault) -> String {
    let (word, tone) = match fault.severity {
        Severity::Error => ("error", Tone::Bad),
        Severity::Warning => ("warning", Tone::Warning),
    };
    let number = fault.line.to_string();
    let margin = " ".repeat(number.len());
    let bar = output.paint(Tone::Faint, "|");
    let title = output.paint(tone, &format!("{word}[{}]", fault.code));
    let arrow = output.paint(Tone::Faint, "-->");
    let mut lines = vec![
        format!("{title}: {}", escape::line(&fault.message)),
        format!("{margin}{arrow} {}:{}:{}", escape::line(file), fault.line, fault.column),
    ];
    if let Some(Excerpt { shown, before, width }) = Excerpt::of(text, fault) {
        let carets = output.paint(tone, &"^".repeat(width.max(1)));
        let number = output.paint(Tone::Faint, &number);
        lines.push(format!("{margin} {bar}"));
        lines.push(format!("{number} {bar} {shown}"));
        lines.push(format!("{margin} {bar} {}{carets}", " ".repeat(before)));
    }
    if !fault.pointer.is_empty() {
        lines.push(format!("{margin} = at {}", escape::line(&fault.pointer)));
    }
    if let Some(hint) = &fault.hint {
        lines.push(format!("{margin} = help: {}", escape::line(hint)));
    }
    lines.join("\n")
}

/// A part of one line, with what to underline in columns.
struct Excerpt {
    shown: String,
    before: usize,
    width: usize,
}

impl Excerpt {
    /// The line that the fault starts in, cut to what fits around it; none in an empty text.
    fn of(text: &str, fault: &Fault) -> Option<Self> {
        let start = floor(text, fault.span.start);
        let line_start = text[..start].rfind('\n').map_or(0, |at| at + 1);
        let line_end = text[start..].find('\n').map_or(text.len(), |at| start + at);
        let end = floor(text, fault.span.end).clamp(start, line_end);
        let (before, marked) = (&text[line_start..start], &text[start..end]);
        let (before, marked) = (tail(&shown(before), WIDEST / 2), head(&shown(marked), WIDEST / 2));
        let after =
            head(&shown(text[end..line_end].trim_end()), WIDEST.saturating_sub(before.width() + marked.width()));
        let excerpt = Self {
            before: before.width(),
            width: marked.width(),
            shown: format!("{before}{marked}{after}").trim_end().to_owned(),
        };
        (!text.is_empty()).then_some(excerpt)
    }
}

/// The nearest boundary between characters at or before a byte, so that no span can go astray.
fn floor(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

fn shown(text: &str) -> String {
    escape::line(&text.replace('\t', "    ")).into_owned()
}

/// The first columns of a text, and a mark if there is more.
fn head(text: &str, columns: usize) -> String {
    if text.width() <= columns {
        return text.to_owned();
    }
    let mut kept = String::new();
    for character in text.chars() {
        kept.push(character);
        if kept.width() >= columns {
            break;
        }
    }
    kept + "…"
}

/// The last columns of a text, and a mark if there is more before.
fn tail(text: &str, columns: usize) -> String {
    let reversed: String = text.chars().rev().collect();
    head(&reversed, columns).chars().rev().collect()
}

#[cfg(test)]
mod tests {
    use apex_plugins::meta::check;

    use super::*;

    fn drawn(text: &str) -> String {
        let output = Output::stdout(false);
        let report = check(text.as_bytes());
        report.all().map(|fault| draw(&output, "plugin.json", text, fault) + "\n").collect()
    }

    #[test]
    fn a_fault_is_drawn_under_its_line() {
        let text = "{\n  \"id\": \"com..acme\",\n\t\"name\": 5\n}";
        let shown = drawn(text);
        assert!(shown.contains("error[InvalidId]"), "{shown}");
        assert!(shown.contains("2 |   \"id\": \"com..acme\",\n  |         ^^^^^^^^^^^\n"), "{shown}");
        assert!(shown.contains("3 |     \"name\": 5\n  |             ^\n"), "{shown}");
        assert!(shown.contains("= help: "), "{shown}");
    }

    #[test]
    fn long_lines_are_cut_and_control_characters_shown() {
        let text = format!(
            "{{\"x-long\": \"{}\", \"id\": \"世界\u{9b}\", \"x-more\": \"{}\"}}",
            "a".repeat(300),
            "b".repeat(300)
        );
        let shown = drawn(&text);
        assert!(shown.contains("\\u{9b}"), "{shown}");
        let mut excerpts = shown.lines().filter(|line| line.contains(" | "));
        assert!(excerpts.all(|line| line.width() <= WIDEST + 10), "{shown}");
    }

    #[test]
    fn no_text_and_no_span_can_go_astray() {
        for text in ["", "\u{feff}", "世", "{", "\n\n", "{\"a\": \"\u{1b}\"}"] {
            drawn(text);
        }
        let report = check(b"");
        let mut fault = report.faults()[0].clone();
        for span in [0..usize::MAX, 1..2, 4..4, 100..200] {
            fault.span = span;
            draw(&Output::stdout(false), "plugin.json", "世\n界", &fault);
        }
    }
}
