//! What lists, choices and queries need of a manifest, so that its text need not be read again for them.

use std::sync::OnceLock;

use apex_meta::{Action, Digest, Document, Fault, PluginId, PluginVersion, Signature, VersionSpecifier};
use serde::{Deserialize, Serialize};

use crate::faults;

/// What lists, choices and queries need of a manifest.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Summary {
    pub(crate) id: PluginId,
    pub(crate) version: PluginVersion,
    /// What a scan itself has no need of.
    #[serde(with = "details")]
    details: Kept,
    pub(crate) requires: Vec<Requirement>,
    pub(crate) default_enabled: bool,
    #[serde(with = "digest")]
    pub(crate) checksum: Option<Digest>,
    /// Most have none.
    #[serde(with = "signature")]
    pub(crate) signature: Option<Box<Signature>>,
}

/// What is told of a plugin to whoever asks.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Details {
    pub(crate) name: String,
    pub(crate) author: String,
    pub(crate) tags: Vec<String>,
    pub(crate) permissions: Vec<String>,
    pub(crate) actions: Vec<ActionSummary>,
    /// What its author should look at.
    #[serde(with = "faults")]
    pub(crate) warnings: Vec<Fault>,
}

/// Details as they were kept, until somebody asks for them.
#[derive(Debug, Clone)]
struct Kept {
    bytes: Box<[u8]>,
    read: OnceLock<Box<Details>>,
}

/// What can be told of an action without reading its plugin's manifest again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ActionSummary {
    /// Its name, unique in the plugin.
    pub name: String,
    /// Whether its result is a stream of chunks.
    pub returns_stream: bool,
    /// Whether it reports progress.
    pub reports_progress: bool,
    /// What its stream says it holds, such as `text/csv; charset=utf-8`.
    pub content_type: Option<String>,
}

/// A plugin without which another one does not work.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Requirement {
    pub(crate) id: PluginId,
    pub(crate) versions: Option<VersionSpecifier>,
}

impl Summary {
    pub(crate) fn of(document: &Document, warnings: Vec<Fault>) -> Self {
        let manifest = document.manifest();
        let details = Details::of(document, warnings);
        let required = manifest.plugin_dependencies().iter().filter(|dependency| !dependency.optional);
        Self {
            id: manifest.id.clone(),
            version: manifest.version.clone(),
            details: Kept { bytes: Box::default(), read: OnceLock::from(Box::new(details)) },
            requires: required
                .map(|dependency| Requirement {
                    id: dependency.id.clone(),
                    versions: dependency.version_specifier.clone(),
                })
                .collect(),
            default_enabled: manifest.default_enabled,
            checksum: manifest.checksum,
            signature: manifest.signature.clone().map(Box::new),
        }
    }
}

impl Summary {
    /// What is told to whoever asks, read at the first question.
    pub(crate) fn details(&self) -> &Details {
        // A hash over all that was kept tells that it is what was written; who can forge that has a list with gaps.
        self.details.read.get_or_init(|| postcard::from_bytes(&self.details.bytes).unwrap_or_default())
    }
}

impl Details {
    fn of(document: &Document, warnings: Vec<Fault>) -> Self {
        let manifest = document.manifest();
        Self {
            name: manifest.name.clone(),
            author: manifest.author.clone(),
            tags: manifest.tags.clone(),
            permissions: manifest.permissions_required.clone(),
            actions: manifest.actions.iter().map(ActionSummary::of).collect(),
            warnings,
        }
    }
}

impl ActionSummary {
    fn of(action: &Action) -> Self {
        let content_type = action.stream_metadata.as_ref().and_then(|metadata| metadata.get("content_type")?.as_str());
        Self {
            name: action.name.as_str().to_owned(),
            returns_stream: action.returns_stream,
            reports_progress: action.supports_progress_reporting,
            content_type: content_type.map(str::to_owned),
        }
    }
}

/// Details as bytes, so that to skip them is to count them.
mod details {
    use std::sync::OnceLock;

    use serde::{Deserialize as _, Deserializer, Serializer, ser::Error as _};

    use super::Kept;

    pub(super) fn serialize<S: Serializer>(kept: &Kept, serializer: S) -> Result<S::Ok, S::Error> {
        match kept.read.get() {
            Some(details) => serializer.serialize_bytes(&postcard::to_allocvec(details).map_err(S::Error::custom)?),
            None => serializer.serialize_bytes(&kept.bytes),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Kept, D::Error> {
        let bytes = <&'de [u8]>::deserialize(deserializer)?.into();
        Ok(Kept { bytes, read: OnceLock::new() })
    }
}

/// A digest as algorithm and bytes: its usual form is an object, which compact formats cannot read.
mod digest {
    use apex_meta::{Digest, DigestAlgorithm};
    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer, de::Error as _};

    pub(super) fn serialize<S: Serializer>(digest: &Option<Digest>, serializer: S) -> Result<S::Ok, S::Error> {
        digest.as_ref().map(|digest| (digest.algorithm(), digest.as_bytes().as_slice())).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Digest>, D::Error> {
        // Taken as a whole, since an array is read byte by byte.
        let parts = Option::<(DigestAlgorithm, &'de [u8])>::deserialize(deserializer)?;
        let whole = |(algorithm, bytes): (_, &[u8])| bytes.try_into().map(|bytes| Digest::new(algorithm, bytes));
        parts.map(whole).transpose().map_err(D::Error::custom)
    }
}

/// A signature as three texts, for the same reason.
mod signature {
    use apex_meta::Signature;
    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer};

    pub(super) fn serialize<S: Serializer>(
        signature: &Option<Box<Signature>>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let parts = signature.as_ref().map(|signature| (&signature.method, &signature.key_id, &signature.value));
        parts.serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Box<Signature>>, D::Error> {
        let parts = Option::<(String, String, String)>::deserialize(deserializer)?;
        Ok(parts.map(|(method, key_id, value)| Box::new(Signature { method, key_id, value })))
    }
}
