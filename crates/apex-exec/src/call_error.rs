//! How a call, a load or a start fails.

use std::{error::Error, fmt};

use apex_abi::PluginError;
use apex_meta::{ErrorKind, PluginId, PluginVersion, Reason};
use serde_json::Value;

use crate::sandbox::Denial;

/// How a call, a load or a start failed: a stable kind, whose plugin and action it was, what happened and what would help.
///
/// [`Display`](fmt::Display) names plugin and action and is one line; [`source`](Error::source) walks the causes that
/// the plugin told, the nearest first.
#[derive(Clone)]
pub struct CallError(Box<Parts>);

#[derive(Clone)]
struct Parts {
    kind: ErrorKind,
    plugin: Option<PluginId>,
    version: Option<PluginVersion>,
    action: Option<String>,
    message: String,
    hint: Option<String>,
    details: Option<Value>,
    cause: Option<Cause>,
}

/// One link of the chain of causes.
#[derive(Debug, Clone)]
struct Cause {
    message: String,
    next: Option<Box<Cause>>,
}

impl CallError {
    /// An error of a kind with a message in lower case, without full stop.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        let message = message.into();
        let (plugin, version, action, hint, details, cause) = (None, None, None, None, None, None);
        Self(Box::new(Parts { kind, plugin, version, action, message, hint, details, cause }))
    }

    /// The error that a plugin reports, believed only as far as a plugin can know: a kind that is the host's alone to
    /// find, such as `PluginBlocked`, becomes `Execution`.
    pub(crate) fn from_plugin(error: PluginError) -> Self {
        let causes = error.causes;
        let mut told = Self::new(kind_from_plugin(error.kind), error.message);
        told.0.details = error.details;
        told.with_causes(causes)
    }

    /// Adds what was granted and what would help; what the plugin itself tells of it is kept.
    pub(crate) fn explained_by(mut self, denial: &Denial) -> Self {
        self.0.details.get_or_insert_with(|| denial.details.clone());
        self.with_hint(denial.hint.clone())
    }

    pub(crate) fn with_kind(mut self, kind: ErrorKind) -> Self {
        self.0.kind = kind;
        self
    }

    /// Names the plugin.
    #[must_use]
    pub fn with_plugin(mut self, id: &PluginId, version: &PluginVersion) -> Self {
        self.0.plugin = Some(id.clone());
        self.0.version = Some(version.clone());
        self
    }

    /// Names the plugin where no version was chosen yet.
    #[must_use]
    pub fn with_plugin_id(mut self, id: &PluginId) -> Self {
        self.0.plugin = Some(id.clone());
        self
    }

    /// Names the action.
    #[must_use]
    pub fn with_action(mut self, action: impl Into<String>) -> Self {
        self.0.action = Some(action.into());
        self
    }

    /// Adds what the reader can do about it.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    /// Adds what a program may want to know.
    #[must_use]
    pub fn with_details(mut self, details: Value) -> Self {
        self.0.details = Some(details);
        self
    }

    /// Sets the chain of causes, the nearest first.
    #[must_use]
    pub fn with_causes(mut self, causes: impl IntoIterator<Item = String, IntoIter: DoubleEndedIterator>) -> Self {
        let chain = causes.into_iter().rev();
        self.0.cause = chain.fold(None, |next, message| Some(Cause { message, next: next.map(Box::new) }));
        self
    }

    /// Sets the chain of causes to `error` and its sources.
    #[must_use]
    pub fn caused_by(self, error: &(dyn Error + 'static)) -> Self {
        let causes: Vec<_> =
            std::iter::successors(Some(error), |error| (**error).source()).map(ToString::to_string).collect();
        self.with_causes(causes)
    }

    /// What kind of error it is.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The stable code: the kind's name.
    pub fn code(&self) -> &'static str {
        self.0.kind.code()
    }

    /// The plugin, where one is concerned.
    pub fn plugin(&self) -> Option<&PluginId> {
        self.0.plugin.as_ref()
    }

    /// The plugin's version, where one was chosen.
    pub fn version(&self) -> Option<&PluginVersion> {
        self.0.version.as_ref()
    }

    /// The action, where one is concerned.
    pub fn action(&self) -> Option<&str> {
        self.0.action.as_deref()
    }

    /// What happened, without plugin and action; what a plugin said is passed on as it said it.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// What the reader can do about it.
    pub fn hint(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }

    /// What a program may want to know; for `InvalidParameters` a list of `{"pointer", "message"}`.
    pub fn details(&self) -> Option<&Value> {
        self.0.details.as_ref()
    }

    /// The causes, the nearest first.
    pub fn causes(&self) -> impl Iterator<Item = &str> {
        std::iter::successors(self.0.cause.as_ref(), |cause| cause.next.as_deref()).map(|cause| cause.message.as_str())
    }

    /// Whether the same call may succeed if it is made again, unchanged, a little later.
    pub fn retryable(&self) -> bool {
        self.0.kind.is_retryable()
    }

    /// Code, line and hint as a [`Reason`].
    pub fn to_reason(&self) -> Reason {
        let reason = Reason::new(self.code(), self.to_string());
        match self.hint() {
            Some(hint) => reason.with_hint(hint),
            None => reason,
        }
    }
}

/// The kinds that a plugin may claim; numbers below 32 are theirs, the rest are found by hosts.
fn kind_from_plugin(kind: ErrorKind) -> ErrorKind {
    match kind {
        ErrorKind::PluginPanicked
        | ErrorKind::DeadlineExceeded
        | ErrorKind::ResourceLimit
        | ErrorKind::ProtocolViolation => kind,
        kind if kind.number() < 32 => kind,
        _ => ErrorKind::Execution,
    }
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(action) = &self.0.action {
            write!(f, "`{action}`")?;
        }
        if let Some(plugin) = &self.0.plugin {
            f.write_str(if self.0.action.is_some() { " of " } else { "" })?;
            write!(f, "{plugin}")?;
            if let Some(version) = &self.0.version {
                write!(f, " {version}")?;
            }
        }
        let is_named = self.0.action.is_some() || self.0.plugin.is_some();
        write!(f, "{}{}", if is_named { ": " } else { "" }, self.0.message)
    }
}

impl fmt::Debug for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CallError({}: {self}", self.code())?;
        for cause in self.causes() {
            write!(f, "; because {cause}")?;
        }
        if let Some(details) = self.details() {
            write!(f, "; {details}")?;
        }
        f.write_str(")")
    }
}

impl Error for CallError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.cause.as_ref().map(|cause| cause as &(dyn Error + 'static))
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for Cause {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.next.as_deref().map(|cause| cause as &(dyn Error + 'static))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn sources_walk_the_causes_that_the_plugin_told() {
        let told = PluginError {
            causes: vec!["disk".into(), "cable".into()],
            ..PluginError::new(ErrorKind::ResourceNotFound, "no such file")
        };
        let error = CallError::from_plugin(told).with_action("read");
        assert_eq!(error.to_string(), "`read`: no such file");
        let disk = error.source().unwrap();
        assert_eq!((disk.to_string(), disk.source().unwrap().to_string()), ("disk".into(), "cable".into()));
        assert_eq!(error.causes().collect::<Vec<_>>(), ["disk", "cable"]);
    }

    #[test]
    fn a_plugin_cannot_claim_what_only_a_host_can_find() {
        let check = |told, heard| {
            assert_eq!(CallError::from_plugin(PluginError::new(told, "x")).kind(), heard, "{told}");
        };
        check(ErrorKind::PluginBlocked, ErrorKind::Execution);
        check(ErrorKind::IsolationUnavailable, ErrorKind::Execution);
        check(ErrorKind::ShuttingDown, ErrorKind::Execution);
        check(ErrorKind::PluginPanicked, ErrorKind::PluginPanicked);
        check(ErrorKind::Cancelled, ErrorKind::Cancelled);
    }
}
