//! Version specifiers: which versions of a plugin will do.

use std::{fmt, str::FromStr, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

mod clause;
mod parse;

#[cfg(test)]
mod tests;

use clause::Clause;
pub use parse::InvalidSpecifier;

use crate::member;

/// Which versions of a plugin will do: clauses that must all hold, separated by commas.
///
/// [PEP 440](https://peps.python.org/pep-0440/#version-specifiers)'s operators read SemVer 2.0.0 versions, and Cargo's
/// stand beside them. A version in a clause may leave out numbers; in PEP 440's they then count as 0.
///
/// | clause | holds for |
/// |---|---|
/// | `==1.2.3`, `!=1.2.3` | that version, any but that version |
/// | `==1.2.*`, `!=1.2.*` | every version that starts so, pre-releases among them; any that does not |
/// | `>=1.2`, `<=1.2` | versions from, or up to, 1.2.0 |
/// | `>1.2`, `<1.2` | versions after, or before, 1.2.0; `<` leaves out 1.2.0's own pre-releases, unless it names one |
/// | `~=1.2.3`, `~=1.2` | `>=1.2.3, ==1.2.*` and `>=1.2, ==1.*` |
/// | `===1.2.3+x` | the version that is written exactly so |
/// | `^1.2.3`, `1.2.3` | from 1.2.3 on while the leftmost number other than 0 stays |
/// | `~1.2.3`, `~1.2`, `~1` | from there on while 1.2, 1.2, 1 stays |
/// | `=1.2.3`, `=1.2`, `1.2.*` | that version; from 1.2.0 on while 1.2 stays |
/// | `*`, or nothing at all | every version |
///
/// What `>=1.2.0` leaves out, `^1.2`, `~1.2`, `=1.2` and `1.2.*` leave out too: 1.2.0's own pre-releases. None of Cargo's
/// clauses reaches the pre-releases of the version that it stops before.
///
/// Build metadata never counts, but in `===`. Matching goes by precedence alone; that pre-releases are only chosen when
/// asked for, or when nothing else is left, is for whoever selects: see [`VersionSpecifier::allows_prereleases`].
///
/// ```
/// use apex_meta::VersionSpecifier;
/// let specifier: VersionSpecifier = ">=1.2, <2.0.0".parse().unwrap();
/// assert!(specifier.matches(&semver::Version::new(1, 9, 0)));
/// assert!(!specifier.matches(&"2.0.0-rc.1".parse().unwrap()));
/// assert_eq!(specifier.to_string(), ">=1.2, <2.0.0");
/// assert_eq!(">=1.x".parse::<VersionSpecifier>().unwrap_err().offset(), 4);
/// ```
#[derive(Clone)]
pub struct VersionSpecifier {
    text: Arc<str>,
    clauses: Arc<[Clause]>,
}

impl VersionSpecifier {
    /// The longest specifier, in bytes.
    pub const MAX_BYTES: usize = 1024;

    /// The specifier that every version satisfies, `*`.
    pub fn any() -> Self {
        Self { text: "*".into(), clauses: Arc::new([]) }
    }

    /// The specifier as written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether the version satisfies every clause.
    pub fn matches(&self, version: &semver::Version) -> bool {
        self.clauses.iter().all(|clause| clause.holds(version))
    }

    /// Whether a clause names a pre-release, and so asks for them; as in PEP 440, `!=` does not.
    ///
    /// PEP 440's rule for choosing is: a pre-release that matches is taken if the specifier allows them, or if no other
    /// version matches.
    pub fn allows_prereleases(&self) -> bool {
        self.clauses.iter().any(Clause::names_prerelease)
    }
}

/// Specifiers are equal if they are written alike.
impl PartialEq for VersionSpecifier {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for VersionSpecifier {}

impl std::hash::Hash for VersionSpecifier {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}

impl FromStr for VersionSpecifier {
    type Err = InvalidSpecifier;

    fn from_str(text: &str) -> Result<Self, InvalidSpecifier> {
        Ok(Self { clauses: parse::clauses(text)?.into(), text: text.into() })
    }
}

impl fmt::Display for VersionSpecifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

impl fmt::Debug for VersionSpecifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VersionSpecifier({})", self.text)
    }
}

impl Serialize for VersionSpecifier {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for VersionSpecifier {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        member::parsed(deserializer)
    }
}
