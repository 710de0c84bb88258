//! Standard error: errors, warnings, logs and progress; lines for people, or one JSON object a line.

use std::{
    fs::File,
    io::{self, IsTerminal as _, Write as _},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use indicatif::ProgressBar;
use serde_json::{Map, Value, json};

use crate::{
    escape,
    failure::Failure,
    output::{self, Tone},
};

/// The one door to standard error, so that lines, logs and a progress bar do not write across each other.
#[derive(Clone)]
pub(crate) struct Stderr(Arc<Shared>);

struct Shared {
    json: bool,
    is_fancy: bool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The real standard error, once descriptor 2 has been pointed elsewhere.
    saved: Option<File>,
    bar: Option<ProgressBar>,
}

impl Stderr {
    /// The process's standard error.
    pub(crate) fn new(json: bool) -> Self {
        let is_fancy = !json && io::stderr().is_terminal() && output::wants_color();
        Self(Arc::new(Shared { json, is_fancy, state: Mutex::default() }))
    }

    /// Whether every line is a JSON object.
    pub(crate) fn is_json(&self) -> bool {
        self.0.json
    }

    /// Whether colours and a moving bar are welcome.
    pub(crate) fn is_fancy(&self) -> bool {
        self.0.is_fancy
    }

    /// From now on writes to this file, which is the real standard error.
    pub(crate) fn redirect(&self, saved: File) {
        self.state().saved = Some(saved);
    }

    /// Shows lines above this bar, or no bar any more.
    pub(crate) fn show_bar(&self, bar: Option<ProgressBar>) {
        self.state().bar = bar;
    }

    /// Writes one JSON object as one line.
    pub(crate) fn object(&self, object: &Value) {
        let mut line = Vec::new();
        let mut serializer = serde_json::Serializer::with_formatter(&mut line, escape::JsonFormatter::compact());
        if serde::Serialize::serialize(object, &mut serializer).is_ok() {
            line.push(b'\n');
            self.write(&line);
        }
    }

    /// Writes a line for people. What others wrote must have been escaped.
    pub(crate) fn line(&self, line: &str) {
        self.write(format!("{line}\n").as_bytes());
    }

    /// Writes an error, the last word of a command that failed.
    pub(crate) fn failure(&self, failure: &Failure) {
        if self.0.json {
            return self.object(&failure.to_json());
        }
        let text = failure.to_string();
        let rest = text.strip_prefix("error:").unwrap_or(&text);
        self.line(&format!("{}{rest}", self.paint(Tone::Bad, "error:")));
    }

    /// Writes an event of the log.
    pub(crate) fn log(&self, level: &str, message: &str, mut fields: Map<String, Value>) {
        if self.0.json {
            fields.insert("level".to_owned(), level.into());
            fields.insert("message".to_owned(), message.into());
            return self.object(&json!({ "log": fields }));
        }
        let (word, tone) = match level {
            "error" => ("error:", Tone::Bad),
            "warn" => ("warning:", Tone::Warning),
            "info" => ("info:", Tone::Faint),
            "debug" => ("debug:", Tone::Faint),
            _ => ("trace:", Tone::Faint),
        };
        let mut line = format!("{} {}", self.paint(tone, word), escape::text(message));
        for (key, value) in &fields {
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            line.push_str(&self.paint(Tone::Faint, &format!(" {key}={value}")));
        }
        self.line(&line);
    }

    /// A text in its tone; escaped.
    pub(crate) fn paint(&self, tone: Tone, text: &str) -> String {
        output::paint(self.0.is_fancy, tone, text)
    }

    fn write(&self, bytes: &[u8]) {
        let mut state = self.state();
        let State { saved, bar } = &mut *state;
        // Nowhere is left to report that standard error cannot be written.
        let mut write = || {
            let _ = match saved {
                Some(file) => file.write_all(bytes),
                None => io::stderr().write_all(bytes),
            };
        };
        match bar {
            Some(bar) => bar.suspend(write),
            None => write(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
