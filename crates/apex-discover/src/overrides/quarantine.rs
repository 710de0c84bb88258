//! Plugins that crashed too often, and are not started before somebody looked at them.

use apex_meta::{Digest, PluginId, PluginVersion, Reason};
use serde::{Deserialize, Serialize};

use crate::Entry;

/// A version that crashed too often: these very bytes of it, so that a mended one is not held responsible.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quarantine {
    /// The plugin.
    pub id: PluginId,
    /// Its version.
    pub version: PluginVersion,
    /// The digest of its files.
    pub digest: Digest,
    /// How often it crashed, and how it ended at last, for people.
    pub message: String,
}

impl Quarantine {
    /// The code of the reason that a plugin in quarantine is blocked with.
    pub const CODE: &'static str = "PluginQuarantined";

    /// Whether this is about an entry.
    pub(super) fn concerns(&self, entry: &Entry) -> bool {
        entry.id() == Some(&self.id) && entry.version() == Some(&self.version) && entry.digest() == Some(&self.digest)
    }

    /// Whether both are about the same bytes.
    pub(super) fn is_about_the_same(&self, other: &Self) -> bool {
        (&self.id, &self.version, &self.digest) == (&other.id, &other.version, &other.digest)
    }

    /// Why the plugin is blocked.
    pub(super) fn reason(&self) -> Reason {
        let hint = format!("find out why it crashes, then `apex enable {}`", self.id);
        Reason::new(Self::CODE, self.message.clone()).with_hint(hint)
    }
}
