//! Permissions: what a plugin may ask for, what an operator may grant, and what each of them means.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{PluginId, member};

mod error;
mod path;
#[cfg(test)]
mod tests;
mod vocabulary;

pub use error::InvalidPermission;
pub use path::{PathRoot, PermissionPath};
pub use vocabulary::{PermissionAlias, PermissionForm};

/// A permission: a plugin asks for it, an operator grants it, and nothing in it is a wildcard.
///
/// A path stands for itself and all that lies below it; everything else stands for itself alone.
///
/// ```
/// use apex_meta::Permission;
/// let asked: Permission = "fs.read:${workspace}/src".parse().unwrap();
/// let granted: Permission = "fs.read:${workspace}".parse().unwrap();
/// assert!(granted.covers(&asked) && !asked.covers(&granted));
/// // The names that others give to permissions stand for some of these.
/// let shell = Permission::named("execute_shell_commands").unwrap();
/// assert_eq!(shell, ["process.spawn".parse().unwrap()]);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Permission {
    /// Read files and list directories, at and below a path.
    ReadFiles(PermissionPath),
    /// Write, create, rename and remove files, at and below a path; reading is apart.
    WriteFiles(PermissionPath),
    /// Connect to a TCP port, on any host, and look up names.
    Connect(u16),
    /// Listen on a TCP port; 0 stands for whichever is free.
    Listen(u16),
    /// Start programs of the system.
    Spawn,
    /// Have an environment variable of the host.
    Variable(String),
    /// Call the actions of another plugin, which must be declared as a dependency too.
    Call(PluginId),
}

impl Permission {
    /// The longest text that is read as a permission, in bytes.
    pub const MAX_BYTES: usize = 4096;

    /// Every form that a permission has, the one table that all else about them follows from.
    pub const FORMS: &'static [PermissionForm] = vocabulary::FORMS;

    /// The names that others give to permissions, with what they stand for.
    pub const ALIASES: &'static [PermissionAlias] = vocabulary::ALIASES;

    /// The permissions that a text names: one of its own, or those that an alias stands for.
    ///
    /// # Errors
    /// It names none.
    pub fn named(text: &str) -> Result<Vec<Self>, InvalidPermission> {
        match Self::ALIASES.iter().find(|alias| alias.name == text) {
            Some(alias) => alias.stands_for.iter().map(|permission| permission.parse()).collect(),
            None => text.parse().map(|permission| vec![permission]),
        }
    }

    /// The row of the table that it is of.
    pub fn form(&self) -> &'static PermissionForm {
        let place = match self {
            Self::ReadFiles(_) => 0,
            Self::WriteFiles(_) => 1,
            Self::Connect(_) => 2,
            Self::Listen(_) => 3,
            Self::Spawn => 4,
            Self::Variable(_) => 5,
            Self::Call(_) => 6,
        };
        &Self::FORMS[place]
    }

    /// Whether whoever has this has the other one too.
    pub fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::ReadFiles(path), Self::ReadFiles(other)) | (Self::WriteFiles(path), Self::WriteFiles(other)) => {
                path.holds(other)
            }
            _ => self == other,
        }
    }

    /// What is allowed by both: the narrower one, or nothing.
    pub fn meet<'a>(&'a self, other: &'a Self) -> Option<&'a Self> {
        match (self.covers(other), other.covers(self)) {
            (true, _) => Some(other),
            (_, true) => Some(self),
            _ => None,
        }
    }

    /// What is in effect of what was granted to a plugin: no more than it asks for, sorted.
    pub fn in_effect(granted: &[Self], asked: &[Self]) -> Vec<Self> {
        let both = |asked| granted.iter().filter_map(move |granted: &Self| granted.meet(asked));
        let mut effective: Vec<Self> = asked.iter().flat_map(both).cloned().collect();
        effective.sort();
        effective.dedup();
        effective
    }
}

impl FromStr for Permission {
    type Err = InvalidPermission;

    fn from_str(text: &str) -> Result<Self, InvalidPermission> {
        let (name, argument) = text.split_once(':').map_or((text, None), |(name, argument)| (name, Some(argument)));
        let invalid = |fault| InvalidPermission::new(text, fault);
        if text.len() > Self::MAX_BYTES {
            return Err(invalid(error::Fault::TooLong));
        }
        let form = Self::FORMS.iter().find(|form| form.name == name).ok_or_else(|| invalid(error::Fault::Unknown))?;
        match (form.argument, argument) {
            (Some(argument), None | Some("")) => Err(invalid(error::Fault::Missing { name: form.name, argument })),
            (None, Some(_)) => Err(invalid(error::Fault::Unexpected { name: form.name })),
            (_, argument) => (form.parse)(argument.unwrap_or_default()).map_err(invalid),
        }
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.form().name;
        match self {
            Self::ReadFiles(path) | Self::WriteFiles(path) => write!(f, "{name}:{path}"),
            Self::Connect(port) | Self::Listen(port) => write!(f, "{name}:{port}"),
            Self::Spawn => f.write_str(name),
            Self::Variable(variable) => write!(f, "{name}:{variable}"),
            Self::Call(id) => write!(f, "{name}:{id}"),
        }
    }
}

impl Serialize for Permission {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Permission {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        member::parsed(deserializer)
    }
}
