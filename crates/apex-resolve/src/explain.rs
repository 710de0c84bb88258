//! Why each candidate was chosen or passed over, as data and in words.

use std::fmt;

use apex_meta::{PluginId, PluginVersion, Reason, Status, VersionSpecifier};
use serde::Serialize;

use crate::Candidate;

/// What a selection looked at, and what it made of each.
///
/// Its serde form is what `apex why --json` prints:
/// `{"plugin", "specifier", "chosen", "considered": [{"version", "status", "verdict", "because", "reason"}]}`.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Explanation {
    /// The plugin that was asked for.
    pub plugin: PluginId,
    /// Which versions were asked for; `None` if any would do.
    pub specifier: Option<VersionSpecifier>,
    /// The version that was chosen, if any.
    pub chosen: Option<PluginVersion>,
    /// Every candidate, highest version first; what has no version stands last.
    pub considered: Vec<Considered>,
}

impl Explanation {
    /// The candidate that was chosen, if any.
    pub fn chosen(&self) -> Option<&Considered> {
        self.considered.iter().find(|considered| considered.verdict == Verdict::Chosen)
    }
}

/// One candidate and what became of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Considered {
    /// Which of the candidates it is, counted from 0 in the order in which they were given.
    #[serde(skip)]
    pub index: usize,
    /// Its version; `None` if the metadata is too broken to tell.
    pub version: Option<PluginVersion>,
    /// Its status in the catalogue.
    pub status: Status,
    /// What the selection made of it.
    pub verdict: Verdict,
    /// The verdict in words.
    pub because: String,
    /// Why it is not ready, if it is not.
    pub reason: Option<Reason>,
}

/// What a selection made of a candidate; the first that applies, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Verdict {
    /// Its version does not satisfy the specifier.
    NotMatching,
    /// Its metadata has faults.
    Invalid,
    /// A check of trust, policy or fitness failed.
    Blocked,
    /// Another find of the same version takes its place.
    Shadowed,
    /// It is switched off.
    Disabled,
    /// It is installed, but another version is the active one, and the request has no specifier.
    Standby,
    /// It is a pre-release that nobody asked for, and a stable version would do.
    Prerelease,
    /// It would do, but its version is lower than the chosen one.
    Lower,
    /// It would do, but another candidate of the same version was given before it.
    SameVersion,
    /// It serves the request.
    Chosen,
}

impl Verdict {
    /// The verdict on something that is not ready.
    pub(crate) fn of_unfit(status: Status) -> Option<Self> {
        match status {
            Status::Invalid => Some(Self::Invalid),
            Status::Blocked => Some(Self::Blocked),
            Status::Shadowed => Some(Self::Shadowed),
            Status::Disabled => Some(Self::Disabled),
            Status::Ready => None,
        }
    }

    /// The name in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotMatching => "not-matching",
            Self::Invalid => "invalid",
            Self::Blocked => "blocked",
            Self::Shadowed => "shadowed",
            Self::Disabled => "disabled",
            Self::Standby => "standby",
            Self::Prerelease => "prerelease",
            Self::Lower => "lower",
            Self::SameVersion => "same-version",
            Self::Chosen => "chosen",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What the words of a verdict speak of.
pub(crate) struct Setting<'a> {
    pub(crate) specifier: Option<&'a VersionSpecifier>,
    pub(crate) chosen: Option<&'a PluginVersion>,
    /// Whether a candidate was passed over only because another version is the active one.
    pub(crate) has_standby: bool,
}

impl Setting<'_> {
    /// The verdict in words: lower case, no full stop.
    pub(crate) fn because(&self, candidate: &Candidate, verdict: Verdict) -> String {
        match verdict {
            Verdict::Chosen => self.because_chosen(candidate),
            Verdict::Lower => match self.chosen {
                Some(chosen) => format!("lower than {chosen}"),
                None => "lower than the one chosen".to_owned(),
            },
            Verdict::SameVersion => "the same version as the one chosen, which was found first".to_owned(),
            Verdict::Standby => "installed, but another version is active: ask for it by its version".to_owned(),
            Verdict::Prerelease => "a pre-release: stable versions go first unless the specifier names one".to_owned(),
            Verdict::NotMatching => match self.specifier {
                Some(specifier) => format!("does not satisfy `{specifier}`"),
                None => "does not satisfy the specifier".to_owned(),
            },
            Verdict::Invalid | Verdict::Blocked => match &candidate.reason {
                Some(reason) => format!("{verdict}: {reason}"),
                None => verdict.to_string(),
            },
            // Their codes say no more than the verdict.
            Verdict::Shadowed | Verdict::Disabled => match &candidate.reason {
                Some(reason) => format!("{verdict}: {}", reason.message),
                None => verdict.to_string(),
            },
        }
    }

    fn because_chosen(&self, candidate: &Candidate) -> String {
        let mut words = "the highest version that is ready".to_owned();
        if self.has_standby {
            words.push_str(" and active");
        }
        if let Some(specifier) = self.specifier {
            words.push_str(&format!(" and satisfies `{specifier}`"));
        }
        let is_asked_for = self.specifier.is_some_and(VersionSpecifier::allows_prereleases);
        if candidate.is_prerelease() && !is_asked_for {
            words.push_str("; a pre-release, since no stable version would do");
        }
        words
    }
}
