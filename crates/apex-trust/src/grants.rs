//! What the operator grants to plugins: stored, and bound to whom it was given.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use apex_meta::{JsonLimits, Owner, Permission, PluginId, parse_strict_json};
use serde::{Deserialize, Serialize};

mod error;
mod file;
#[cfg(test)]
mod tests;
mod width;

pub use error::GrantsError;
pub use width::{GrantRoots, GrantTooWide};

/// The tag of the file's format.
const FORMAT: &str = "apex-grants/1";

/// What the stored file may hold.
const LIMITS: JsonLimits = JsonLimits { max_bytes: 16 << 20, max_depth: 8 };

/// What the operator granted: permissions, each to the plugins of one id and one owner.
///
/// The default grant is nothing, and only the operator adds to it: a plugin, a lock file and a project narrow what is in
/// effect and never widen it. An id alone is a claim that anybody can make, so who takes one over inherits nothing.
///
/// Stored as strict JSON, beside the trust store:
///
/// ```
/// use apex_meta::Owner;
/// use apex_trust::Grants;
/// let grants = Grants::parse(br#"{
///     "format": "apex-grants/1",
///     "grants": [{"id": "com.acme.mail", "owner": {"publisher": "acme"}, "permissions": ["net.connect:587"]}]
/// }"#)?;
/// let (mail, acme) = ("com.acme.mail".parse()?, Owner::Publisher("acme".to_owned()));
/// assert_eq!(grants.of(&mail, &acme).count(), 1);
/// assert_eq!(grants.of(&mail, &Owner::Publisher("evil".to_owned())).count(), 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Grants {
    granted: BTreeMap<(PluginId, Owner), BTreeSet<Permission>>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Form {
    format: String,
    grants: Vec<FormGrant>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FormGrant {
    id: PluginId,
    owner: Owner,
    permissions: BTreeSet<Permission>,
}

impl Grants {
    /// Nothing is granted to anybody.
    pub fn empty() -> Self {
        Self::default()
    }

    /// Reads the stored form.
    ///
    /// # Errors
    /// The bytes are not strict JSON, not of this format, or have a member or a permission that this release does not
    /// know.
    pub fn parse(bytes: &[u8]) -> Result<Self, GrantsError> {
        let value = parse_strict_json(bytes, LIMITS).map_err(GrantsError::Json)?;
        let form = Form::deserialize(value).map_err(GrantsError::Shape)?;
        if form.format != FORMAT {
            return Err(GrantsError::Format { found: form.format.chars().take(80).collect() });
        }
        let mut grants = Self::empty();
        for FormGrant { id, owner, permissions } in form.grants {
            grants.granted.entry((id, owner)).or_default().extend(permissions);
        }
        Ok(grants)
    }

    /// Writes the stored form.
    ///
    /// # Errors
    /// There is more to write than would be read again.
    pub fn to_bytes(&self) -> Result<Vec<u8>, GrantsError> {
        let grant = |((id, owner), permissions): (&(PluginId, Owner), &BTreeSet<Permission>)| FormGrant {
            id: id.clone(),
            owner: owner.clone(),
            permissions: permissions.clone(),
        };
        let form = Form { format: FORMAT.to_owned(), grants: self.granted.iter().map(grant).collect() };
        let mut bytes = serde_json::to_vec_pretty(&form).map_err(GrantsError::Shape)?;
        bytes.push(b'\n');
        match bytes.len() <= LIMITS.max_bytes {
            true => Ok(bytes),
            false => Err(GrantsError::TooLarge { bytes: bytes.len(), limit: LIMITS.max_bytes }),
        }
    }

    /// Loads a file; where there is none, nothing is granted.
    ///
    /// # Errors
    /// The file or a directory above it belongs to others or can be written by them, it cannot be read, or does not
    /// [parse](Self::parse).
    pub fn load(path: &Path) -> Result<Self, GrantsError> {
        file::load(path)
    }

    /// Changes the stored grants, durably and as a whole, while other writers wait; gives what the change returns.
    ///
    /// # Errors
    /// As [`Grants::load`]; the file cannot be written; and whatever the change itself returns. Then nothing changes.
    pub fn edit<R, E: From<GrantsError>>(path: &Path, change: impl FnOnce(&mut Self) -> Result<R, E>) -> Result<R, E> {
        file::edit(path, change)
    }

    /// What is granted to the plugins of an id and an owner, sorted.
    pub fn of<'a>(&'a self, id: &PluginId, owner: &Owner) -> impl Iterator<Item = &'a Permission> + Clone + use<'a> {
        self.granted.get(&(id.clone(), owner.clone())).into_iter().flatten()
    }

    /// Everything that is granted under an id, to whomever.
    pub fn of_id<'a>(&'a self, id: &'a PluginId) -> impl Iterator<Item = (&'a Owner, &'a Permission)> {
        self.iter().filter(move |(of, _, _)| *of == id).map(|(_, owner, permission)| (owner, permission))
    }

    /// Everything that is granted.
    pub fn iter(&self) -> impl Iterator<Item = (&PluginId, &Owner, &Permission)> {
        self.granted
            .iter()
            .flat_map(|((id, owner), permissions)| permissions.iter().map(move |permission| (id, owner, permission)))
    }

    /// Whether something is granted under this id, but to other owners alone.
    pub fn are_foreign(&self, id: &PluginId, owner: &Owner) -> bool {
        self.of(id, owner).next().is_none() && self.of_id(id).next().is_some()
    }

    /// Grants a permission; says whether it was not granted before.
    pub fn grant(&mut self, id: PluginId, owner: Owner, permission: Permission) -> bool {
        self.granted.entry((id, owner)).or_default().insert(permission)
    }

    /// Takes a permission back, from one owner or from all; gives those who had it.
    pub fn ungrant(&mut self, id: &PluginId, owner: Option<&Owner>, permission: &Permission) -> Vec<Owner> {
        let mut had = Vec::new();
        for ((of, who), permissions) in &mut self.granted {
            if of == id && owner.is_none_or(|owner| owner == who) && permissions.remove(permission) {
                had.push(who.clone());
            }
        }
        self.granted.retain(|_, permissions| !permissions.is_empty());
        had
    }
}
