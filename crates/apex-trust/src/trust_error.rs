//! Why a plugin is not accepted.

use std::{io, sync::Arc};

use apex_meta::{Digest, EntryPoint, PluginId, Reason, TARGET_TRIPLE};

use crate::{ElfError, KeyId, SignatureError, Timestamp, TreeError, TreePath};

/// Why a plugin is blocked.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum TrustError {
    /// Its directory holds what a plugin may not hold, or can be changed by others.
    #[error("plugin {id}: {source}")]
    Tree {
        /// The plugin.
        id: PluginId,
        /// What was found.
        source: TreeError,
    },
    /// Its library is not there or cannot be taken.
    #[error("plugin {id}: {source}")]
    Library {
        /// The plugin.
        id: PluginId,
        /// What is wrong with it.
        source: LibraryError,
    },
    /// Its signature is missing, malformed or wrong.
    #[error("plugin {id}: {source}")]
    Signature {
        /// The plugin.
        id: PluginId,
        /// What is wrong with it.
        source: SignatureError,
    },
    /// Its files are not those that its checksum was taken over.
    #[error("plugin {id}: the files do not match the checksum: plugin.json states {stated}, the files give {computed}")]
    ChecksumMismatch {
        /// The plugin.
        id: PluginId,
        /// The digest in `plugin.json`.
        stated: Digest,
        /// The digest of the files.
        computed: Digest,
    },
    /// It has neither checksum nor signature.
    #[error("plugin {id}: plugin.json has no checksum, so nothing says which files belong to it")]
    MissingChecksum {
        /// The plugin.
        id: PluginId,
    },
    /// No trusted publisher has the key that is said to have signed it.
    #[error("plugin {id}: it is signed by key {key_id}, which is not trusted")]
    UntrustedKey {
        /// The plugin.
        id: PluginId,
        /// The key.
        key_id: KeyId,
    },
    /// A trusted publisher signed it, but is not trusted with this id.
    #[error("plugin {id}: it is signed by `{publisher}`, who is trusted with {} only", prefixes.join(", "))]
    PublisherNotAllowed {
        /// The plugin.
        id: PluginId,
        /// The publisher.
        publisher: String,
        /// The prefixes that the publisher is trusted with.
        prefixes: Vec<String>,
    },
    /// The time of the key that signed it is over.
    #[error("plugin {id}: key {key_id} of `{publisher}` expired at {not_after}")]
    KeyExpired {
        /// The plugin.
        id: PluginId,
        /// The publisher.
        publisher: String,
        /// The key.
        key_id: KeyId,
        /// The last second in which the key counted.
        not_after: Timestamp,
    },
    /// The time of the key that signed it is still to come.
    #[error("plugin {id}: key {key_id} of `{publisher}` is not valid before {not_before}")]
    KeyNotYetValid {
        /// The plugin.
        id: PluginId,
        /// The publisher.
        publisher: String,
        /// The key.
        key_id: KeyId,
        /// The first second in which the key counts.
        not_before: Timestamp,
    },
    /// The operator revoked the key that signed it.
    #[error("plugin {id}: key {key_id} of `{publisher}` was revoked at {at}: {}", reason.escape_debug())]
    KeyRevoked {
        /// The plugin.
        id: PluginId,
        /// The publisher.
        publisher: String,
        /// The key.
        key_id: KeyId,
        /// When.
        at: Timestamp,
        /// Why.
        reason: String,
    },
    /// The dynamic linker of this process was told to bring in code that nobody verified.
    #[error("plugin {id}: it may not be loaded into a process whose environment sets {}", variables.join(", "))]
    UnsafeEnvironment {
        /// The plugin.
        id: PluginId,
        /// The variables that are set.
        variables: Vec<&'static str>,
    },
    /// The operator denied these very files.
    #[error("plugin {id}: its digest {digest} is denied")]
    DigestDenied {
        /// The plugin.
        id: PluginId,
        /// The digest.
        digest: Digest,
    },
}

impl TrustError {
    /// The stable error code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Tree { source, .. } => source.code(),
            Self::Library { source, .. } => source.code(),
            Self::Signature { source, .. } => source.code(),
            Self::ChecksumMismatch { .. } => "ChecksumMismatch",
            Self::MissingChecksum { .. } => "MissingChecksum",
            Self::UntrustedKey { .. } => "UntrustedKey",
            Self::PublisherNotAllowed { .. } => "PublisherNotAllowed",
            Self::KeyExpired { .. } => "KeyExpired",
            Self::KeyNotYetValid { .. } => "KeyNotYetValid",
            Self::KeyRevoked { .. } => "KeyRevoked",
            Self::DigestDenied { .. } => "DigestDenied",
            Self::UnsafeEnvironment { .. } => "UnsafeEnvironment",
        }
    }

    /// What the reader can do about it.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Tree { source, .. } => return source.hint(),
            Self::Library { source, .. } => return source.hint(),
            Self::Signature { source, .. } => return source.hint(),
            Self::ChecksumMismatch { .. } => {
                "get the package from its publisher again; if the change is yours, package it anew with: \
                 apex package DIR"
                    .into()
            }
            Self::MissingChecksum { .. } => "package it with: apex package DIR".into(),
            Self::UntrustedKey { id, .. } => {
                format!("if you trust its publisher: apex trust add NAME --key FILE --prefix {}", publisher_prefix(id))
            }
            Self::PublisherNotAllowed { id, publisher, .. } => format!(
                "if you trust the publisher with this id too: apex trust add {publisher} --key FILE --prefix {}",
                publisher_prefix(id)
            ),
            Self::KeyExpired { publisher, .. } => {
                format!(
                    "get a release signed with a newer key of `{publisher}`, then: apex trust add {publisher} --key FILE --prefix P"
                )
            }
            Self::KeyNotYetValid { .. } => {
                "check the clock of this machine; apex trust list shows from when on the key counts".into()
            }
            Self::KeyRevoked { publisher, .. } => format!(
                "get a release that `{publisher}` signed with another key; apex trust list shows which are revoked"
            ),
            Self::UnsafeEnvironment { variables, .. } => format!(
                "start the program without them: env {} PROGRAM; or let plugins run in children only",
                variables.iter().map(|name| format!("-u {name}")).collect::<Vec<_>>().join(" ")
            ),
            Self::DigestDenied { .. } => "get another release; the operator denied this one: apex trust list".into(),
        })
    }

    /// Code, sentence and hint as one value.
    pub fn to_reason(&self) -> Reason {
        let reason = Reason::new(self.code(), self.to_string());
        match self.hint() {
            Some(hint) => reason.with_hint(hint),
            None => reason,
        }
    }
}

/// What a publisher would likely be trusted with: the id without its last label.
fn publisher_prefix(id: &PluginId) -> &str {
    id.as_str().rsplit_once('.').map_or(id.as_str(), |(prefix, _)| prefix)
}

/// Why a plugin's library cannot be taken.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum LibraryError {
    /// There is none for this platform.
    #[error("it has no library for this platform: none of {} is there", expected.join(", "))]
    LibraryMissing {
        /// Where it could be, from the plugin's directory.
        expected: Vec<String>,
    },
    /// Its code is not native.
    #[error("entry point `{entry_point}` needs a runtime that this host does not have")]
    UnsupportedRuntime {
        /// The entry point.
        entry_point: EntryPoint,
    },
    /// It is none for this platform, or asks the dynamic linker for more than a plugin may.
    #[error("its library {path} cannot be accepted: {source}")]
    Elf {
        /// The library, from the plugin's directory.
        path: TreePath,
        /// What is wrong with it.
        source: ElfError,
    },
    /// Its bytes cannot be held in sealed memory.
    #[error("its library cannot be held in sealed memory")]
    Unsealable {
        /// What the system says.
        source: Arc<io::Error>,
    },
}

impl LibraryError {
    /// The stable error code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::LibraryMissing { .. } => "LibraryMissing",
            Self::UnsupportedRuntime { .. } => "UnsupportedRuntime",
            Self::Elf { source, .. } => source.code(),
            Self::Unsealable { source } if source.kind() == io::ErrorKind::Unsupported => "UnsupportedPlatform",
            Self::Unsealable { .. } => "LibraryUnsealable",
        }
    }

    /// What the reader can do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::LibraryMissing { .. } => Some(format!(
                "get a package that was built for {TARGET_TRIPLE}; an author builds one with: apex package DIR"
            )),
            Self::UnsupportedRuntime { .. } => Some("native plugins alone can be run for now".into()),
            Self::Elf { source, .. } => source.hint(),
            Self::Unsealable { .. } => None,
        }
    }
}
