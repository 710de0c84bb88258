//! How far apart two versions are, by what SemVer lets change between them.

use std::fmt;

use apex_meta::PluginVersion;
use serde::Serialize;

/// How far apart two versions are, by what SemVer lets change between them.
///
/// As for Cargo, the first number that is not 0 is the one whose change breaks: 0.2 is as far from 0.1 as 2.0 is from 1.0.
///
/// ```
/// use apex_install::VersionStep;
/// let step = |from: &str, to: &str| VersionStep::between(&from.parse().unwrap(), &to.parse().unwrap());
/// assert_eq!(step("1.0.0", "2.0.0"), VersionStep::Major);
/// assert_eq!(step("0.1.0", "0.2.0"), VersionStep::Major);
/// assert_eq!(step("1.0.0", "1.1.0"), VersionStep::Minor);
/// assert_eq!(step("1.0.0", "1.0.1"), VersionStep::Patch);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum VersionStep {
    /// What worked may not work any more.
    Major,
    /// There is more than before.
    Minor,
    /// Faults were mended.
    Patch,
    /// From or to a pre-release of the same numbers.
    PreRelease,
    /// Back to a lower version.
    Down,
}

impl VersionStep {
    /// The step from one version to another.
    pub fn between(from: &PluginVersion, to: &PluginVersion) -> Self {
        let (old, new) = (from.as_semver(), to.as_semver());
        if to < from {
            Self::Down
        } else if !from.is_same_major(to) {
            Self::Major
        } else if (old.minor, old.major) != (new.minor, new.major) {
            Self::Minor
        } else if old.patch != new.patch {
            Self::Patch
        } else {
            Self::PreRelease
        }
    }

    /// The name in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Major => "major",
            Self::Minor => "minor",
            Self::Patch => "patch",
            Self::PreRelease => "pre-release",
            Self::Down => "down",
        }
    }
}

impl fmt::Display for VersionStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

    use super::*;

    #[test]
    fn a_step_is_named_by_the_first_number_that_matters() {
        for (from, to, expected) in [
            ("1.0.0", "2.0.0", "major"),
            ("1.9.9", "2.0.0-rc.1", "major"),
            ("0.1.0", "0.2.0", "major"),
            ("0.0.1", "0.0.2", "major"),
            ("0.9.0", "1.0.0", "major"),
            ("1.0.0", "1.1.0", "minor"),
            ("1.0.5", "1.1.0-rc.1", "minor"),
            ("0.1.0", "0.1.1", "patch"),
            ("1.0.0", "1.0.1", "patch"),
            ("2.0.0-rc.1", "2.0.0", "pre-release"),
            ("2.0.0-rc.1", "2.0.0-rc.2", "pre-release"),
            ("2.0.0", "1.9.0", "down"),
            ("2.0.0", "2.0.0-rc.1", "down"),
        ] {
            let step = VersionStep::between(&from.parse().unwrap(), &to.parse().unwrap());
            assert_eq!(step.to_string(), expected, "{from} -> {to}");
        }
    }
}
