//! What a caller asks for: a plugin's id and, perhaps, which versions will do.

use std::{fmt, str::FromStr};

use apex_meta::{InvalidId, InvalidSpecifier, PluginId, PluginVersion, VersionSpecifier};

/// A plugin's id and, perhaps, which versions will do: `com.acme.greeter` or `com.acme.greeter@^1`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PluginSpec {
    /// The plugin's id.
    pub id: PluginId,
    /// The versions that will do; none means the best there is.
    pub specifier: Option<VersionSpecifier>,
}

impl PluginSpec {
    /// Whether a version of a plugin is among those that are meant.
    pub fn covers(&self, id: &PluginId, version: &PluginVersion) -> bool {
        let satisfies = |specifier: &VersionSpecifier| specifier.matches(version.as_semver());
        self.id == *id && self.specifier.as_ref().is_none_or(satisfies)
    }
}

impl FromStr for PluginSpec {
    type Err = InvalidSpec;

    fn from_str(text: &str) -> Result<Self, InvalidSpec> {
        let (id, specifier) = match text.split_once('@') {
            Some((id, specifier)) => (id, Some(specifier)),
            None => (text, None),
        };
        let id = id.parse()?;
        let specifier = specifier.map(str::parse).transpose()?;
        Ok(Self { id, specifier })
    }
}

impl From<PluginId> for PluginSpec {
    fn from(id: PluginId) -> Self {
        Self { id, specifier: None }
    }
}

impl fmt::Display for PluginSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.id.fmt(f)?;
        self.specifier.as_ref().map_or(Ok(()), |specifier| write!(f, "@{specifier}"))
    }
}

/// Why a text does not name a plugin.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidSpec {
    /// What stands before the `@`, or all of it, is not an id.
    #[error(transparent)]
    Id(#[from] InvalidId),
    /// What stands after the `@` is not a version specifier.
    #[error(transparent)]
    Specifier(#[from] InvalidSpecifier),
}

impl InvalidSpec {
    /// The stable error code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Id(_) => InvalidId::CODE,
            Self::Specifier(_) => "InvalidSpecifier",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spec_is_an_id_with_an_optional_specifier() {
        let spec: PluginSpec = "com.acme.greeter@>=1.0,<2".parse().unwrap();
        assert_eq!(spec.id.as_str(), "com.acme.greeter");
        assert_eq!(spec.to_string(), "com.acme.greeter@>=1.0,<2");
        assert_eq!("x".parse::<PluginSpec>().unwrap().specifier, None);
    }

    #[test]
    fn a_bad_id_and_a_bad_specifier_are_told_apart() {
        assert_eq!("../x".parse::<PluginSpec>().unwrap_err().code(), "InvalidId");
        assert_eq!("x@>>1".parse::<PluginSpec>().unwrap_err().code(), "InvalidSpecifier");
    }
}
