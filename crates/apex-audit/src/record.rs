//! What is recorded.

use std::time::SystemTime;

use apex_meta::{Digest, Placement, PluginId, PluginVersion, Reason};
use serde::{Serialize, Serializer};

/// Longer texts are cut, so that a line stays far below its limit, whatever a plugin calls itself.
const MAX_TEXT_CHARS: usize = 1024;

/// Something that happened, and when.
#[derive(Debug, Clone)]
pub struct Record {
    /// When; the caller reads the clock.
    pub at: SystemTime,
    /// What.
    pub happening: Happening,
}

/// What happened.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Happening {
    /// Checksum and signature were checked, and it was accepted.
    Verify {
        /// The plugin.
        #[serde(flatten)]
        subject: Subject,
    },
    /// Its code came into a process.
    Load {
        /// The plugin.
        #[serde(flatten)]
        subject: Subject,
        /// Where it runs.
        placement: Placement,
    },
    /// A check failed, or a call was refused.
    Block {
        /// The plugin.
        #[serde(flatten)]
        subject: Subject,
        /// The stable code of what it failed.
        code: String,
        /// The same for people.
        #[serde(serialize_with = "shortened")]
        message: String,
    },
    /// It was loaded, and ended because it is trusted no more.
    Stop {
        /// The plugin.
        #[serde(flatten)]
        subject: Subject,
        /// The stable code of what it fails now.
        code: String,
        /// The same for people.
        #[serde(serialize_with = "shortened")]
        message: String,
        /// How many of its calls were cut off.
        cut: usize,
        /// How many of its calls could not be ended.
        leftover: usize,
    },
    /// The operator granted a permission, or took it back.
    Grant {
        /// The plugin.
        #[serde(flatten)]
        subject: Subject,
        /// To whose plugin of this id.
        #[serde(serialize_with = "shortened")]
        owner: String,
        /// The permission.
        #[serde(serialize_with = "shortened")]
        permission: String,
        /// Whether it is granted now.
        granted: bool,
    },
    /// An action was called.
    Call {
        /// The plugin.
        #[serde(flatten)]
        subject: Subject,
        /// The action.
        #[serde(serialize_with = "shortened")]
        action: String,
        /// The digest of its parameters, see [`params_digest`].
        params: String,
        /// The plugin that made the call, if it was not the host.
        #[serde(serialize_with = "optional_text", skip_serializing_if = "Option::is_none")]
        caller: Option<PluginId>,
        /// The stable code of the error that it ended in, if it did.
        error: Option<String>,
    },
    /// It was installed where no version of it was active, or the files of the active one were brought back.
    Install {
        /// The plugin.
        #[serde(flatten)]
        subject: Subject,
        /// The package that it came from.
        #[serde(serialize_with = "shortened")]
        source: String,
    },
    /// Its files were removed from the install store.
    Remove {
        /// The plugin, in that version.
        #[serde(flatten)]
        subject: Subject,
    },
    /// One version took the place of another.
    Update {
        /// The plugin, in the version that is there now.
        #[serde(flatten)]
        subject: Subject,
        /// The version that was there before.
        #[serde(serialize_with = "optional_text")]
        from: Option<PluginVersion>,
    },
    /// The host goes by another trust store.
    TrustChange {
        /// How often the store was saved.
        store_version: u64,
    },
    /// The host could not read the trust store any more.
    TrustUnreadable {
        /// The stable code of what is wrong with it.
        code: String,
        /// The same for people.
        #[serde(serialize_with = "shortened")]
        message: String,
    },
    /// The log ended in half a line, as a crash leaves it, which was set aside.
    Torn {
        /// How many bytes.
        bytes: usize,
        /// Their BLAKE3 hash in hex.
        blake3: String,
        /// The name of the file that they are in now, beside the log.
        kept_in: String,
    },
}

/// Which plugin something happened to, as far as that was known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Subject {
    /// The plugin.
    #[serde(serialize_with = "text")]
    pub plugin: PluginId,
    /// Its version; none where all versions are meant.
    #[serde(serialize_with = "optional_text", skip_serializing_if = "Option::is_none")]
    pub version: Option<PluginVersion>,
    /// The digest of its files.
    #[serde(serialize_with = "optional_text", skip_serializing_if = "Option::is_none")]
    pub digest: Option<Digest>,
    /// The trusted publisher who signed it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub publisher: Option<String>,
    /// The key that signed it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_id: Option<String>,
}

impl Subject {
    /// A plugin of which no more than this is known.
    pub fn new(plugin: PluginId, version: PluginVersion) -> Self {
        Self { version: Some(version), ..Self::of_id(plugin) }
    }

    /// A plugin in whatever version.
    pub fn of_id(plugin: PluginId) -> Self {
        Self { plugin, version: None, digest: None, publisher: None, key_id: None }
    }

    /// Adds the digest of its files.
    #[must_use]
    pub fn with_digest(mut self, digest: Option<Digest>) -> Self {
        self.digest = digest;
        self
    }

    /// Adds who signed it, and with which key.
    #[must_use]
    pub fn with_signer(mut self, publisher: Option<String>, key_id: Option<String>) -> Self {
        (self.publisher, self.key_id) = (publisher, key_id);
        self
    }
}

impl Record {
    /// A plugin was verified.
    pub fn verified(at: SystemTime, subject: Subject) -> Self {
        Self { at, happening: Happening::Verify { subject } }
    }

    /// A plugin was loaded.
    pub fn loaded(at: SystemTime, subject: Subject, placement: Placement) -> Self {
        Self { at, happening: Happening::Load { subject, placement } }
    }

    /// A plugin was blocked.
    pub fn blocked(at: SystemTime, subject: Subject, reason: &Reason) -> Self {
        let (code, message) = (reason.code.to_string(), reason.message.clone());
        Self { at, happening: Happening::Block { subject, code, message } }
    }
}

/// The digest under which the parameters of a call are recorded, of their JSON as the caller gave it.
///
/// Whoever can guess the parameters can check the guess: a digest hides no value of which there are few.
pub fn params_digest(params: &[u8]) -> String {
    format!("blake3:{}", blake3::hash(params).to_hex())
}

fn shortened<S: Serializer>(text: &str, serializer: S) -> Result<S::Ok, S::Error> {
    match text.char_indices().nth(MAX_TEXT_CHARS) {
        None => serializer.serialize_str(text),
        Some((end, _)) => serializer.serialize_str(&format!("{}…", &text[..end])),
    }
}

fn text<S: Serializer>(value: &impl std::fmt::Display, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

fn optional_text<S: Serializer>(value: &Option<impl std::fmt::Display>, serializer: S) -> Result<S::Ok, S::Error> {
    match value {
        Some(value) => serializer.collect_str(value),
        None => serializer.serialize_none(),
    }
}
