//! An error as the user meets it: what, why, and what to do about it.

use std::{borrow::Cow, error::Error, fmt, io, path::Path};

use apex_package::{ArchiveError, BuildError, CheckError, LayoutError, ManifestError, PackageError};
use apex_plugins::{meta::Reason, trust::KeyError};
use serde_json::{Value, json};

use crate::{escape, exit::Exit};

/// An error with its stable code, its causes, the remedy and the exit code.
#[derive(Debug)]
pub(crate) struct Failure(Box<Parts>);

#[derive(Debug)]
struct Parts {
    code: Cow<'static, str>,
    message: String,
    causes: Vec<String>,
    hint: Option<String>,
    details: Option<Value>,
    exit: Exit,
    is_broken_pipe: bool,
}

impl Failure {
    /// A failure whose exit follows from its code.
    pub(crate) fn new(code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        let code = code.into();
        let (message, exit) = (message.into(), Exit::of_code(&code));
        let (causes, hint, details, is_broken_pipe) = (Vec::new(), None, None, false);
        Self(Box::new(Parts { code, message, causes, hint, details, exit, is_broken_pipe }))
    }

    /// What a library reports, with the causes it names.
    pub(crate) fn of(code: impl Into<Cow<'static, str>>, error: &dyn Error) -> Self {
        Self::new(code, error.to_string()).causes(causes_of(error))
    }

    /// A file that cannot be read or written.
    pub(crate) fn io(doing: &str, path: &Path, error: &io::Error) -> Self {
        let hint = match error.kind() {
            io::ErrorKind::NotFound => "check the path",
            io::ErrorKind::PermissionDenied => "check who owns it and its mode with `ls -ld`",
            io::ErrorKind::AlreadyExists => "choose another name, or move the old file away",
            io::ErrorKind::StorageFull => "free some space",
            _ => "check the path and the file system",
        };
        Self::new("Io", format!("cannot {doing} {}", path.display())).caused_by(error).hint(hint)
    }

    /// A command line that cannot be obeyed.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new("Usage", message)
    }

    /// A result that could not be written; a reader that has gone away is no error.
    pub(crate) fn output(error: &io::Error) -> Self {
        let mut failure = Self::new("Io", "cannot write to standard output").caused_by(error);
        if error.kind() == io::ErrorKind::BrokenPipe {
            failure.0.is_broken_pipe = true;
            failure.0.exit = Exit::Done;
        }
        failure.hint("check where the output goes")
    }

    /// The same under another code.
    #[must_use]
    pub(crate) fn recode(mut self, code: &'static str) -> Self {
        self.0.exit = Exit::of_code(code);
        self.0.code = code.into();
        self
    }

    /// Adds the error that led here, and what led to that.
    #[must_use]
    pub(crate) fn caused_by(self, error: &dyn Error) -> Self {
        self.causes([error.to_string()]).causes(causes_of(error))
    }

    /// Adds causes that came as text.
    #[must_use]
    pub(crate) fn causes(mut self, causes: impl IntoIterator<Item = String>) -> Self {
        self.0.causes.extend(causes);
        self
    }

    /// Says what to do about it.
    #[must_use]
    pub(crate) fn hint(self, hint: impl Into<String>) -> Self {
        self.hint_if(Some(hint.into()))
    }

    /// Says what to do about it, if somebody knows.
    #[must_use]
    pub(crate) fn hint_if(mut self, hint: Option<String>) -> Self {
        self.0.hint = hint.or(self.0.hint);
        self
    }

    /// Adds data for programs.
    #[must_use]
    pub(crate) fn details(mut self, details: Option<Value>) -> Self {
        self.0.details = details.or(self.0.details);
        self
    }

    /// Ends the program otherwise than the code would have it.
    #[must_use]
    pub(crate) fn exit_with(mut self, exit: Exit) -> Self {
        self.0.exit = exit;
        self
    }

    /// How the program ends.
    pub(crate) fn exit(&self) -> Exit {
        self.0.exit
    }

    /// Whether it is only that nobody reads any more, which deserves no word.
    pub(crate) fn is_broken_pipe(&self) -> bool {
        self.0.is_broken_pipe
    }

    fn remedy(&self) -> &str {
        self.0.hint.as_deref().unwrap_or_else(|| general_hint(&self.0.code, self.0.exit))
    }

    /// The object that `--json` shows.
    pub(crate) fn to_json(&self) -> Value {
        json!({"error": {
            "code": self.0.code,
            "message": self.0.message,
            "causes": self.0.causes,
            "hint": self.remedy(),
            "details": self.0.details,
        }})
    }
}

/// What led to an error, the nearest first; a transparent wrapper does not repeat what it wraps.
pub(crate) fn causes_of(error: &dyn Error) -> Vec<String> {
    let mut causes = vec![error.to_string()];
    let mut source = error.source();
    while let Some(cause) = source {
        causes.push(cause.to_string());
        source = cause.source();
    }
    causes.dedup();
    causes.split_off(1)
}

/// What to do where the error itself does not know better.
fn general_hint(code: &str, exit: Exit) -> &'static str {
    match code {
        "DeadlineExceeded" => return "give it more time with --timeout, or run it with -vv to see what it does",
        "InvalidParameters" => return "`apex inspect ID` shows what the action expects",
        "Configuration" => {
            return "give it with --config FILE; `apex inspect ID --json` shows the schema in its manifest";
        }
        "PluginPanicked" | "ProtocolViolation" => return "this is a fault of the plugin: tell its author",
        _ => {}
    }
    match exit {
        Exit::Done | Exit::Interrupted => "run the command again",
        Exit::ActionFailed => "the plugin says what went wrong; `apex inspect ID` shows what its actions expect",
        Exit::Usage => "`apex help` shows the commands and options",
        Exit::NotFound => "`apex list` shows what is there",
        Exit::Blocked => "`apex why ID` shows which check failed, `apex inspect ID` shows the details",
        Exit::Invalid => "`apex check PATH` shows every fault of a plugin, `apex inspect ID` what its actions expect",
        Exit::NoOrderlyEnd => "run it again with -vv to see what happens",
        Exit::Io => "check that the file exists, is intact and is yours to read",
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {}", indented(&self.0.message))?;
        for cause in &self.0.causes {
            write!(f, "\n  cause: {}", indented(cause))?;
        }
        write!(f, "\n  help: {}", indented(self.remedy()))
    }
}

fn indented(text: &str) -> String {
    escape::text(text.trim_end()).replace('\n', "\n    ")
}

impl From<Reason> for Failure {
    fn from(reason: Reason) -> Self {
        let Reason { code, message, hint } = reason;
        Self::new(code, message).hint_if(hint)
    }
}

macro_rules! from_library {
    ($($error:ty),*) => {
        $(impl From<$error> for Failure {
            fn from(error: $error) -> Self {
                Self::of(error.code(), &error).hint_if(error.hint())
            }
        })*
    };
}

from_library!(ArchiveError, BuildError, CheckError, KeyError, LayoutError, ManifestError, PackageError);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_says_what_why_and_what_to_do() {
        let error = io::Error::new(io::ErrorKind::PermissionDenied, "no way\u{1b}[31m");
        let failure = Failure::io("read", Path::new("trust.json"), &error);
        let shown = failure.to_string();
        assert!(shown.starts_with("error: cannot read trust.json\n  cause: no way\\x1b[31m\n  help: "), "{shown}");
        assert_eq!(failure.exit(), Exit::Io);
        let json = failure.to_json();
        assert_eq!(json["error"]["code"], "Io");
        assert_eq!(json["error"]["details"], Value::Null);
    }

    #[test]
    fn every_error_has_a_remedy() {
        for code in ["Execution", "PluginNotFound", "ChecksumMismatch", "Cancelled", "InvalidParameters", "StateIo"] {
            let shown = Failure::new(code, "x").to_string();
            assert!(shown.contains("\n  help: "), "{shown}");
        }
    }

    #[test]
    fn a_reader_that_went_away_is_no_error() {
        let failure = Failure::output(&io::Error::from(io::ErrorKind::BrokenPipe));
        assert!(failure.is_broken_pipe());
        assert_eq!(failure.exit(), Exit::Done);
    }
}
