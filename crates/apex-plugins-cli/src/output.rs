//! Standard output: results, as tables and prose for people or as JSON for programs.

use std::io::{self, IsTerminal as _, Write};

use clap::builder::styling::{AnsiColor, Style};
use comfy_table::{Attribute, Color, ContentArrangement, presets};
use serde::Serialize;
use serde_json::Value;

use crate::{
    escape::{self, JsonFormatter},
    failure::Failure,
};

/// Whether colours may go to a terminal: not with `NO_COLOR` (<https://no-color.org>), not to a dumb one.
pub(crate) fn wants_color() -> bool {
    let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    !set("NO_COLOR") && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

/// Where results go.
pub(crate) struct Output {
    writer: Box<dyn Write + Send>,
    json: bool,
    is_terminal: bool,
    color: bool,
}

/// How a text is meant, for those who see colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    Plain,
    Good,
    Warning,
    Bad,
    Faint,
    Strong,
}

/// One cell of a table.
pub(crate) struct Cell {
    text: String,
    tone: Tone,
}

impl Cell {
    /// A text, escaped when it is shown.
    pub(crate) fn new<T: ToString + ?Sized>(text: &T) -> Self {
        Self { text: text.to_string(), tone: Tone::Plain }
    }

    /// A text, or a dash where there is none.
    pub(crate) fn or_dash(text: Option<impl ToString>) -> Self {
        text.map_or_else(|| Self { text: "-".to_owned(), tone: Tone::Faint }, |text| Self::new(&text))
    }

    /// Sets how the text is meant.
    pub(crate) fn tone(mut self, tone: Tone) -> Self {
        self.tone = tone;
        self
    }
}

impl Output {
    /// The process's standard output.
    pub(crate) fn stdout(json: bool) -> Self {
        let is_terminal = io::stdout().is_terminal();
        Self { writer: Box::new(io::stdout()), json, is_terminal, color: is_terminal && wants_color() }
    }

    /// From now on writes elsewhere; whether that is a terminal stays as it was.
    pub(crate) fn redirect(&mut self, writer: impl Write + Send + 'static) {
        self.writer = Box::new(writer);
    }

    /// Whether results are for programs.
    pub(crate) fn is_json(&self) -> bool {
        self.json
    }

    /// Writes a value as JSON on one line.
    pub(crate) fn json(&mut self, value: &impl Serialize) -> Result<(), Failure> {
        self.write_json(value, JsonFormatter::compact())
    }

    /// Writes a value as indented JSON.
    pub(crate) fn pretty_json(&mut self, value: &Value) -> Result<(), Failure> {
        self.write_json(value, JsonFormatter::pretty())
    }

    fn write_json(&mut self, value: &impl Serialize, formatter: JsonFormatter<'_>) -> Result<(), Failure> {
        let mut line = Vec::new();
        value
            .serialize(&mut serde_json::Serializer::with_formatter(&mut line, formatter))
            .map_err(|error| Failure::output(&error.into()))?;
        line.push(b'\n');
        self.write(&line)
    }

    /// Writes a line of prose. What others wrote must have been escaped.
    pub(crate) fn line(&mut self, line: impl AsRef<str>) -> Result<(), Failure> {
        self.write(format!("{}\n", line.as_ref()).as_bytes())
    }

    /// Writes a text that a plugin returned: as it is, but harmless where it meets a terminal.
    pub(crate) fn foreign_text(&mut self, text: &str) -> Result<(), Failure> {
        let shown = if self.is_terminal { escape::text(text) } else { text.into() };
        self.write(format!("{shown}\n").as_bytes())
    }

    /// Writes bytes that a plugin returned: as they are, but harmless where they meet a terminal.
    pub(crate) fn foreign_bytes(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        if !self.is_terminal {
            return self.write(bytes);
        }
        let text = String::from_utf8_lossy(bytes);
        self.write(escape::text(&text).as_bytes())
    }

    /// Writes bytes at once, so that a reader sees each result when it is there.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.writer.write_all(bytes).and_then(|()| self.writer.flush()).map_err(|error| Failure::output(&error))
    }

    /// Writes a table: fitted to a terminal, one line a row elsewhere.
    pub(crate) fn table(&mut self, header: &[&str], rows: &[Vec<Cell>]) -> Result<(), Failure> {
        let mut table = comfy_table::Table::new();
        table.load_style(presets::NOTHING);
        if self.is_terminal {
            table.set_content_arrangement(ContentArrangement::Dynamic);
        } else {
            table.force_no_tty();
        }
        if self.color {
            table.enforce_styling();
        }
        table.set_header(header.iter().map(|title| comfy_table::Cell::new(title).add_attribute(Attribute::Bold)));
        for row in rows {
            table.add_row(row.iter().map(styled));
        }
        // Without borders, the first column needs no padding.
        if let Some(first) = table.column_mut(0) {
            first.set_padding((0, 1));
        }
        self.write(format!("{}\n", table.trim_fmt()).as_bytes())
    }

    /// A text in its tone; escaped.
    pub(crate) fn paint(&self, tone: Tone, text: &str) -> String {
        paint(self.color, tone, text)
    }
}

/// A text in its tone, if colours are wanted; escaped.
pub(crate) fn paint(color: bool, tone: Tone, text: &str) -> String {
    let text = escape::line(text);
    let style = match tone {
        _ if !color => return text.into_owned(),
        Tone::Plain => Style::new(),
        Tone::Good => AnsiColor::Green.on_default(),
        Tone::Warning => AnsiColor::Yellow.on_default(),
        Tone::Bad => AnsiColor::Red.on_default().bold(),
        Tone::Faint => Style::new().dimmed(),
        Tone::Strong => Style::new().bold(),
    };
    format!("{style}{text}{style:#}")
}

fn styled(cell: &Cell) -> comfy_table::Cell {
    let styled = comfy_table::Cell::new(escape::line(&cell.text));
    match cell.tone {
        Tone::Plain => styled,
        Tone::Good => styled.fg(Color::Green),
        Tone::Warning => styled.fg(Color::Yellow),
        Tone::Bad => styled.fg(Color::Red),
        Tone::Faint => styled.add_attribute(Attribute::Dim),
        Tone::Strong => styled.add_attribute(Attribute::Bold),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn shown(is_terminal: bool, color: bool, show: impl FnOnce(&mut Output)) -> String {
        let written = Written::default();
        let mut output = Output { writer: Box::new(written.clone()), json: false, is_terminal, color };
        show(&mut output);
        String::from_utf8(written.0.lock().unwrap().clone()).unwrap()
    }

    #[test]
    fn a_table_is_plain_text_without_colours_and_escapes_what_it_shows() {
        let rows = || {
            vec![
                vec![Cell::new("com.acme.x"), Cell::new("ready").tone(Tone::Good), Cell::or_dash(None::<&str>)],
                vec![Cell::new("evil\u{1b}[2J"), Cell::new("blocked").tone(Tone::Bad), Cell::new("a\nb")],
            ]
        };
        let plain = shown(false, false, |output| output.table(&["ID", "STATUS", "SIGNER"], &rows()).unwrap());
        assert_eq!(plain, "ID           STATUS   SIGNER\ncom.acme.x   ready    -\nevil\\x1b[2J  blocked  a\\nb\n");
    }

    #[test]
    fn foreign_texts_are_raw_in_a_pipe_and_harmless_on_a_terminal() {
        let show = |output: &mut Output| {
            output.foreign_text("a\u{1b}[31m\nb").unwrap();
            output.foreign_bytes(b"\x1b]0;x\x07").unwrap();
        };
        assert_eq!(shown(false, false, show), "a\u{1b}[31m\nb\n\u{1b}]0;x\u{7}");
        assert_eq!(shown(true, false, show), "a\\x1b[31m\nb\n\\x1b]0;x\\x07");
    }

    #[test]
    fn colours_are_shown_only_where_they_are_wanted() {
        assert_eq!(paint(false, Tone::Bad, "no"), "no");
        assert!(paint(true, Tone::Bad, "no").starts_with('\u{1b}'));
    }
}
