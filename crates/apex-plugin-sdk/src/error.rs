//! Errors as an author raises them: any error with `?`, a kind where it matters, context where it helps.

use std::{any::Any, fmt, io};

use apex_abi::PluginError;
use apex_meta::ErrorKind;
use serde_json::Value;

/// The result of what an author writes.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An error of a plugin: kind, message, details and the chain of causes.
///
/// `?` makes one of any standard error, with its sources as causes. Its kind is [`ErrorKind::PermissionDenied`] if the
/// operating system denied something, be it deep among the sources, [`ErrorKind::ResourceLimit`] if the process has as many
/// files open as it may, and [`ErrorKind::Execution`] else. For this to work it is no [`std::error::Error`] itself.
pub struct Error(Box<PluginError>);

impl Error {
    /// An error of a kind with a message.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(Box::new(PluginError::new(kind, message)))
    }

    /// The action failed for a reason of its own.
    pub fn execution(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Execution, message)
    }

    /// The plugin has no action of this name.
    pub fn action_not_found(action: &str) -> Self {
        Self::new(ErrorKind::ActionNotFound, format!("there is no action `{}`", action.escape_debug()))
    }

    /// The parameters are rejected, for a reason that the action's schema cannot say.
    pub fn invalid_parameters(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::InvalidParameters, message)
    }

    /// Something that the action needs is not there.
    pub fn resource_not_found(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::ResourceNotFound, message)
    }

    /// The caller has given up.
    pub fn cancelled() -> Self {
        Self::new(ErrorKind::Cancelled, "the call was cancelled")
    }

    /// The kind.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// What went wrong, in one line.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// What a program may want to know.
    pub fn details(&self) -> Option<&Value> {
        self.0.details.as_ref()
    }

    /// The chain of causes, the nearest first.
    pub fn causes(&self) -> &[String] {
        &self.0.causes
    }

    /// The same error as another kind.
    #[must_use]
    pub fn with_kind(mut self, kind: ErrorKind) -> Self {
        self.0.kind = kind;
        self
    }

    /// The same error with what a program may want to know.
    #[must_use]
    pub fn with_details(mut self, details: Value) -> Self {
        self.0.details = Some(details);
        self
    }

    /// The same error under a new message; the old one becomes the nearest cause.
    #[must_use]
    pub fn context(mut self, message: impl Into<String>) -> Self {
        let cause = std::mem::replace(&mut self.0.message, message.into());
        self.0.causes.insert(0, cause);
        self
    }

    /// The error as it crosses to the host.
    pub fn into_plugin_error(self) -> PluginError {
        *self.0
    }
}

impl<E: std::error::Error + Send + Sync + 'static> From<E> for Error {
    fn from(error: E) -> Self {
        // The host's own errors keep their kind.
        if let Some(error) = (&error as &dyn Any).downcast_ref::<PluginError>() {
            return Self(Box::new(error.clone()));
        }
        let plain = PluginError::new(kind_of(&error), error.to_string());
        Self(Box::new(match error.source() {
            Some(source) => plain.caused_by(source),
            None => plain,
        }))
    }
}

/// What the operating system denied, the host explains, and what it has no more of is the host's limit: both have a kind
/// of their own.
fn kind_of(error: &(dyn std::error::Error + 'static)) -> ErrorKind {
    let mut sources = std::iter::successors(Some(error), |error| error.source());
    let kind = |error: &(dyn std::error::Error + 'static)| match error.downcast_ref::<io::Error>() {
        Some(error) => kind_of_system(error),
        // Some libraries show the system's error as the standard library does, and do not hand it out.
        None => error.to_string().ends_with(SHOWN_DENIAL).then_some(ErrorKind::PermissionDenied),
    };
    sources.find_map(kind).unwrap_or(ErrorKind::Execution)
}

/// The end of how the standard library shows that the system denied something.
const SHOWN_DENIAL: &str = "Permission denied (os error 13)";

/// `EMFILE`, by which every Unix says that a process has no descriptor left.
const TOO_MANY_FILES: i32 = 24;

fn kind_of_system(error: &io::Error) -> Option<ErrorKind> {
    match error.kind() {
        // Moving or linking a file out of what is granted is told as if it were another file system.
        io::ErrorKind::PermissionDenied | io::ErrorKind::CrossesDevices => Some(ErrorKind::PermissionDenied),
        _ if cfg!(unix) && error.raw_os_error() == Some(TOO_MANY_FILES) => Some(ErrorKind::ResourceLimit),
        _ => None,
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.0.kind, self.0.message)?;
        self.0.causes.iter().try_for_each(|cause| write!(f, "\n  caused by: {cause}"))
    }
}

/// Adds kind and context to the error of a result.
pub trait ResultExt<T> {
    /// Puts a message before the error, which becomes the nearest cause.
    ///
    /// # Errors
    /// The error, if there is one.
    fn context(self, message: impl Into<String>) -> Result<T>;

    /// Makes the error one of this kind.
    ///
    /// # Errors
    /// The error, if there is one.
    fn with_kind(self, kind: ErrorKind) -> Result<T>;
}

impl<T, E: Into<Error>> ResultExt<T> for Result<T, E> {
    fn context(self, message: impl Into<String>) -> Result<T> {
        self.map_err(|error| error.into().context(message))
    }

    fn with_kind(self, kind: ErrorKind) -> Result<T> {
        self.map_err(|error| error.into().with_kind(kind))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn parse(text: &str) -> Result<u8> {
        Ok(text.parse::<u8>()?)
    }

    #[test]
    fn any_standard_error_passes_with_a_question_mark() {
        let error = parse("x").unwrap_err();
        assert_eq!((error.kind(), error.message()), (ErrorKind::Execution, "invalid digit found in string"));
        assert!(error.causes().is_empty());
    }

    #[test]
    fn context_goes_before_and_the_old_message_is_the_nearest_cause() {
        let error = parse("x").context("reading the age").context("greeting").with_kind(ErrorKind::InvalidParameters);
        let error = error.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidParameters);
        assert_eq!(error.message(), "greeting");
        assert_eq!(error.causes(), ["reading the age", "invalid digit found in string"]);
        let shown = format!("{error:?}");
        assert_eq!(
            shown,
            "InvalidParameters: greeting\n  caused by: reading the age\n  caused by: invalid digit found in string"
        );
    }

    #[test]
    fn an_error_of_the_host_keeps_its_kind() {
        let host = PluginError::new(ErrorKind::StateConflict, "somebody else saved");
        assert_eq!(Error::from(host).kind(), ErrorKind::StateConflict);
    }

    #[test]
    fn what_the_system_denied_is_found_among_the_sources() {
        let denied = || io::Error::from(io::ErrorKind::PermissionDenied);
        assert_eq!(Error::from(denied()).kind(), ErrorKind::PermissionDenied);
        assert_eq!(Error::from(io::Error::from_raw_os_error(TOO_MANY_FILES)).kind(), ErrorKind::ResourceLimit);
        #[derive(Debug)]
        struct Wrapper(io::Error);
        impl fmt::Display for Wrapper {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the download failed")
            }
        }
        impl std::error::Error for Wrapper {
            fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
                Some(&self.0)
            }
        }
        let error = Error::from(Wrapper(denied()));
        assert_eq!((error.kind(), error.message()), (ErrorKind::PermissionDenied, "the download failed"));
        assert_eq!(Error::from(Wrapper(io::Error::other("cable"))).kind(), ErrorKind::Execution);
        #[derive(Debug)]
        struct Hidden;
        impl fmt::Display for Hidden {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("io: Permission denied (os error 13)")
            }
        }
        impl std::error::Error for Hidden {}
        assert_eq!(Error::from(Hidden).kind(), ErrorKind::PermissionDenied);
    }

    #[test]
    fn sources_become_causes() {
        let inner = std::io::Error::other("cable");
        let outer = std::io::Error::other(std::io::Error::new(std::io::ErrorKind::NotFound, inner));
        let error = Error::from(outer);
        assert_eq!(error.message(), "cable");
    }
}
