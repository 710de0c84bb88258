//! One clause of a specifier, and whether it holds for a version.

use std::cmp::Ordering;

use semver::{BuildMetadata, Prerelease, Version};

/// An operator with what stands after it.
#[derive(Debug, Clone)]
pub(super) enum Clause {
    /// `===`: the text of the version.
    Identical(Box<str>),
    /// Any other operator: a version that may be partial.
    Compared(Operator, Operand),
}

/// The operators that compare numbers; PEP 440's first, then Cargo's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    Equal,
    NotEqual,
    AtLeast,
    AtMost,
    Greater,
    Less,
    Compatible,
    Caret,
    Tilde,
    Exact,
    /// No operator: a caret, or `=` where a wildcard stands.
    Bare,
}

impl Operator {
    /// Whether it comes from Cargo, which allows `x` for `*`, and no pre-release after a partial version.
    pub(super) fn is_cargo(self) -> bool {
        matches!(self, Self::Caret | Self::Tilde | Self::Exact | Self::Bare)
    }

    pub(super) fn takes_wildcard(self) -> bool {
        self.is_cargo() || matches!(self, Self::Equal | Self::NotEqual)
    }
}

/// A version that may leave out numbers.
#[derive(Debug, Clone)]
pub(super) struct Operand {
    pub(super) major: u64,
    pub(super) minor: Option<u64>,
    pub(super) patch: Option<u64>,
    pub(super) pre: Prerelease,
    /// Whether `*` stands for the rest.
    pub(super) wildcard: bool,
}

impl Clause {
    pub(super) fn holds(&self, version: &Version) -> bool {
        match self {
            Self::Identical(text) => **text == *version.to_string(),
            Self::Compared(operator, operand) => operand.compare(*operator, version),
        }
    }

    pub(super) fn names_prerelease(&self) -> bool {
        match self {
            Self::Identical(text) => Version::parse(text).is_ok_and(|version| !version.pre.is_empty()),
            Self::Compared(operator, operand) => *operator != Operator::NotEqual && !operand.pre.is_empty(),
        }
    }
}

impl Operand {
    fn compare(&self, operator: Operator, version: &Version) -> bool {
        let ordering = version.cmp_precedence(&self.padded());
        match operator {
            Operator::Equal => self.equals(ordering, version),
            Operator::NotEqual => !self.equals(ordering, version),
            Operator::AtLeast => ordering.is_ge(),
            Operator::AtMost => ordering.is_le(),
            Operator::Greater => ordering.is_gt(),
            Operator::Less => ordering.is_lt() && !self.is_final_of(version),
            Operator::Compatible => ordering.is_ge() && self.without_last().is_prefix_of(version),
            Operator::Caret => ordering.is_ge() && self.caret_prefix().is_prefix_of(version),
            Operator::Tilde => ordering.is_ge() && self.tilde_prefix().is_prefix_of(version),
            Operator::Exact if self.patch.is_some() => ordering.is_eq(),
            Operator::Exact => ordering.is_ge() && self.prefix().is_prefix_of(version),
            Operator::Bare if self.wildcard => self.compare(Operator::Exact, version),
            Operator::Bare => self.compare(Operator::Caret, version),
        }
    }

    fn equals(&self, ordering: Ordering, version: &Version) -> bool {
        if self.wildcard { self.prefix().is_prefix_of(version) } else { ordering.is_eq() }
    }

    fn padded(&self) -> Version {
        Version {
            major: self.major,
            minor: self.minor.unwrap_or(0),
            patch: self.patch.unwrap_or(0),
            pre: self.pre.clone(),
            build: BuildMetadata::EMPTY,
        }
    }

    /// Whether the version is a pre-release of this one, which is none itself.
    fn is_final_of(&self, version: &Version) -> bool {
        self.pre.is_empty() && !version.pre.is_empty() && Prefix::of(&self.padded()).is_prefix_of(version)
    }

    fn prefix(&self) -> Prefix {
        Prefix { major: self.major, minor: self.minor, patch: self.patch }
    }

    /// What `~=` keeps fixed: every number written but the last.
    fn without_last(&self) -> Prefix {
        Prefix { major: self.major, minor: self.minor.filter(|_| self.patch.is_some()), patch: None }
    }

    fn tilde_prefix(&self) -> Prefix {
        Prefix { patch: None, ..self.prefix() }
    }

    /// What `^` keeps fixed: the numbers up to the leftmost other than 0, as far as they are written.
    fn caret_prefix(&self) -> Prefix {
        match (self.major, self.minor) {
            (0, Some(0)) => self.prefix(),
            (0, Some(_)) => self.tilde_prefix(),
            _ => Prefix { major: self.major, minor: None, patch: None },
        }
    }
}

/// The numbers that a version must start with.
struct Prefix {
    major: u64,
    minor: Option<u64>,
    patch: Option<u64>,
}

impl Prefix {
    fn of(version: &Version) -> Self {
        Self { major: version.major, minor: Some(version.minor), patch: Some(version.patch) }
    }

    fn is_prefix_of(&self, version: &Version) -> bool {
        self.major == version.major
            && self.minor.is_none_or(|minor| minor == version.minor)
            && self.patch.is_none_or(|patch| patch == version.patch)
    }
}
