//! Why nothing could be chosen.

use std::fmt;

use apex_meta::{ErrorKind, PluginId, Reason};

use crate::{Considered, Explanation, Verdict};

/// Nothing can serve the request.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum NoCandidate {
    /// There is no plugin of this id at all.
    #[error("plugin `{}` was not found", explanation.plugin)]
    NotFound {
        /// What was asked for; nothing was considered.
        explanation: Box<Explanation>,
    },
    /// The plugin is there, but in no version that satisfies the specifier.
    #[error("no version of plugin `{}` satisfies {}{}", explanation.plugin, Wanted(explanation), Rest(explanation, None))]
    VersionNotFound {
        /// Every version that there is.
        explanation: Box<Explanation>,
    },
    /// What satisfies the request is blocked by trust, policy or fitness.
    #[error("plugin `{}` is {}{}", Named(explanation, nearest), nearest.because, Rest(explanation, Some(nearest)))]
    Blocked {
        /// The version that would have been taken.
        nearest: Box<Considered>,
        /// Every version that there is.
        explanation: Box<Explanation>,
    },
    /// What satisfies the request is switched off.
    #[error("plugin `{}` is {}{}", Named(explanation, nearest), nearest.because, Rest(explanation, Some(nearest)))]
    Disabled {
        /// The version that would have been taken.
        nearest: Box<Considered>,
        /// Every version that there is.
        explanation: Box<Explanation>,
    },
    /// What satisfies the request has invalid metadata.
    #[error("plugin `{}` is {}{}", Named(explanation, nearest), nearest.because, Rest(explanation, Some(nearest)))]
    Invalid {
        /// The version that would have been taken.
        nearest: Box<Considered>,
        /// Every version that there is.
        explanation: Box<Explanation>,
    },
}

impl NoCandidate {
    /// `nearest` is the index of the candidate that would have been taken had it been ready.
    pub(crate) fn new(explanation: Explanation, nearest: Option<usize>) -> Self {
        let found = explanation.considered.iter().find(|considered| Some(considered.index) == nearest).cloned();
        let explanation = Box::new(explanation);
        let Some(nearest) = found.map(Box::new) else {
            return if explanation.considered.is_empty() {
                Self::NotFound { explanation }
            } else {
                Self::VersionNotFound { explanation }
            };
        };
        match nearest.verdict {
            Verdict::Disabled => Self::Disabled { nearest, explanation },
            Verdict::Invalid => Self::Invalid { nearest, explanation },
            _ => Self::Blocked { nearest, explanation },
        }
    }

    /// The kind that a call ends in when this error stops it.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::NotFound { .. } => ErrorKind::PluginNotFound,
            Self::VersionNotFound { .. } => ErrorKind::VersionNotFound,
            // Not because of a check, but because of what it did.
            Self::Blocked { .. } if self.reason().is_some_and(is_quarantine) => ErrorKind::PluginQuarantined,
            Self::Blocked { .. } => ErrorKind::PluginBlocked,
            Self::Disabled { .. } => ErrorKind::PluginDisabled,
            Self::Invalid { .. } => ErrorKind::PluginInvalid,
        }
    }

    /// The stable error code: the name of [`kind`](Self::kind).
    ///
    /// The code of the check that failed, such as `ChecksumMismatch`, is in [`reason`](Self::reason).
    pub fn code(&self) -> &'static str {
        self.kind().code()
    }

    /// Why the version that would have been taken was not.
    pub fn reason(&self) -> Option<&Reason> {
        self.nearest()?.reason.as_ref()
    }

    /// The version that would have been taken, had it been ready.
    pub fn nearest(&self) -> Option<&Considered> {
        match self {
            Self::NotFound { .. } | Self::VersionNotFound { .. } => None,
            Self::Blocked { nearest, .. } | Self::Disabled { nearest, .. } | Self::Invalid { nearest, .. } => {
                Some(nearest)
            }
        }
    }

    /// What became of every candidate.
    pub fn explanation(&self) -> &Explanation {
        match self {
            Self::NotFound { explanation }
            | Self::VersionNotFound { explanation }
            | Self::Blocked { explanation, .. }
            | Self::Disabled { explanation, .. }
            | Self::Invalid { explanation, .. } => explanation,
        }
    }

    /// What the reader can do about it.
    pub fn hint(&self) -> Option<String> {
        let plugin: &PluginId = &self.explanation().plugin;
        match self {
            Self::NotFound { .. } => Some("`apex list` shows every plugin in the roots that are searched".to_owned()),
            Self::VersionNotFound { .. } => Some(format!("ask for a version that is there: `apex why {plugin}`")),
            Self::Disabled { nearest, .. } => {
                let version = nearest.version.as_ref().map(|version| format!("@=={version}")).unwrap_or_default();
                self.reason_hint().or_else(|| Some(format!("switch it on: `apex enable {plugin}{version}`")))
            }
            Self::Blocked { .. } => self.reason_hint(),
            Self::Invalid { .. } => {
                self.reason_hint().or_else(|| Some("`apex check PATH` shows every fault with its place".to_owned()))
            }
        }
    }

    fn reason_hint(&self) -> Option<String> {
        self.reason()?.hint.clone()
    }
}

fn is_quarantine(reason: &Reason) -> bool {
    reason.code == ErrorKind::PluginQuarantined.code()
}

/// Which versions were asked for.
struct Wanted<'a>(&'a Explanation);

impl fmt::Display for Wanted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0.specifier {
            Some(specifier) => write!(f, "`{specifier}`"),
            None => f.write_str("the request"),
        }
    }
}

/// The plugin with the version that would have been taken.
struct Named<'a>(&'a Explanation, &'a Considered);

impl fmt::Display for Named<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.plugin)?;
        self.1.version.as_ref().map_or(Ok(()), |version| write!(f, " {version}"))
    }
}

/// The other candidates, each with why it was passed over.
struct Rest<'a>(&'a Explanation, Option<&'a Considered>);

impl Rest<'_> {
    /// A sentence lists no more than this; the explanation has them all.
    const MOST: usize = 20;
}

impl fmt::Display for Rest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(explanation, told) = self;
        let others = explanation.considered.iter().filter(|other| told.is_none_or(|told| told.index != other.index));
        let count = others.clone().count();
        for (index, other) in others.take(Self::MOST).enumerate() {
            f.write_str(if index == 0 { "; passed over: " } else { ", " })?;
            match &other.version {
                Some(version) => write!(f, "{version}")?,
                None => f.write_str("one without a version")?,
            }
            write!(f, " ({})", other.because)?;
        }
        if count > Self::MOST { write!(f, " and {} more", count - Self::MOST) } else { Ok(()) }
    }
}
